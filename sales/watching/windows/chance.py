"""What chance alone makes of the distances, at a window's size: thresholds, simulated.

Under chance a window is rows drawn from what the reference was drawn from. Both are samples: both
are drawn again, as often as it takes, and their distance is looked at, for each field. How far a
field's distance lies out in its own distribution is a probability, so that fields of any kind can
be compared; the least of all fields in each round says which probability is reached by chance in
one window of so many. With dependent fields it is reached less often still.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sales.judging.reference import Errors
from sales.judging.shapes import Shape
from sales.watching.windows import distances

ROUNDS = 5_000
ERROR_ROUNDS = 20_000
SEED = 20_261_126
# What part each kind of alarm may have in the windows that alarm without a cause.
# They are less than 1 together: where the reference has few rows, it is a coarse picture of what
# it was drawn from, and chance reaches further than is simulated (bench/watching.py).
DRIFT, QUALITY, ERROR, SLICES = 0.5, 0.1, 0.2, 0.1
OPEN = 0.1  # of that for a window that has not ended, as it is looked at again and again


@dataclass(frozen=True)
class Limits:
    """What chance makes of a window of `rows` rows.

    Of each field mean, spread and skew of the distance; `chance` is the probability that the
    farthest of them all reaches in `pct` percent of windows.
    """

    rows: int
    pct: float
    chance: float
    fields: dict[str, tuple[float, float, float]]

    def threshold(self, field: str, rows: float, reference: float, part: float = 1.0) -> float:
        """Return what chance alone reaches at another size, in `part` of that many windows.

        Sampling noise goes with the root of 1/rows + 1/reference, whatever the distribution.
        """
        mean, spread, skew = self.fields[field]
        if not spread:  # nothing lies far: the distance is 0, and not more than that
            return mean
        found = mean + spread * _standard(self.chance * part, skew)
        return found * math.sqrt((1 / rows + 1 / reference) / (1 / self.rows + 1 / reference))

    def told(self) -> dict[str, Any]:
        """Return them for JSON."""
        fields = {name: list(moments) for name, moments in self.fields.items()}
        return {"rows": self.rows, "pct": self.pct, "chance": self.chance, "fields": fields}


@functools.cache
def _standard(chance: float, skew: float) -> float:
    """Return what is exceeded with that probability by what has mean 0, spread 1 and the skew."""
    return float(stats.pearson3.isf(chance, skew))


def read(told: dict[str, Any]) -> Limits:
    """Return the limits that were told."""
    fields = {name: (m[0], m[1], m[2]) for name, m in told["fields"].items()}
    return Limits(told["rows"], told["pct"], told["chance"], fields)


def size(rows: float) -> int:
    """Return the size that is simulated for so many rows: the power of the root of two below.

    >>> [size(rows) for rows in (100, 500, 512, 10_000)]
    [90, 362, 512, 8192]
    """
    return int(2 ** (int(2 * math.log2(max(rows, 1))) / 2))


def simulate(
    fields: Iterable[Shape], rows: int, pct: float, rounds: int = ROUNDS, seed: int = SEED
) -> Limits:
    """Return what chance makes of windows of `rows` rows, all fields together `pct` percent."""
    rng = np.random.default_rng(seed)
    moments: dict[str, tuple[float, float, float]] = {}
    least = np.ones(rounds)
    for shape in fields:
        found = drawn(rng, shape, rows, rounds)
        mean, spread = float(found.mean()), float(found.std())
        if spread <= 1e-12:  # one value alone: nothing can lie far
            moments[shape.name] = (mean, 0.0, 0.0)
            continue
        skew = float(stats.skew(found))
        moments[shape.name] = (mean, spread, skew)
        least = np.minimum(least, stats.pearson3.sf(found, skew, mean, spread))
    rank = max(int(pct / 100 * (rounds + 1)), 1)
    return Limits(rows, pct, float(np.sort(least)[rank - 1]), moments)


def drawn(rng: np.random.Generator, shape: Shape, rows: int, rounds: int) -> np.ndarray:
    """Return the distance of a window from a reference, both drawn from the shape, `rounds` times.

    Rows that lack the value are no part of either.
    """
    counts = distances.own(shape)
    there = counts.sum()
    shares = counts / there
    window = max(round(rows * there / (there + shape.missing)), 1)
    one = rng.multinomial(window, shares, size=rounds)
    other = rng.multinomial(int(there), shares, size=rounds)
    return distances.distance(shape, one, other)


def error_ratio(
    errors: Errors, rows: int, pct: float, rounds: int = ERROR_ROUNDS, seed: int = SEED
) -> tuple[float, float]:
    """Return by which factor chance alone lifts the clipped RMSE of `rows` rows.

    In `pct` percent of windows, and in a tenth of that many. Both the window and the test rows are
    drawn anew from the errors of the test rows, none of which counts as larger than `clip`.
    """
    rng = np.random.default_rng(seed)
    shares = errors.counts / errors.counts.sum()
    squares = np.square(np.minimum(errors.sizes, errors.clip))
    if not squares.any():
        return 1.0, 1.0
    one = rng.multinomial(rows, shares, size=rounds) @ squares / rows
    other = rng.multinomial(errors.rows, shares, size=rounds) @ squares / errors.rows
    ratios = np.sort(np.sqrt(one / np.where(other > 0, other, np.nan)))
    return _beyond(ratios, pct / 100), _beyond(ratios, OPEN * pct / 100)


def _beyond(ordered: Sequence[float] | np.ndarray, share: float) -> float:
    """Return what that share of values, from the least to the largest, lies above."""
    rank = max(int(share * (len(ordered) + 1)), 1)
    return float(ordered[len(ordered) - rank])
