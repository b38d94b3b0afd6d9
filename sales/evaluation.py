"""All that is found out about one model: its scores, and the tables of its plots."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sales import charts, scores
from sales.model import Model
from sales.scores import EvaluateParams

TABLES = ("predictions", "residual_histogram", "slices", "importance")


@dataclass(frozen=True)
class Evaluation:
    """A model's metrics, and its rows of each of TABLES."""

    metrics: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def evaluate(
    model: Model, orders: Mapping[str, pd.DataFrame], settings: EvaluateParams
) -> Evaluation:
    """Score a model on the train, valid and test orders."""
    predicted: dict[str, np.ndarray] = {p: model.predict(table) for p, table in orders.items()}
    name, test = model.name, orders["test"]
    true = test[model.featuriser.target].to_numpy(float)
    slices, _ = scores.slice_scores(model, test, predicted["test"], settings)
    tables = {
        "predictions": charts.prediction_rows(
            name, true, predicted["test"], settings.plot_rows, settings.seed
        ),
        "residual_histogram": charts.residual_histogram(name, true, predicted["test"]),
        "slices": charts.slices_table({name: slices}),
        "importance": charts.importance_table({name: scores.importance(model, test, settings)}),
    }
    return Evaluation(scores.score(model, orders, predicted, settings), tables)


def told(evaluation: Evaluation, judged: dict[str, Any]) -> dict[str, Any]:
    """Return an evaluation with the gate's verdict, as the service tells it: tables by column."""
    tables = {
        name: table.drop(columns="model").to_dict("list")
        for name, table in evaluation.tables.items()
    }
    return {"metrics": evaluation.metrics, "gate": judged, **tables}
