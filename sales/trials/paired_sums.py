"""Sums over rows that both models answered, from which a trial is judged; they add up.

Of a row d is what the champion lost more than the challenger. Rows of one customer are no
independent evidence: they count as one unit, with their sum of d. The mean over rows is then a
ratio of two sums over units, and its deviation that of (sum - mean · rows) over the units, by the
delta method.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PairedSums:
    """Sums over units: of rows, of d and of the champion's losses; of squares and products.

    Those of units that are apart add up; a unit that has rows in two parts is to be put together
    before (`of_units`). All are multiples of a float: numbers of units and rows are whole.
    """

    units: float = 0.0
    rows: float = 0.0
    d: float = 0.0
    champion: float = 0.0
    dd: float = 0.0
    d_rows: float = 0.0
    rows_rows: float = 0.0

    @classmethod
    def of(cls, d: np.ndarray, champion: np.ndarray) -> "PairedSums":
        """Return the sums of rows that are a unit each; `champion` are the champion's losses."""
        many, total = float(len(d)), float(d.sum())
        return cls(many, many, total, float(champion.sum()), float(d @ d), total, many)

    def __add__(self, other: "PairedSums") -> "PairedSums":
        both = zip(vars(self).items(), vars(other).values(), strict=True)
        return PairedSums(**{name: one + another for (name, one), another in both})

    @property
    def mean(self) -> float:
        """The mean of d over rows."""
        return self.d / self.rows

    @property
    def champion_loss(self) -> float:
        """The champion's mean loss over rows."""
        return self.champion / self.rows

    @property
    def deviation(self) -> float:
        """The standard deviation of a unit's share in the mean, so that width(units) fits it."""
        mean = self.mean
        squares = self.dd - 2 * mean * self.d_rows + mean**2 * self.rows_rows
        return math.sqrt(max(squares, 0.0) * self.units) / self.rows


def of_units(rows: np.ndarray, d: np.ndarray, champion: np.ndarray) -> PairedSums:
    """Return the sums over units of which each has so many rows, such a sum of d, and of losses."""
    return PairedSums(
        float(len(rows)),
        float(rows.sum()),
        float(d.sum()),
        float(champion.sum()),
        float(d @ d),
        float(d @ rows),
        float(rows @ rows),
    )
