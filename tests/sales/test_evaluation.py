"""An evaluation is what `scores` and `charts` say of one model, and is told by column."""

import json

import numpy as np

from sales import evaluation, model, params, scores
from tests.examples import ROOT, make_orders


def test_metrics_and_tables_are_those_of_the_model(promoted):
    settings = params.read("evaluate", scores.EvaluateParams, ROOT / "params.yaml")
    settings = settings.model_copy(update={"plot_rows": 20, "min_slice_rows": 20})
    loaded = model.load(promoted / "challenger")
    orders = dict.fromkeys(("train", "valid", "test"), make_orders(150))
    found = evaluation.evaluate(loaded, orders, settings)
    off = loaded.predict(orders["test"]) - orders["test"]["TotalAmount"]
    assert np.isclose(found.metrics["test"]["rmse"], np.sqrt((off**2).mean()), rtol=1e-5)
    assert tuple(found.tables) == evaluation.TABLES
    assert {one for table in found.tables.values() for one in table["model"]} == {"xgboost"}
    assert found.tables["residual_histogram"]["rows"].sum() == 150
    told = evaluation.told(found, {"verdict": "passed"})
    assert told["gate"] == {"verdict": "passed"}
    assert len(told["predictions"]["true"]) == 20
    assert set(told["slices"]) == {"slice", "rows", "rmse", "coverage_pct"}
    json.dumps(told, allow_nan=False)
