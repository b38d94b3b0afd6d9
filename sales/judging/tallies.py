"""What the errors of some rows sum up to: tallies of partitions add up to the tally of all."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sales.judging.slices import SliceKey
from sales.models.intervals import Within

DIGITS = 6  # significant digits kept: what all machines agree on, and more than anybody reads

QUANTILES = {"p50_error": 0.5, "p90_error": 0.9, "p99_error": 0.99}  # of the absolute error
NORMAL_95 = 1.959964  # standard errors to either side of a normal figure, 95 of 100 times
BUCKETS = 128
QUANTILE_ERROR = 1 / (2 * BUCKETS)  # at most that far from the true one, as a share of it
NOTHING = -(2**60)  # the bucket of no error at all, below all others


@dataclass(frozen=True)
class Tally:
    """What the errors of some rows (predicted - true) sum up to.

    Tallies of partitions add up to the tally of all rows. `mean` and `spread` are of the target,
    the spread being the sum of squares about the mean; `sizes` counts the absolute errors by
    bucket. `held` counts the rows within their interval and `width` sums the intervals up: both are
    None of a model that has none. `fourth` sums the errors' fourth powers, and `least` is the
    smallest target; `clipped` counts the predictions that were raised to the intervals' floor,
    None where there is none. `slices` are the rows' own tallies, by slice, and `levels` those of
    the columns whose every level counts.
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
    fourth: float = 0.0
    least: float = math.inf
    clipped: int | None = None
    sizes: Counter[int] = field(default_factory=Counter)
    slices: Mapping[SliceKey, "Tally"] = field(default_factory=dict)
    levels: Mapping[SliceKey, "Tally"] = field(default_factory=dict)

    @classmethod
    def of(cls, true: np.ndarray, predicted: np.ndarray, within: Within | None = None) -> "Tally":
        """Return the tally of some rows, without sizes and slices; `within` are its intervals."""
        error = predicted - true
        held = width = clipped = None
        if within is not None:
            low, high, floor = within
            held = int(np.count_nonzero((low <= true) & (true <= high)))
            width = float((high - low).sum())
            if floor is not None:
                clipped = int(np.count_nonzero(predicted <= floor))
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
            float(np.square(np.square(error)).sum()),
            float(true.min(initial=math.inf)),
            clipped,
        )

    def __add__(self, other: "Tally") -> "Tally":
        if not self.rows or not other.rows:
            return self if self.rows else other
        rows, apart = self.rows + other.rows, other.mean - self.mean
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
            self.fourth + other.fourth,
            min(self.least, other.least),
            None if self.clipped is None or other.clipped is None else self.clipped + other.clipped,
            self.sizes + other.sizes,
            _merged(self.slices, other.slices),
            _merged(self.levels, other.levels),
        )

    @property
    def rmse(self) -> float:
        """The root of the mean squared error; NaN where a prediction is not finite."""
        return math.sqrt(self.squares / self.rows) if math.isfinite(self.squares) else math.nan

    def rmse_interval(self) -> tuple[float, float]:
        """Return between which two the RMSE of ever more such rows lies, 95 times of a hundred.

        By the sums alone: the mean of the squared errors is nearly normal, as each row adds its
        own, and so is its logarithm, by the delta method; on that scale the interval is never
        below 0. NaN where the rows are too few (one) or an error is not finite.
        """
        if self.rows < 2 or not math.isfinite(self.fourth):
            return math.nan, math.nan
        mean = self.squares / self.rows
        if not mean:
            return 0.0, 0.0
        variance = max(self.fourth / self.rows - mean**2, 0.0) * self.rows / (self.rows - 1)
        off = math.exp(NORMAL_95 * math.sqrt(variance / self.rows) / (2 * mean))
        return self.rmse / off, self.rmse * off

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


def _merged(
    one: Mapping[SliceKey, Tally], other: Mapping[SliceKey, Tally]
) -> dict[SliceKey, Tally]:
    """Return the tallies of both, those of one name added up."""
    return {
        name: one[name] + other[name] if name in one and name in other else tally
        for name, tally in {**one, **other}.items()
    }


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
    """Return the value with `DIGITS` significant digits; NaN and infinity stay what they are.

    >>> significant(918.25647912), significant(0.00225654321), significant(float("inf"))
    (918.256, 0.00225654, inf)
    """
    return float(f"{value:.{DIGITS}g}")
