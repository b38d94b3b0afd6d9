"""The ensemble in the pipeline: of models that pass, judged, registered and served as any other."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import estimators, files, params
from sales.errors import PipelineError
from sales.models import saved
from sales.models.cross_intervals import CrossIntervals
from sales.models.intervals import Intervals
from sales.registry import drawings, exports
from sales.serving.answering import Served
from sales.serving.request import OrderSchema
from stages import (
    backtest_plan,
    card,
    evaluate,
    explain,
    featurize,
    gate,
    prepare,
    register,
    scoreboard,
    train,
    train_ensemble,
)
from tests.examples import ROOT, set_params
from tests.stages.test_folds import CHANGES as FOLDS
from tests.stages.test_folds import raw

NAMES = ("linear_regression", "random_forest", "xgboost", "lightgbm")
ENSEMBLE, METRICS = Path("models/ensemble"), Path("metrics/ensemble.json")
CHANGES = {
    **FOLDS,
    "featurize.feature_set": "order",
    "train.ensemble.wanted": True,
    "train.lightgbm.n_estimators": 30,
    **dict.fromkeys(
        [
            *("gate.max_generalization_gap_pct", "gate.max_slice_rmse_ratio"),
            *("gate.max_behaviour_violation_pct", "gate.max_coverage_shortfall_pct"),
        ]
    ),
    "gate.min_test_r2": 0.8,
    "register.top_k": 9,
}


def later(*stages):
    for stage in stages:
        stage.main()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return two projects with an ensemble, judged: of a valid part, and of folds."""
    before, folders = Path.cwd(), {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(estimators, "NAMES", NAMES)
        for valid in ("part", "folds"):
            folders[valid] = tmp_path_factory.mktemp(valid)
            shutil.copy(ROOT / "params.yaml", folders[valid])
            os.chdir(folders[valid])
            set_params({**CHANGES, "prepare.valid": valid})
            raw(600)
            later(prepare, featurize)
            for name in NAMES:
                patched.setattr("sys.argv", ["train", name])
                train.main()
            later(train_ensemble, evaluate, gate, card)
            assert (ENSEMBLE / "model.json").is_file()
    os.chdir(before)
    return folders


@pytest.fixture(params=["part", "folds"])
def made(request, both, tmp_path, monkeypatch):
    """Change into a copy of one of the projects."""
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    shutil.copytree(both[request.param], tmp_path / "made")
    monkeypatch.chdir(tmp_path / "made")
    return request.param


def test_it_is_of_models_that_pass_and_says_how_much_of_each(made):
    judged = files.read_json(Path("metrics/gate.json"))["models"]
    assert judged["linear_regression"]["verdict"] == "refused"  # it predicts amounts below zero
    about = saved.load(ENSEMBLE).about
    passing = [name for name in NAMES if judged[name]["verdict"] == "passed"]
    assert len(about["members"]) > 1
    assert set(about["members"]) <= set(passing)
    assert sum(its["weight"] for its in about["members"].values()) == pytest.approx(1)
    for name, its in about["members"].items():
        assert its["content_hash"] == files.content_hash(Path("models") / name)
        assert f"{name} {its['weight']:g}" in about["params"]["weights"]


def test_it_answers_what_its_members_do(made):
    model = saved.load(ENSEMBLE)
    orders = pd.read_parquet("data/prepared/test.parquet")
    expected = sum(
        round(1000 * its["weight"]) * saved.load(Path("models") / name).predict(orders)
        for name, its in model.about["members"].items()
    )
    assert model.predict(orders).tolist() == (expected / 1000).tolist()


def test_it_is_judged_as_any_other(made):
    """Ranked by the error of weights that had not seen the rows, gated on the test rows."""
    metrics, model = files.read_json(METRICS), saved.load(ENSEMBLE)
    true, predicted = model.out_of_fold
    rmse = np.sqrt(np.mean((true - predicted) ** 2))
    assert metrics["valid"]["rmse"] == pytest.approx(rmse, rel=1e-5)
    rows = pd.read_parquet(f"data/prepared/{'valid' if made == 'part' else 'train'}.parquet")
    assert len(true) == len(rows) * (1 if made == "part" else 2)
    decided = files.read_json(Path("metrics/gate.json"))
    assert decided["models"]["ensemble"]["verdict"] == "passed"
    ranked = sorted(
        decided["ranking"],
        key=lambda n: files.read_json(Path(f"metrics/{n}.json"))["valid"]["rmse"],
    )
    assert decided["ranking"] == ranked
    for table in ("rmse", "predictions", "residual_histogram", "slices", "importance"):
        assert "ensemble" in set(pd.read_csv(f"plots/{table}.csv")["model"]), table
    text = Path("cards/ensemble.md").read_text()
    assert "An ensemble that predicts `TotalAmount`" in text
    assert f"| weights | {model.about['params']['weights']} |".replace("_", r"\_") in text
    assert "answers the mean of what its members do" in text
    assert any(row[0] == "ensemble" for row in scoreboard.results())


def test_its_intervals_are_those_of_a_model_made_the_same_way(made):
    model = saved.load(ENSEMBLE)
    if made == "part":
        assert isinstance(model.intervals, Intervals)
        assert not model.folds
    else:
        assert isinstance(model.intervals, CrossIntervals)
        assert len(model.folds) == 4
        orders = pd.read_parquet("data/prepared/train.parquet")
        assigned = pd.read_parquet("data/features/folds.parquet")["0"].to_numpy()
        start = 0
        for number, fold in enumerate(model.folds):  # an ensemble of the models of that fold
            held = orders[assigned == number]
            again = fold.estimator.predict(fold.featuriser.transform(held))
            expected = model.out_of_fold[1][start : start + len(held)]
            assert again == pytest.approx(expected, rel=1e-12)
            start += len(held)
    metrics = files.read_json(METRICS)
    assert metrics["nominal_coverage_pct"] == 90
    assert metrics["coverage_pct"] > 80  # of 120 test rows


def test_an_order_alone_is_its_row_in_a_table_and_is_explained(made):
    model = saved.load(ENSEMBLE)
    orders = pd.read_parquet("data/prepared/test.parquet")[:4]
    whole = model.predict(orders)
    within = model.within(orders, whole)
    served = Served("champion", "m", model, OrderSchema(model.featuriser), {"version": 1}, None)
    for row in range(len(orders)):
        order = orders.iloc[[row]][list(model.featuriser.request_fields)]
        body = json.loads(order.to_json(orient="records", date_format="iso"))[0]
        body["OrderDate"] = f"{order['OrderDate'].iloc[0]:%Y-%m-%d}"
        told = served.one(json.dumps(body).encode()).told
        assert told["predicted_total_amount"] == whole[row]
        interval = told["prediction_interval"]
        assert (interval["low"], interval["high"]) == (within.low[row], within.high[row])
        why = served.explain(json.dumps(body).encode())
        total = why["baseline"] + sum(one["amount"] for one in why["contributions"])
        assert total == pytest.approx(whole[row], rel=1e-9)
        assert why["predicted_total_amount"] == whole[row]
    strange = {**body, "Brand": "Nobody's", "Quantity": 50}
    told = served.one(json.dumps(strange).encode()).told
    assert len(told["warnings"]) == 2
    assert told["prediction_interval"]["holds"] is False


def test_make_explain_knows_it(made, capsys):
    name = pd.read_parquet("data/prepared/test.parquet")["OrderID"].iloc[0]
    text = explain.told(name, "ensemble")
    assert "ensemble (" in text
    shutil.rmtree(ENSEMBLE)
    with pytest.raises(PipelineError, match=r"unknown model 'ensemble'; known: champion"):
        explain.told(name, "ensemble")


def test_no_target_of_a_test_row_moves_it_while_the_same_models_pass(made):
    before = files.content_hash(ENSEMBLE)
    path = Path("data/prepared/test.parquet")
    rows = pd.read_parquet(path)
    rng = np.random.default_rng(0)
    rows["TotalAmount"] *= rng.uniform(0.98, 1.02, len(rows))
    rows.to_parquet(path)
    featurize.main()
    train_ensemble.main()
    assert files.content_hash(ENSEMBLE) == before


def test_a_member_that_was_trained_anew_is_told(made):
    about = files.read_json(Path("models/xgboost/model.json"))
    files.write_json(Path("models/xgboost/model.json"), {**about, "note": "another one"})
    with pytest.raises(PipelineError, match=r"^models/ensemble was not made from models/xgboost"):
        evaluate.main()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"train.ensemble.wanted": False}, "train.ensemble.wanted is false"),
        ({"gate.max_test_rmse": 0.1}, "no model passes the gate, and it takes two"),
    ],
)
def test_where_there_is_none_it_is_said_and_the_rest_goes_on(made, changes, why, capsys):
    set_params(changes)
    later(train_ensemble, evaluate, gate, card)
    assert files.read_json(ENSEMBLE / "none.json") == {"why": why}
    assert [path.name for path in ENSEMBLE.iterdir()] == ["none.json"]
    assert f"no ensemble: {why}" in capsys.readouterr().out
    assert files.read_json(METRICS) == {}
    assert set(files.read_json(Path("metrics/gate.json"))["models"]) == set(NAMES)
    assert not Path("cards/ensemble.md").exists()
    assert "ensemble" not in set(pd.read_csv("plots/rmse.csv")["model"])
    assert all(row[0] != "ensemble" for row in scoreboard.results())


def test_one_that_passes_or_errs_least_alone_makes_none(made, capsys):
    rmse = {n: files.read_json(Path(f"metrics/{n}.json"))["test"]["rmse"] for n in NAMES[1:]}
    first, second = sorted(rmse.values())[:2]
    set_params({"gate.max_test_rmse": (first + second) / 2})
    train_ensemble.main()
    best = min(rmse, key=rmse.__getitem__)
    why = f"only {best} passes the gate, and it takes two"
    assert files.read_json(ENSEMBLE / "none.json") == {"why": why}
    set_params({"gate.max_test_rmse": None, "train.ensemble.min_weight": 0.5})
    train_ensemble.main()
    if (ENSEMBLE / "none.json").is_file():
        assert "alone errs no more on rows" in files.read_json(ENSEMBLE / "none.json")["why"]
    else:
        members = saved.load(ENSEMBLE).about["members"]
        assert [its["weight"] for its in members.values()] == [0.5, 0.5]


def test_it_is_registered_by_its_content_and_mlflow_loads_it(both, tmp_path, monkeypatch):
    import mlflow

    monkeypatch.setattr(estimators, "NAMES", NAMES)
    monkeypatch.setattr(drawings, "of", lambda *_: {})  # other tests look at the pictures
    shutil.copytree(both["part"], tmp_path / "made")
    monkeypatch.chdir(tmp_path / "made")
    register.main()
    record = files.read_json(Path("metrics/registry.json"))
    model = saved.load(ENSEMBLE)
    ranking = files.read_json(Path("metrics/gate.json"))["ranking"]
    assert "ensemble" in ranking
    name = params.read("register", register.RegisterParams).model_name
    client = mlflow.MlflowClient()
    [version] = [
        v
        for v in client.search_model_versions(f"name = '{name}'")
        if v.tags.get("content_hash") == model.content_hash
    ]
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/{version.version}")
    orders = pd.read_parquet("data/prepared/test.parquet")[:5]
    sent = orders[list(model.featuriser.request_fields)]
    assert loaded.unwrap_python_model().model.predict(sent).tolist() == model.predict(sent).tolist()
    run = client.get_run(version.run_id)
    assert run.data.params["weights"] == model.about["params"]["weights"]
    held = {record[alias]["content_hash"] for alias in ("champion", "challenger")}
    assert (model.content_hash in held) == ("ensemble" in ranking[:2])
    assert len(exports.read(Path("models/promoted"))) == 2
    register.main()  # nothing more to do
    again = client.search_model_versions(f"name = '{name}'")
    assert sum(v.tags.get("content_hash") == model.content_hash for v in again) == 1


def test_it_is_trained_by_its_own_stage_alone(project, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train", "ensemble"])
    with pytest.raises(PipelineError, match="name the model to train: linear_regression"):
        train.main()


def test_of_a_champion_that_is_an_ensemble_its_heaviest_member_is_backtested(made, capsys):
    shutil.copytree(ENSEMBLE, "models/promoted/champion")
    members = saved.load(ENSEMBLE).about["members"]
    name, settings = backtest_plan.chosen("")
    assert members[name]["weight"] == max(its["weight"] for its in members.values())
    assert settings == files.read_json(Path(f"models/{name}/model.json"))["params"]
    assert f"the champion is an ensemble: {name}, its heaviest" in capsys.readouterr().out
    with pytest.raises(PipelineError, match=r"^ensemble: its members age, not it: name one"):
        backtest_plan.chosen("ensemble")
