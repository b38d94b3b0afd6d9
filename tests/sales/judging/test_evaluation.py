"""An evaluation is what `scores` and `charts` say of one model, and is told by column."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sales import params
from sales.data.split import PARTS
from sales.engine import Local
from sales.judging import evaluation, scores
from sales.models import saved
from tests.examples import ROOT, make_orders


def test_metrics_and_tables_are_those_of_the_model(promoted):
    settings = params.read("evaluate", scores.EvaluateParams, ROOT / "params.yaml")
    settings = settings.model_copy(update={"plot_rows": 20, "min_slice_rows": 20})
    loaded = saved.load(promoted / "challenger")
    orders = make_orders(150)
    tables = {part: [orders] for part in PARTS}
    [found] = evaluation.evaluate([promoted / "challenger"], tables, settings, Local())
    off = loaded.predict(orders) - orders["TotalAmount"]
    assert np.isclose(found.metrics["test"]["rmse"], np.sqrt((off**2).mean()), rtol=1e-5)
    assert tuple(found.tables) == evaluation.TABLES
    assert {one for table in found.tables.values() for one in table["model"]} == {"xgboost"}
    assert found.tables["residual_histogram"]["rows"].sum() == 150
    told = evaluation.told(found, {"verdict": "passed"})
    assert told["gate"] == {"verdict": "passed"}
    assert len(told["predictions"]["true"]) == 20
    assert set(told["slices"]) == {"slice", "rows", "rmse", "coverage_pct"}
    json.dumps(told, allow_nan=False)


def test_partitions_come_to_the_same_as_one_table(promoted):
    settings = params.read("evaluate", scores.EvaluateParams, ROOT / "params.yaml")
    settings = settings.model_copy(
        update={"plot_rows": 20, "min_slice_rows": 5, "train_rows": 60, "behaviour_rows": 70}
    )
    orders = make_orders(150)
    folders = [promoted / alias for alias in ("champion", "challenger")]
    whole = {part: [orders] for part in PARTS}
    cut = [orders[:1], orders[1:80].reset_index(drop=True), orders[80:].reset_index(drop=True)]
    one = evaluation.evaluate(folders, whole, settings, Local())
    many = evaluation.evaluate(folders, dict.fromkeys(whole, cut), settings, Local())
    for a, b in zip(one, many, strict=True):
        assert a.metrics == b.metrics
        for name in evaluation.TABLES:
            pd.testing.assert_frame_equal(a.tables[name], b.tables[name])


def test_residuals_that_are_not_finite_are_in_no_bin():
    settings = params.read("evaluate", scores.EvaluateParams, ROOT / "params.yaml")
    orders = make_orders(8)
    true = orders["TotalAmount"].to_numpy()

    def residuals(off):
        predicts = SimpleNamespace(target="TotalAmount")
        one = SimpleNamespace(
            featuriser=predicts,
            within=lambda *_: None,
            predict=lambda _: true + off,
            out_of_fold=None,
        )
        tables = {part: [orders] for part in PARTS}
        [tallies], [(edges, counts)], *_ = evaluation.tallied([one], [], tables, settings, Local())
        assert np.isnan(tallies["test"].rmse)
        return edges, counts

    edges, counts = residuals(np.array([1, 2, np.nan, np.inf, np.inf, 3, 1, 2]))
    assert (edges[0], edges[-1], counts.sum()) == (pytest.approx(1), pytest.approx(3), 5)
    assert [len(each) for each in residuals(np.full(8, np.nan))] == [0, 0]
