"""The same rows on one machine and on a cluster: what must be equal is, to the bit or nearly."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import engine, estimators, files, params
from sales.contract import Contract
from sales.data.split import PARTS
from sales.engine import partitions
from sales.judging import evaluation, gates
from sales.judging.scores import EvaluateParams
from sales.models import features, out_of_fold, saved
from sales.models.feature_sets import FeaturizeParams
from sales.models.features import Featuriser
from stages import evaluate, featurize, gate, prepare, train, train_ensemble
from tests.examples import ROOT, make_orders, set_params

ENGINES = ("local", "dask")
SMALL = {
    "run.partition_rows": 500,
    "run.sample_rows": 1000,  # fewer than the train rows
    "prepare.split": "random",
    "contract.columns.ShippingCost.missing": "allowed",
    "contract.columns.Brand.missing": "allowed",
    "featurize.target_encoding.columns": ["City", "Brand"],
    "train.random_forest.n_estimators": 10,
    "train.hist_gradient_boosting.max_iter": 30,
    "train.xgboost.n_estimators": 60,
    "train.xgboost.learning_rate": 0.3,
    "train.lightgbm.n_estimators": 60,
    "evaluate.min_slice_rows": 20,
    "evaluate.train_rows": None,
}


def raw(rows=3000):
    """Return two files' rows: holes, some bad, and ids that come again across partitions and files.

    The first 700 have no hole, as a whole partition may: what is fitted is of all.
    """
    orders = make_orders(rows)
    texts = dict.fromkeys(orders.select_dtypes("category"), str)
    orders = orders.astype(texts).assign(Remark="x")
    later, draw = np.arange(rows) >= 700, np.random.default_rng(5).random((2, rows))
    later[2000] = False  # what its total should be can be told
    orders.loc[later & (draw[0] < 0.2), "ShippingCost"] = np.nan
    orders.loc[later & (draw[1] < 0.2), "Brand"] = None
    orders.loc[5, "UnitPrice"] = -1.0
    orders.loc[1700, "State"] = "ZZ"
    orders.loc[2000, "TotalAmount"] += 1
    orders.loc[[900, 2950], "OrderID"] = orders.loc[10, "OrderID"]
    orders.loc[1501, "OrderID"] = orders.loc[1500, "OrderID"]
    # The good row of an id that a bad one has too: it is the first that counts.
    orders.loc[2500, "OrderID"] = orders.loc[5, "OrderID"]
    return {"a.csv": orders[:1600], "b.csv": orders[1600:]}


def lay_down(tables, engine):
    for name, table in tables.items():
        path = Path("data/raw") / f"{name}.parquet"
        cuts = range(0, len(table), 500) if engine == "dask" else [None]
        for number, start in enumerate(cuts):
            part = table if start is None else table[start : start + 500]
            file = partitions.name(path, None if start is None else number)
            file.parent.mkdir(parents=True, exist_ok=True)
            partitions.write(part, file)


@pytest.fixture(scope="module")
def both(tmp_path_factory, small_cluster):
    """Run all stages from prepare to gate on either engine; return both projects' folders."""
    patch, before, folders = pytest.MonkeyPatch(), Path.cwd(), {}
    for name in ENGINES:
        folder = folders[name] = tmp_path_factory.mktemp(name)
        shutil.copy(ROOT / "params.yaml", folder)
        os.chdir(folder)
        set_params({**SMALL, "run.engine": name})
        patch.setenv("DASK_SCHEDULER_ADDRESS", small_cluster.scheduler_address)
        lay_down(raw(), name)
        prepare.main()
        featurize.main()
        for model_name in estimators.NAMES:
            patch.setattr("sys.argv", ["train", model_name])
            train.main()
        evaluate.main()
        gate.main()
    patch.undo()
    os.chdir(before)
    return folders


def read(both, path):
    return [(both[engine] / path).read_bytes() for engine in ENGINES]


def told(both, path):
    return [json.loads(content) for content in read(both, path)]


def test_the_quarantine_and_the_picture_are_the_same_bytes(both):
    for path in (
        *("data/prepared/quarantine.csv", "data/contract.json"),
        *("plots/data_numeric.csv", "plots/data_categorical.csv"),
    ):
        local, dask = read(both, path)
        assert local == dask, path
    local, dask = told(both, "metrics/data.json")
    del local["sha256"], dask["sha256"]  # of other files with the same rows
    assert local == dask
    assert local["rows_quarantined"] == 6
    assert local["ignored_columns"] == "Remark"
    for column in ("ShippingCost", "Brand"):
        assert 10 < local["missing_pct"][column]["train"] < 20


def test_the_quarantine_names_file_and_row_of_both(both):
    [lines, _] = read(both, "data/prepared/quarantine.csv")
    table = pd.read_csv(pd.io.common.BytesIO(lines), keep_default_na=False)
    again = table[table["reason"].str.startswith("duplicate")]
    assert again[["file", "row", "reason"]].to_numpy().tolist() == [
        ["a.csv", 901, "duplicate of row 11 of a.csv"],
        ["a.csv", 1502, "duplicate of row 1501 of a.csv"],
        ["b.csv", 1351, "duplicate of row 11 of a.csv"],
    ]


@pytest.mark.parametrize("stage", ["prepared", "features"])
@pytest.mark.parametrize("part", PARTS)
def test_the_parts_have_the_same_rows_in_the_same_order(both, stage, part):
    tables = [both[engine] / f"data/{stage}/{part}.parquet" for engine in ENGINES]
    assert [table.is_dir() for table in tables] == [False, True]
    local, dask = (partitions.read(partitions.of(table)) for table in tables)
    pd.testing.assert_frame_equal(local, dask, check_exact=True)


def test_train_rows_are_as_those_of_other_folds_make_them(both):
    """On a cluster too, where a partition knows neither the others nor its first row's number."""
    for folder in both.values():
        wanted = params.read("featurize", FeaturizeParams, folder / "params.yaml")
        contract = Contract.model_validate(files.read_json(folder / "data/contract.json"))
        featuriser = Featuriser.load(folder / "data/features/featuriser.json")
        assert [*featuriser.encoded] == ["Brand", "City"]
        for part in PARTS:
            rows, numbers = (
                partitions.read(partitions.of(folder / f"data/{stage}/{part}.parquet"))
                for stage in ("prepared", "features")
            )
            expected = featuriser.transform(rows)
            if part == "train":
                each = out_of_fold.fit(featuriser, [features.seen(rows, wanted, contract)])
                plain, expected = expected, out_of_fold.transform(each, rows)
                assert (plain != expected).any()
            found = numbers[list(featuriser.columns)].to_numpy()
            assert np.array_equal(found, expected, equal_nan=True)


def test_the_featuriser_is_the_same_bytes(both):
    local, dask = read(both, "data/features/featuriser.json")
    assert local == dask
    assert json.loads(local)["holes"] == ["Brand", "ShippingCost"]


def test_nothing_that_was_worked_on_in_between_is_left(both):
    for folder in both.values():
        assert sorted(path.name for path in (folder / "data").iterdir()) == [
            *("contract.json", "features", "prepared", "raw", "target.json")
        ]
        assert not list((folder / "data").rglob("scratch"))


@pytest.mark.parametrize("name", ["linear_regression", "polynomial_regression"])
def test_least_squares_is_the_same_to_nine_digits(both, name):
    local, dask = told(both, f"models/{name}/{name}.json")
    # Of a hundred products one weight may lie on the edge of two roundings.
    near = 1e-9 if name == "linear_regression" else 2e-7
    assert dask["intercept"] == pytest.approx(local["intercept"], rel=near, abs=near)
    for a, b in zip(local["features"], dask["features"], strict=True):
        assert b["weights"] == pytest.approx(a["weights"], rel=near, abs=near)
    for a, b in zip(local.get("terms", ()), dask.get("terms", ()), strict=True):
        assert a["of"] == b["of"]
        assert b["weight"] == pytest.approx(a["weight"], rel=near, abs=near)
    local, dask = told(both, f"metrics/{name}.json")
    for part in PARTS:  # to the six digits that metrics have
        if name == "linear_regression":
            assert dask[part] == local[part]
        else:  # a quantum's part of an error that is itself of cents' rounding
            assert dask[part] == pytest.approx(local[part], rel=1e-3, abs=1e-6)
            assert dask[part]["rmse"] == pytest.approx(local[part]["rmse"], rel=1e-5)


def test_a_models_tallies_are_the_same_to_nine_digits(both, small_cluster, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", small_cluster.scheduler_address)
    folders = [both["local"] / f"models/{name}" for name in estimators.NAMES]
    models = [saved.load(folder) for folder in folders]
    found = {}
    for name in ENGINES:
        monkeypatch.chdir(both[name])
        settings = params.read("evaluate", EvaluateParams)
        tables = {part: Path(f"data/prepared/{part}.parquet").absolute() for part in PARTS}
        orders = {part: partitions.of(table) for part, table in tables.items()}
        assert len(orders["train"]) == (1 if name == "local" else 7)
        with engine.started() as on:
            assert (on.client is None) == (name == "local")
            found[name], *_ = evaluation.tallied(models, folders, orders, settings, on)
    for local, dask in zip(*(found[name] for name in ENGINES), strict=True):
        for part in PARTS:
            same(local[part], dask[part])
            assert local[part].sizes == dask[part].sizes
            for kind in ("slices", "levels"):
                ours, theirs = getattr(local[part], kind), getattr(dask[part], kind)
                assert ours.keys() == theirs.keys()
                for name, slice_ in ours.items():
                    same(slice_, theirs[name])
        assert len(local["test"].slices) > 10
        assert len(local["test"].levels) > 5


def same(one, other):
    """Assert that tallies are equal to nine digits; of a sum of signed errors, to those of all."""
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if a is None:
            assert b is None, field.name
        elif field.name not in ("sizes", "slices", "levels"):
            least = 1e-9 * one.absolute if field.name == "signed" else 0
            assert b == pytest.approx(a, rel=1e-9, abs=least), field.name


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_a_boosted_models_scores_are_near(both, name):
    local, dask = told(both, f"metrics/{name}.json")
    assert dask["test"]["rmse"] == pytest.approx(local["test"]["rmse"], rel=0.1)
    assert dask["test"]["rmse"] != 0
    # Of the orders that lack their shipping alone, each engine's model, scored by the same code.
    test = pd.read_parquet(both["local"] / "data/prepared/test.parquet")
    test = test[test["ShippingCost"].isna()]
    models = [saved.load(both[engine] / f"models/{name}") for engine in ENGINES]
    local, dask = (np.std(m.predict(test) - test["TotalAmount"].to_numpy()) for m in models)
    assert len(test) > 50
    assert dask == pytest.approx(local, rel=0.2)


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_a_model_that_cannot_learn_there_says_that_it_learnt_from_a_sample(both, name):
    local, dask = told(both, f"metrics/{name}.json")
    rows = 2095  # 70 % of 2,994
    assert "sampled_rows" not in local
    assert (dask["train_rows"], dask["sampled_rows"]) == (rows, 1000)
    local, dask = told(both, "metrics/gate.json")
    assert "sample" not in local["models"][name]
    assert dask["models"][name]["sample"] == f"1,000 of {rows:,} train rows"
    about = json.loads((both["dask"] / f"models/{name}/model.json").read_text())
    assert (about["train_rows"], about["sampled_rows"]) == (rows, 1000)


def test_every_model_keeps_its_promise_on_either(both):
    for name in estimators.NAMES:
        bands = [found["edges"] for found in told(both, f"models/{name}/intervals.json")]
        assert all(np.isfinite(edges).all() and len(edges) > 5 for edges in bands)


def test_an_ensemble_is_made_on_either(both, small_cluster, tmp_path, monkeypatch):
    """Of each engine's own models, by valid rows in one partition or in many."""
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", small_cluster.scheduler_address)
    names = ("random_forest", "xgboost", "lightgbm")
    monkeypatch.setattr(estimators, "NAMES", names)
    rules = dict.fromkeys(f"gate.{rule}" for rule in gates.RULES)
    found = {}
    for name in ENGINES:
        shutil.copytree(both[name], tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        set_params({**rules, "train.ensemble.wanted": True, "train.ensemble.min_weight": 0.01})
        train_ensemble.main()
        model = found[name] = saved.load(Path("models/ensemble"))
        valid = partitions.read(partitions.of(Path("data/prepared/valid.parquet")))
        assert model.out_of_fold[0].tolist() == valid["TotalAmount"].tolist()
        expected = sum(
            its["weight"] * saved.load(Path("models") / own).predict(valid)
            for own, its in model.about["members"].items()
        )
        assert model.predict(valid) == pytest.approx(expected, rel=1e-12)
        assert len(model.intervals.edges) > 5
    local, dask = (np.std(one.out_of_fold[1] - one.out_of_fold[0]) for one in found.values())
    assert dask == pytest.approx(local, rel=0.2)
    sampled = {name: one.about.get("sampled_rows") for name, one in found.items()}
    assert sampled["local"] is None
    forest = "random_forest" in found["dask"].about["members"]
    assert sampled["dask"] == (1000 if forest else None)
