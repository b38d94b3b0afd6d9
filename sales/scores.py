"""How good a model is: errors by split and slice, skill, gap, and whether it behaves."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from sales.errors import PipelineError
from sales.expressions import Expression
from sales.intervals import Intervals
from sales.model import Model
from sales.params import Group

DIGITS = 6  # significant digits kept: what all machines agree on, and more than anybody reads


class Slice(Group):
    """Slices of the test rows by a column: by its values, or by bands cut at `edges`."""

    edges: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _rising(self) -> "Slice":
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges must rise")
        return self


class Behaviour(Group):
    """A change to one column, and the way in which a sane prediction moves, if it moves."""

    column: str
    becomes: str
    prediction: Literal["up", "down"]


class EvaluateParams(Group):
    """See `evaluate` in params.yaml."""

    slices: dict[str, Slice]
    min_slice_rows: int = Field(ge=1)
    behaviour: dict[str, Behaviour]
    behaviour_rows: int = Field(ge=10)
    importance_rows: int = Field(ge=10)
    train_rows: int | None = Field(ge=10)
    plot_rows: int = Field(ge=10)
    seed: int = Field(ge=0)


def errors(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return RMSE, MAE, R², largest absolute error and bias (mean of predicted - true).

    All are NaN when a prediction is not finite: a diverged model has no score.
    """
    # Here, not above: register, which only tells of scores, is spared a second of imports.
    from sklearn import metrics

    if not np.isfinite(predicted).all():
        return dict.fromkeys(("rmse", "mae", "r2", "max_error", "bias"), float("nan"))
    return {
        "rmse": significant(metrics.root_mean_squared_error(true, predicted)),
        "mae": significant(metrics.mean_absolute_error(true, predicted)),
        "r2": significant(metrics.r2_score(true, predicted)),
        "max_error": significant(metrics.max_error(true, predicted)),
        "bias": significant(np.mean(predicted - true)),
    }


def significant(value: float | np.floating) -> float:
    """Return the value with `DIGITS` significant digits; NaN and infinity stay what they are."""
    return float(f"{value:.{DIGITS}g}")


def scored_rows(
    tables: Mapping[str, pd.DataFrame], params: EvaluateParams
) -> dict[str, pd.DataFrame]:
    """Return the tables with at most `train_rows` of the train rows, drawn by the seed."""
    train = tables["train"]
    rng = np.random.default_rng(params.seed)
    rows = np.sort(rng.permutation(len(train))[: params.train_rows])
    return {**tables, "train": train.iloc[rows]}


def score(
    model: Model,
    tables: Mapping[str, pd.DataFrame],
    predicted: Mapping[str, np.ndarray],
    params: EvaluateParams,
) -> dict[str, Any]:
    """Return every metric of a model's predictions on train, valid and test, ready for JSON.

    The dummy that skill is measured against always predicts the mean target of the train rows. A
    metric that cannot be computed or is not finite is None, and no gate lets None pass.
    """
    target = model.featuriser.target
    true = {part: table[target].to_numpy(np.float64) for part, table in tables.items()}
    spread = true["test"].std()
    dummy = errors(true["test"], np.full(len(true["test"]), true["train"].mean()))["rmse"]
    metrics: dict[str, Any] = {part: errors(true[part], predicted[part]) for part in true}
    rmse = metrics["test"]["rmse"]
    slices, left_out = slice_scores(model, tables["test"], predicted["test"], params)
    worst = max(slices, key=lambda name: slices[name].rmse, default=None)
    # Without a slice to be scored there is no ratio; where none is asked for, all rows are the one.
    ratio = _ratio(slices[worst].rmse, rmse) if worst else 1.0 if not params.slices else math.nan
    held = {name: s.coverage_pct for name, s in slices.items() if s.coverage_pct is not None}
    least = min(held, key=held.__getitem__, default=None)
    covered = coverage(model.intervals, true["test"], predicted["test"])
    behaviour = violations(model, tables["test"], predicted["test"], params)
    metrics |= {
        "dummy_test_rmse": dummy,
        "skill_pct": _ratio(100 * (dummy - rmse), dummy),
        # In percent of the target's spread, so that it keeps its meaning as the train error
        # goes to zero; a share of the train error would not.
        "generalization_gap_pct": _ratio(100 * (rmse - metrics["train"]["rmse"]), spread),
        "negative_prediction_pct": significant(100 * np.mean(predicted["test"] < 0)),
        "slice_rmse_ratio": ratio,
        "worst_slice": worst or "",
        "slices_left_out": ", ".join(left_out),
        **covered,
        "least_covered_slice": least or "",
        "least_slice_coverage_pct": held[least] if least else None,
        "behaviour_violation_pct": max(behaviour.values(), default=0.0),
        "behaviour": behaviour,
        "model_mb": model.megabytes,
        # Every bit of the first test row's prediction: whoever loads the model can try it on that.
        "golden_prediction": float(predicted["test"][0]),
    }
    return _finite(metrics)


def _ratio(part: float, whole: float) -> float:
    return significant(part / whole) if whole else float("nan")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


class SliceScore(NamedTuple):
    """A slice's test rows, their RMSE, and how many percent of them lie within their interval."""

    rows: int
    rmse: float
    coverage_pct: float | None


def slice_scores(
    model: Model, table: pd.DataFrame, predicted: np.ndarray, params: EvaluateParams
) -> tuple[dict[str, SliceScore], list[str]]:
    """Return the score of each slice (`Category=Books`), and the names of slices with few rows."""
    true = table[model.featuriser.target].to_numpy(np.float64)
    held = _held(model.intervals, true, predicted)
    scored: dict[str, SliceScore] = {}
    left_out = []
    for name, rows in _slices(table, params):
        if rows.sum() < params.min_slice_rows:
            left_out.append(name)
            continue
        share = None if held is None else significant(100 * np.mean(held[rows]))
        scored[name] = SliceScore(
            int(rows.sum()), errors(true[rows], predicted[rows])["rmse"], share
        )
    return scored, left_out


def coverage(
    intervals: Intervals | None, true: np.ndarray, predicted: np.ndarray
) -> dict[str, float | None]:
    """Return how many percent of the rows lie within their interval, against what is promised.

    The error is in points, whichever side of the promise the measured coverage lies on.
    """
    held = _held(intervals, true, predicted)
    if intervals is None or held is None:
        return dict.fromkeys(
            ("coverage_pct", "nominal_coverage_pct", "coverage_error", "mean_interval_width")
        )
    low, high = intervals.around(predicted)
    measured, nominal = 100 * np.mean(held), 100 * intervals.coverage
    return {
        "coverage_pct": significant(measured),
        "nominal_coverage_pct": significant(nominal),
        "coverage_error": significant(abs(measured - nominal)),
        "mean_interval_width": significant(np.mean(high - low)),
    }


def _held(
    intervals: Intervals | None, true: np.ndarray, predicted: np.ndarray
) -> np.ndarray | None:
    if intervals is None:
        return None
    low, high = intervals.around(predicted)
    return (low <= true) & (true <= high)


def _slices(table: pd.DataFrame, params: EvaluateParams) -> Iterator[tuple[str, np.ndarray]]:
    for column, cut in params.slices.items():
        if column not in table:
            raise PipelineError(f"evaluate.slices: the data has no column '{column}'")
        values = table[column]
        if cut.edges:
            bounds = [-np.inf, *cut.edges, np.inf]
            for low, high in pairwise(bounds):
                name = f"{column}={low:g}..{high:g}"
                name = f"{column}<{high:g}" if low == -np.inf else name
                name = f"{column}>={low:g}" if high == np.inf else name
                yield name, values.between(low, high, "left").to_numpy()
        else:
            for value in sorted(values.unique()):
                yield f"{column}={value}", (values == value).to_numpy()


def violations(
    model: Model, table: pd.DataFrame, predicted: np.ndarray, params: EvaluateParams
) -> dict[str, float]:
    """Return, by rule, the percentage of orders whose prediction moves the wrong way.

    Of the first `behaviour_rows` of the table, whose rows are in no particular order.
    A column the model does not see is left out: its change cannot move the prediction.
    """
    shares = {}
    table, predicted = table[: params.behaviour_rows], predicted[: params.behaviour_rows]
    for name, rule in params.behaviour.items():
        where = f"evaluate.behaviour.{name}"
        expression = Expression.parse(rule.becomes, where)
        for column in (rule.column, *sorted(expression.names)):
            if column not in table:
                raise PipelineError(f"{where}: the data has no column '{column}'")
        if rule.column not in model.featuriser.request_fields:
            continue
        inputs = {column: table[column].to_numpy() for column in expression.names}
        changed = table.assign(**{rule.column: expression.evaluate(inputs)})
        moved = model.predict(changed) - predicted
        right = moved >= 0 if rule.prediction == "up" else moved <= 0
        shares[name] = significant(100 * np.mean(~right))  # NaN is never right
    return shares


def importance(model: Model, table: pd.DataFrame, params: EvaluateParams) -> dict[str, float]:
    """Return, by feature, how much the test RMSE grows when that feature's values are shuffled.

    Permutation importance (Breiman 2001) on `importance_rows` test rows, in units of the target.
    """
    from sklearn import metrics

    rng = np.random.default_rng(params.seed)
    rows = rng.permutation(len(table))[: params.importance_rows]
    sample = table.iloc[rows]
    X = model.featuriser.transform(sample)
    true = sample[model.featuriser.target].to_numpy(np.float64)
    columns = model.featuriser.columns
    # All in one call, which large models answer much faster than many small ones.
    shuffled = np.tile(X, (1 + len(columns), 1, 1))  # the first is left as it is
    for i in range(len(columns)):
        shuffled[1 + i, :, i] = rng.permutation(X[:, i])
    predicted = model.estimator.predict(shuffled.reshape(-1, len(columns)))
    base, *rmse = (metrics.root_mean_squared_error(true, p) for p in predicted.reshape(-1, len(X)))
    return {name: significant(r - base) for name, r in zip(columns, rmse, strict=True)}
