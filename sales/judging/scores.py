"""How good a model is: errors by split and slice, skill, gap, and whether it behaves."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from sales.contract.expressions import Expression
from sales.engine import partitions
from sales.engine.partitions import Kept
from sales.errors import PipelineError
from sales.models.intervals import Intervals
from sales.models.saved import Model
from sales.params import Group

DIGITS = 6  # significant digits kept: what all machines agree on, and more than anybody reads

QUANTILES = {"p50_error": 0.5, "p90_error": 0.9, "p99_error": 0.99}  # of the absolute error
BUCKETS = 128
QUANTILE_ERROR = 1 / (2 * BUCKETS)  # at most that far from the true one, as a share of it
NOTHING = -(2**60)  # the bucket of no error at all, below all others

SliceKey = tuple[int, Any, str]


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


@dataclass(frozen=True)
class Tally:
    """What the errors of some rows (predicted - true) sum up to.

    Tallies of partitions add up to the tally of all rows. `mean` and `spread` are of the target,
    the spread being the sum of squares about the mean; `sizes` counts the absolute errors by
    bucket. `held` counts the rows within their interval and `width` sums the intervals up: both are
    None of a model that has none. `slices` are the rows' own tallies, by slice.
    """

    rows: int
    squares: float
    absolute: float
    largest: float
    signed: float
    mean: float
    spread: float
    negative: int
    held: int | None
    width: float | None
    sizes: Counter[int] = field(default_factory=Counter)
    slices: Mapping[SliceKey, "Tally"] = field(default_factory=dict)

    @classmethod
    def of(
        cls, true: np.ndarray, predicted: np.ndarray, intervals: Intervals | None = None
    ) -> "Tally":
        """Return the tally of some rows, without sizes and slices."""
        error = predicted - true
        held = width = None
        if intervals is not None:
            low, high = intervals.around(predicted)
            held = int(np.count_nonzero((low <= true) & (true <= high)))
            width = float((high - low).sum())
        mean = float(true.mean()) if len(true) else 0.0
        return cls(
            len(true),
            float(np.square(error).sum()),
            float(np.abs(error).sum()),
            float(np.abs(error).max(initial=0.0)),
            float(error.sum()),
            mean,
            float(np.square(true - mean).sum()),
            int(np.count_nonzero(predicted < 0)),
            held,
            width,
        )

    def __add__(self, other: "Tally") -> "Tally":
        if not self.rows or not other.rows:
            return self if self.rows else other
        rows, apart = self.rows + other.rows, other.mean - self.mean
        names = {**self.slices, **other.slices}
        slices = {
            name: self.slices[name] + other.slices[name]
            if name in self.slices and name in other.slices
            else tally
            for name, tally in names.items()
        }
        return Tally(
            rows,
            self.squares + other.squares,
            self.absolute + other.absolute,
            max(self.largest, other.largest),
            self.signed + other.signed,
            self.mean + apart * other.rows / rows,
            self.spread + other.spread + apart**2 * self.rows * other.rows / rows,
            self.negative + other.negative,
            None if self.held is None or other.held is None else self.held + other.held,
            None if self.width is None or other.width is None else self.width + other.width,
            self.sizes + other.sizes,
            slices,
        )

    @property
    def rmse(self) -> float:
        """The root of the mean squared error; NaN where a prediction is not finite."""
        return math.sqrt(self.squares / self.rows) if math.isfinite(self.squares) else math.nan

    def errors(self) -> dict[str, float]:
        """Return RMSE, MAE, R², largest absolute error, bias and quantiles of the absolute error.

        All are NaN when a prediction is not finite: a diverged model has no score. R² of a constant
        target is 1 for a perfect prediction, else 0. The quantiles are within QUANTILE_ERROR.
        """
        names = ("rmse", "mae", "r2", "max_error", "bias", *QUANTILES)
        if not math.isfinite(self.squares):
            return dict.fromkeys(names, math.nan)
        r2 = 1 - self.squares / self.spread if self.spread else float(not self.squares)
        found = (self.rmse, self.absolute / self.rows, r2, self.largest, self.signed / self.rows)
        quantiles = (self.quantile(share) for share in QUANTILES.values())
        return dict(zip(names, map(significant, (*found, *quantiles)), strict=True))

    def quantile(self, share: float) -> float:
        """Return the absolute error that this share of the rows does not exceed.

        The middle of the bucket in which it lies, but for 0, which has a bucket of its own.
        """
        rank, seen = math.ceil(share * self.sizes.total()), 0
        for bucket in sorted(self.sizes):
            seen += self.sizes[bucket]
            if seen >= rank:
                return _middle(bucket)
        return math.nan


def sizes(error: np.ndarray) -> Counter[int]:
    """Return how many absolute errors lie in each bucket.

    BUCKETS equal ones in each power of two (as in Tene's HdrHistogram), so that their middles are
    within QUANTILE_ERROR, and counts of partitions add up exactly, on every machine.
    """
    mantissa, exponent = np.frexp(np.abs(error))  # m × 2^e, m from 0.5 on and below 1
    place = np.floor((2 * mantissa - 1) * BUCKETS).astype(np.int64)
    bucket = np.where(error == 0, NOTHING, exponent * BUCKETS + place)
    values, counts = np.unique(bucket, return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _middle(bucket: int) -> float:
    if bucket == NOTHING:
        return 0.0
    exponent, place = divmod(bucket, BUCKETS)
    return math.ldexp(0.5 + (place + 0.5) / (2 * BUCKETS), exponent)


def significant(value: float | np.floating) -> float:
    """Return the value with `DIGITS` significant digits; NaN and infinity stay what they are."""
    return float(f"{value:.{DIGITS}g}")


def tally(
    table: pd.DataFrame,
    target: str,
    predicted: np.ndarray,
    intervals: Intervals | None,
    params: EvaluateParams | None = None,
) -> Tally:
    """Return the tally of a partition's rows; with parameters, of each slice too."""
    true = table[target].to_numpy(np.float64)
    found = Tally.of(true, predicted, intervals)
    counted = sizes(predicted - true) if math.isfinite(found.squares) else Counter[int]()
    slices = {
        name: Tally.of(true[rows], predicted[rows], intervals)
        for name, rows in (_slices(table, params) if params else ())
    }
    return replace(found, sizes=counted, slices=slices)


def score(
    model: Model, tallies: Mapping[str, Tally], behaviour: dict[str, float], params: EvaluateParams
) -> dict[str, Any]:
    """Return every metric of a model from its tallies on train, valid and test, ready for JSON.

    The dummy that skill is measured against always predicts the mean target of the train rows. A
    metric that cannot be computed or is not finite is None, and no gate lets None pass.
    """
    train, test = tallies["train"], tallies["test"]
    spread = math.sqrt(test.spread / test.rows)
    dummy = significant(math.hypot(spread, test.mean - train.mean))
    metrics: dict[str, Any] = {part: found.errors() for part, found in tallies.items()}
    rmse = metrics["test"]["rmse"]
    slices, left_out = slice_scores(test, params)
    worst = max(slices, key=lambda name: slices[name].rmse, default=None)
    # Without a slice to be scored there is no ratio; where none is asked for, all rows are the one.
    ratio = _ratio(slices[worst].rmse, rmse) if worst else 1.0 if not params.slices else math.nan
    held = {name: s.coverage_pct for name, s in slices.items() if s.coverage_pct is not None}
    least = min(held, key=held.__getitem__, default=None)
    metrics |= {
        "dummy_test_rmse": dummy,
        "skill_pct": _ratio(100 * (dummy - rmse), dummy),
        # In percent of the target's spread, so that it keeps its meaning as the train error
        # goes to zero; a share of the train error would not.
        "generalization_gap_pct": _ratio(100 * (rmse - metrics["train"]["rmse"]), spread),
        "negative_prediction_pct": significant(100 * test.negative / test.rows),
        "slice_rmse_ratio": ratio,
        "worst_slice": worst or "",
        "slices_left_out": ", ".join(left_out),
        **coverage(model.intervals, test),
        "least_covered_slice": least or "",
        "least_slice_coverage_pct": held[least] if least else None,
        "behaviour_violation_pct": max(behaviour.values(), default=0.0),
        "behaviour": behaviour,
        "model_mb": model.megabytes,
    }
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


def coverage(intervals: Intervals | None, test: Tally) -> dict[str, float | None]:
    """Return how many percent of the rows lie within their interval, against what is promised.

    The error is in points, whichever side of the promise the measured coverage lies on.
    """
    if intervals is None or test.held is None or test.width is None:
        return dict.fromkeys(
            ("coverage_pct", "nominal_coverage_pct", "coverage_error", "mean_interval_width")
        )
    measured, nominal = 100 * test.held / test.rows, 100 * intervals.coverage
    return {
        "coverage_pct": significant(measured),
        "nominal_coverage_pct": significant(nominal),
        "coverage_error": significant(abs(measured - nominal)),
        "mean_interval_width": significant(test.width / test.rows),
    }


def _slices(table: pd.DataFrame, params: EvaluateParams) -> Iterator[tuple[SliceKey, np.ndarray]]:
    """Yield each slice's rows; its key sorts it: the column's place, the value's, and the name."""
    for place, (column, cut) in enumerate(params.slices.items()):
        if column not in table:
            raise PipelineError(f"evaluate.slices: the data has no column '{column}'")
        values = table[column]
        if cut.edges:
            bounds = [-np.inf, *cut.edges, np.inf]
            for band, (low, high) in enumerate(pairwise(bounds)):
                name = f"{column}={low:g}..{high:g}"
                name = f"{column}<{high:g}" if low == -np.inf else name
                name = f"{column}>={low:g}" if high == np.inf else name
                yield (place, band, name), values.between(low, high, "left").to_numpy()
        else:
            for value in values.unique():
                yield (place, value, f"{column}={value}"), (values == value).to_numpy()


def violations(
    model: Model, table: pd.DataFrame, predicted: np.ndarray, params: EvaluateParams
) -> dict[str, float]:
    """Return, by rule, the percentage of orders whose prediction moves the wrong way.

    A column the model does not see is left out: its change cannot move the prediction.
    """
    shares = {}
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
