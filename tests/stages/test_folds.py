"""Models that are ranked by folds: what each learns from, what judges it, what it promises."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import estimators, files, params
from sales.contract import Contract
from sales.data import division
from sales.data.folds import held_out
from sales.data.split import PARTS, PrepareParams
from sales.engine import Local
from sales.errors import PipelineError
from sales.judging import card, evaluation, scores
from sales.models import matrices, saved
from sales.models.cross_intervals import CrossIntervals
from sales.models.features import Featuriser
from sales.models.intervals import Intervals
from sales.models.tuning import Study
from sales.serving.answering import Served
from sales.serving.request import OrderSchema
from stages import card as card_stage
from stages import evaluate, featurize, gate, prepare, train, tune
from tests.examples import ROOT, make_orders, set_params
from tests.small_project import SMALL

NAMES = ("linear_regression", "random_forest", "xgboost")
PREPARED, RAW, FEATURES = Path("data/prepared"), Path("data/raw"), Path("data/features")
FOLDS, REPEATS = 4, 2
CHANGES = {
    **SMALL,
    "prepare.split": "random",
    "prepare.valid": "folds",
    "prepare.folds": FOLDS,
    "prepare.repeats": REPEATS,
    "train.random_forest.n_estimators": 5,
    "train.xgboost.early_stopping_rounds": 5,
    "train.xgboost.learning_rate": 0.5,
    "evaluate.importance_rows": 20,
    "evaluate.behaviour_rows": 20,
}


def raw(rows=400):
    orders = make_orders(rows)
    RAW.mkdir(parents=True, exist_ok=True)
    orders.astype(dict.fromkeys(orders.select_dtypes("category"), str)).to_parquet(
        RAW / "orders.parquet"
    )


def trained(monkeypatch):
    for name in NAMES:
        monkeypatch.setattr("sys.argv", ["train", name])
        train.main()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Change into a project in which three models were trained, by folds, and judged."""
    folder, before = tmp_path_factory.mktemp("folds"), Path.cwd()
    shutil.copy(ROOT / "params.yaml", folder)
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(estimators, "NAMES", NAMES)
        set_params(CHANGES)
        raw()
        for stage in (prepare, featurize):
            stage.main()
        trained(patched)
        for stage in (evaluate, gate, card_stage):
            stage.main()
        yield folder
    os.chdir(before)


def test_all_rows_but_the_test_rows_teach(made):
    rows = {part: len(pd.read_parquet(PREPARED / f"{part}.parquet")) for part in
            ("train", "valid", "test")}  # fmt: skip
    assert rows == {"train": 320, "valid": 0, "test": 80}
    for name in NAMES:
        about = saved.load(Path("models") / name).about
        assert (about["train_rows"], about["folds"], about["repeats"]) == (320, FOLDS, REPEATS)
        assert ("rounds" in about) == (name == "xgboost")
    told = saved.load(Path("models/xgboost"))
    assert told.estimator.booster.num_boosted_rounds() == told.about["rounds"] > 1
    assert {fold.estimator.booster.num_boosted_rounds() for fold in told.folds} == {
        told.about["rounds"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_predicted_by_a_model_that_has_not_seen_it(made, name):
    """The saved models of the folds give the out-of-fold predictions again, of the orders."""
    model = saved.load(Path("models") / name)
    assert isinstance(model.intervals, CrossIntervals)
    assert len(model.folds) == FOLDS
    orders = pd.read_parquet(PREPARED / "train.parquet")
    assigned = matrices.folds(FEATURES)
    true, predicted = model.out_of_fold
    assert len(true) == REPEATS * len(orders)
    start = 0
    for number, fold in enumerate(model.folds):
        teach, held = held_out(assigned["0"].to_numpy(), number)
        rows = orders.iloc[held]
        end = start + len(held)
        assert true[start:end].tolist() == rows["TotalAmount"].tolist()
        again = fold.estimator.predict(fold.featuriser.transform(rows))
        assert again.tolist() == predicted[start:end].tolist()
        own = Featuriser.load(FEATURES / "folds" / f"0.{number}" / "featuriser.json")
        assert own.sees_like(fold.featuriser)
        seen = own.ranges["UnitPrice"]
        learnt = orders.iloc[teach]["UnitPrice"]
        assert seen == (learnt.min(), learnt.max())
        start = end
    metrics = files.read_json(Path(f"metrics/{name}.json"))
    assert metrics["valid"]["rmse"] == pytest.approx(
        np.sqrt(np.mean((predicted - true) ** 2)), rel=1e-5
    )
    assert metrics["train"]["rmse"] <= metrics["valid"]["rmse"]


def test_the_ranking_never_sees_a_test_row(made, tmp_path, monkeypatch):
    """With other test rows, absurd ones, each model is the same bytes and ranked the same."""
    before = {name: files.content_hash(Path("models") / name) for name in NAMES}
    valid = {name: files.read_json(Path(f"metrics/{name}.json"))["valid"] for name in NAMES}
    shutil.copytree(made, tmp_path / "other")
    monkeypatch.chdir(tmp_path / "other")
    path = PREPARED / "test.parquet"
    rows = pd.read_parquet(path)
    rng = np.random.default_rng(0)
    for column in ("UnitPrice", "Tax", "TotalAmount"):
        rows[column] = rng.uniform(1, 5000, len(rows))
    rows.to_parquet(path)
    featurize.main()
    trained(monkeypatch)
    evaluate.main()
    assert {name: files.content_hash(Path("models") / name) for name in NAMES} == before
    for name in NAMES:
        metrics = files.read_json(Path(f"metrics/{name}.json"))
        assert metrics["valid"] == valid[name]
        assert metrics["test"]["rmse"] > 100


@pytest.mark.parametrize("name", NAMES)
def test_an_order_alone_has_the_interval_that_it_has_in_a_table(made, name):
    model = saved.load(Path("models") / name)
    orders = pd.read_parquet(PREPARED / "test.parquet")[:5]
    whole = model.within(orders, model.predict(orders))
    assert (whole.low <= whole.high).all()
    served = Served("champion", "m", model, OrderSchema(model.featuriser), {"version": 1}, None)
    bodies = []
    for row in range(len(orders)):
        order = orders.iloc[[row]][list(model.featuriser.request_fields)]
        bodies.append(json.loads(order.to_json(orient="records", date_format="iso"))[0])
        bodies[-1]["OrderDate"] = f"{order['OrderDate'].iloc[0]:%Y-%m-%d}"
        answer = served.one(json.dumps(bodies[-1]).encode()).told["prediction_interval"]
        assert (answer["low"], answer["high"]) == (whole.low[row], whole.high[row])
    many = served.many(json.dumps(bodies).encode(), 10).told["prediction_intervals"]
    assert (many["low"], many["high"]) == (whole.low.tolist(), whole.high.tolist())


def test_coverage_is_measured_and_the_card_says_what_judged(made):
    for name in NAMES:
        metrics = files.read_json(Path(f"metrics/{name}.json"))
        assert metrics["coverage_pct"] > 75  # of 80 test rows
        text = Path(f"cards/{name}.md").read_text()
        assert "320 rows to train, 80 to test" in text
        assert "each of 4 folds held out in turn, 2 times over" in text
        assert "of out-of-fold residuals, by bands" in text
    assert ("| rounds | " in Path("cards/xgboost.md").read_text()) == True  # noqa: E712
    assert card.by_folds({"folds": 3, "repeats": 1}) == "each of 3 folds held out in turn"


def test_a_search_for_settings_is_judged_by_the_folds(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "other")
    monkeypatch.chdir(tmp_path / "other")
    set_params({"tune.random_forest.trials": 1})
    monkeypatch.setattr("sys.argv", ["tune", "random_forest"])
    tune.main()
    first = Study.load(Path("tune/random_forest.json")).trials[0]
    true, predicted = saved.load(Path("models/random_forest")).out_of_fold
    assert first.valid_rmse == pytest.approx(np.sqrt(np.mean((predicted - true) ** 2)), rel=1e-5)


def test_a_model_of_other_folds_is_not_judged_with_these_rows(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "other")
    monkeypatch.chdir(tmp_path / "other")
    prepare.main()
    evaluate.main()  # the same folds again
    assigned = pd.read_parquet(PREPARED / "folds.parquet")
    assigned["0"] = assigned["0"].to_numpy()[::-1]
    assigned.to_parquet(PREPARED / "folds.parquet", index=False)
    with pytest.raises(PipelineError, match=r"was not made from data/prepared/folds\.parquet as"):
        evaluate.main()
    featurize.main()
    with pytest.raises(PipelineError, match="was not made from data/features as it is now"):
        evaluate.main()


def test_a_model_without_folds_is_judged_where_there_are_no_valid_rows(made, tmp_path):
    """A champion of earlier days: nobody ranks it, and its test rows alone decide."""
    folder = tmp_path / "linear_regression"
    shutil.copytree("models/linear_regression", folder)
    (folder / saved.OUT_OF_FOLD).unlink()
    settings = params.read("evaluate", scores.EvaluateParams)
    orders = {part: [pd.read_parquet(PREPARED / f"{part}.parquet")] for part in PARTS}
    [found] = evaluation.evaluate([folder], orders, settings, Local())
    before = files.read_json(Path("metrics/linear_regression.json"))
    assert found.metrics["valid"] == found.metrics["train"] == before["train"]
    assert found.metrics["test"] == before["test"]


def test_folds_learn_the_logarithm_too(project, monkeypatch):
    set_params({**CHANGES, "prepare.repeats": 1, "train.target.transform": "log1p"})
    raw()
    for stage in (prepare, featurize):
        stage.main()
    monkeypatch.setattr("sys.argv", ["train", "linear_regression"])
    train.main()
    model = saved.load(Path("models/linear_regression"))
    orders = pd.read_parquet(PREPARED / "train.parquet")
    assigned = matrices.folds(FEATURES)["0"].to_numpy()
    held = orders.iloc[held_out(assigned, 0)[1]]
    own = model.folds[0]
    predicted = own.estimator.predict(own.featuriser.transform(held))
    assert predicted.tolist() == model.out_of_fold[1, : len(held)].tolist()
    assert predicted.min() >= model.intervals.floor == 0.0
    assert model.within(held, model.predict(held)).low.min() >= 0.0


def test_by_time_the_folds_are_held_against_earlier_rows_alone(project, monkeypatch):
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    set_params({**CHANGES, "prepare.split": "time", "prepare.repeats": 1})
    raw()
    for stage in (prepare, featurize):
        stage.main()
    orders = pd.read_parquet(PREPARED / "train.parquet")
    assigned = matrices.folds(FEATURES)["0"].to_numpy()
    for number in range(FOLDS):
        teach, held = (orders.iloc[rows] for rows in held_out(assigned, number))
        assert teach["OrderDate"].max() <= held["OrderDate"].min()
        for part, rows in (("train", teach), ("valid", held)):
            numbers = pd.read_parquet(FEATURES / "folds" / f"0.{number}" / f"{part}.parquet")
            assert numbers["TotalAmount"].tolist() == rows["TotalAmount"].tolist()
    monkeypatch.setattr("sys.argv", ["train", "linear_regression"])
    train.main()
    model = saved.load(Path("models/linear_regression"))
    assert isinstance(model.intervals, Intervals)
    assert not model.folds
    assert model.out_of_fold.shape[1] < len(orders)


def test_a_cluster_refuses_folds_in_one_line(project):
    class Cluster(Local):
        partition_rows = 1000

    set_params({"prepare.valid": "folds"})
    settings = params.read("prepare", PrepareParams)
    with pytest.raises(PipelineError, match=r"^prepare\.valid: folds are for tables of few rows:"):
        division.divide(params.read("contract", Contract), settings, [], Cluster(), project, {})
