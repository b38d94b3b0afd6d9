"""How good a model is: every metric, from its tallies on train, valid and test."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from sales.contract import Contract
from sales.engine import partitions
from sales.engine.partitions import Kept
from sales.judging import inclusion
from sales.judging.behaviour import Behaviour
from sales.judging.slices import Slice
from sales.judging.slices import within as rows_within
from sales.judging.tallies import Tally, significant, sizes
from sales.models.cross_intervals import CrossIntervals
from sales.models.intervals import Intervals, Within
from sales.models.saved import Model
from sales.params import Group

CHANCE = 2.0  # standard errors of a coverage that are nobody's fault
COVERAGE = (
    *("coverage_pct", "nominal_coverage_pct", "coverage_error", "coverage_shortfall"),
    "mean_interval_width",
)


class EvaluateParams(Group):
    """See `evaluate` in params.yaml."""

    slices: dict[str, Slice]
    inclusion: dict[str, Slice] = Field(default_factory=dict)
    min_slice_rows: int = Field(ge=1)
    behaviour: dict[str, Behaviour]
    behaviour_rows: int = Field(ge=10)
    importance_rows: int = Field(ge=10)
    train_rows: int | None = Field(ge=10)
    plot_rows: int = Field(ge=10)
    seed: int = Field(ge=0)


def floor(contract: Contract) -> float | None:
    """Return the least target that the contract allows, None where it names none."""
    least = contract.columns[contract.target].min
    return None if least is None else float(least)


def tally(
    table: pd.DataFrame,
    target: str,
    predicted: np.ndarray,
    within: Within | None,
    params: EvaluateParams | None = None,
) -> Tally:
    """Return the tally of a partition's rows; with parameters, of each slice and level too."""
    true = table[target].to_numpy(np.float64)
    slices, levels = (
        {
            name: Tally.of(true[rows], predicted[rows], within and within.of(rows))
            for name, rows in (rows_within(table, asked) if asked else ())
        }
        for asked in ((params.slices, params.inclusion) if params else ({}, {}))
    )
    return replace(counted(true, predicted, within), slices=slices, levels=levels)


def counted(true: np.ndarray, predicted: np.ndarray, within: Within | None = None) -> Tally:
    """Return the tally of some rows with the sizes of their errors."""
    found = Tally.of(true, predicted, within)
    known = math.isfinite(found.squares)
    return replace(found, sizes=sizes(predicted - true) if known else Counter[int]())


def score(
    model: Model,
    tallies: Mapping[str, Tally],
    behaviour: dict[str, float],
    params: EvaluateParams,
    floor: float | None = None,
) -> dict[str, Any]:
    """Return every metric of a model from its tallies on train, valid and test, ready for JSON.

    `floor` is the least target that the contract allows; where it names none, a target below zero
    among the train rows tells that there are such. The dummy that skill is measured against always
    predicts the mean target of the train rows. A metric that cannot be computed or is not finite is
    None, and no gate lets None pass.
    """
    train, test = tallies["train"], tallies["test"]
    spread = math.sqrt(test.spread / test.rows)
    dummy = significant(math.hypot(spread, test.mean - train.mean))
    metrics: dict[str, Any] = {part: found.errors() for part, found in tallies.items()}
    rmse = metrics["test"]["rmse"]
    low, high = test.rmse_interval()
    metrics["test"] |= {"rmse_low": significant(low), "rmse_high": significant(high)}
    slices, left_out = slice_scores(test, params)
    worst = max(slices, key=lambda name: slices[name].rmse, default=None)
    # Without a slice to be scored there is no ratio; where none is asked for, all rows are the one.
    ratio = _ratio(slices[worst].rmse, rmse) if worst else 1.0 if not params.slices else math.nan
    held = {name: s.coverage_pct for name, s in slices.items() if s.coverage_pct is not None}
    least = min(held, key=held.__getitem__, default=None)
    metrics |= {
        "dummy_test_rmse": dummy,
        "test_rmse_pct": _ratio(100 * rmse, spread),
        "skill_pct": _ratio(100 * (dummy - rmse), dummy),
        # In percent of the target's spread, so that it keeps its meaning as the train error
        # goes to zero; a share of the train error would not.
        "generalization_gap_pct": _ratio(100 * (rmse - metrics["train"]["rmse"]), spread),
        "negative_prediction_pct": significant(100 * test.negative / test.rows),
        "target_may_be_negative": (train.least if floor is None else floor) < 0,
        "slice_rmse_ratio": ratio,
        "worst_slice": worst or "",
        "slices_left_out": ", ".join(left_out),
        "inclusion": inclusion.told(test, test.levels, params.min_slice_rows),
        **coverage(model.intervals, test, _made_of(model.intervals, tallies)),
        "least_covered_slice": least or "",
        "least_slice_coverage_pct": held[least] if least else None,
        "behaviour_violation_pct": max(behaviour.values(), default=0.0),
        "behaviour": behaviour,
        "model_mb": model.megabytes,
    }
    if test.clipped is not None:
        metrics["clipped_prediction_pct"] = significant(100 * test.clipped / test.rows)
    if "sampled_rows" in model.about:
        metrics |= {name: model.about[name] for name in ("train_rows", "sampled_rows")}
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


def slice_scores(test: Tally, params: EvaluateParams) -> tuple[dict[str, SliceScore], list[str]]:
    """Return the score of each slice (`Category=Books`), and the names of slices with few rows."""
    scored: dict[str, SliceScore] = {}
    left_out = []
    for (_, _, name), found in sorted(test.slices.items()):
        if found.rows < params.min_slice_rows:
            left_out.append(name)
            continue
        share = None if found.held is None else significant(100 * found.held / found.rows)
        scored[name] = SliceScore(found.rows, significant(found.rmse), share)
    return scored, left_out


def _made_of(intervals: Intervals | CrossIntervals | None, tallies: Mapping[str, Tally]) -> int:
    """Return how many rows the intervals were made of; of repeated folds each row counts once."""
    return intervals.rows if isinstance(intervals, CrossIntervals) else tallies["valid"].rows


def coverage(
    intervals: Intervals | CrossIntervals | None, test: Tally, made_of: int
) -> dict[str, float | None]:
    """Return how many percent of the rows lie within their interval, against what is promised.

    The error is in points, whichever side of the promise the measured coverage lies on. The
    shortfall is what lies below it by more than chance: the test rows are a sample, and so are the
    `made_of` rows of which the intervals were made, whose coverage is Beta distributed about the
    promise (Vovk 2012). CHANCE standard errors of both together are allowed.
    """
    if intervals is None or test.held is None or test.width is None:
        return dict.fromkeys(COVERAGE)
    measured, nominal = 100 * test.held / test.rows, 100 * intervals.coverage
    share = intervals.coverage
    variance = share * (1 - share) * (1 / test.rows + 1 / (made_of + 2))
    allowed = 100 * CHANCE * math.sqrt(variance)
    return {
        "coverage_pct": significant(measured),
        "nominal_coverage_pct": significant(nominal),
        "coverage_error": significant(abs(measured - nominal)),
        "coverage_shortfall": significant(max(0.0, nominal - measured - allowed)),
        "mean_interval_width": significant(test.width / test.rows),
    }


def importance(model: Model, test: Sequence[Kept], params: EvaluateParams) -> dict[str, float]:
    """Return, by feature, how much the test RMSE grows when that feature's values are shuffled.

    Permutation importance (Breiman 2001) on `importance_rows` test rows, in units of the target.
    """
    rng = np.random.default_rng(params.seed)
    rows = rng.permutation(sum(partitions.rows(test)))[: params.importance_rows]
    sample = partitions.take(test, rows)
    X = model.featuriser.transform(sample)
    true = sample[model.featuriser.target].to_numpy(np.float64)
    columns = model.featuriser.columns
    # All in one call, which large models answer much faster than many small ones.
    shuffled = np.tile(X, (1 + len(columns), 1, 1))  # the first is left as it is
    for i in range(len(columns)):
        shuffled[1 + i, :, i] = rng.permutation(X[:, i])
    predicted = model.estimator.predict(shuffled.reshape(-1, len(columns)))
    base, *rmse = (Tally.of(true, each).rmse for each in predicted.reshape(-1, len(X)))
    return {name: significant(r - base) for name, r in zip(columns, rmse, strict=True)}
