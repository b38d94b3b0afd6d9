"""Whether the test rows tell two models apart: each row is predicted by both.

What one has less of squared error than the other is summed up row by row. So an error that both
make, as noise that nobody can predict is, does not hide a difference, as it does where each model's
own interval is looked at.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sales.judging.tallies import NORMAL_95


@dataclass(frozen=True)
class Pairs:
    """Of each pair of models the sum of the differences of their squared errors, and of squares.

    A pair is of numbers of models, the lower first. They add up over partitions.
    """

    rows: int
    sums: dict[tuple[int, int], float]
    squares: dict[tuple[int, int], float]

    @classmethod
    def of(cls, errors: Sequence[np.ndarray]) -> "Pairs":
        """Return the sums of some rows' errors (predicted - true), a model after the other."""
        sums, squares = {}, {}
        with np.errstate(over="ignore", invalid="ignore"):  # of a diverged model
            for (i, one), (j, other) in combinations(enumerate(errors), 2):
                less = (one - other) * (one + other)  # of squares, without their loss of digits
                sums[i, j], squares[i, j] = float(less.sum()), float(np.square(less).sum())
        return cls(len(errors[0]), sums, squares)

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(
            self.rows + other.rows,
            {pair: self.sums[pair] + other.sums[pair] for pair in self.sums},
            {pair: self.squares[pair] + other.squares[pair] for pair in self.squares},
        )

    def told_apart(self, one: int, other: int) -> bool:
        """Return whether the mean difference is more than chance would make it, 95 of 100 times.

        A difference that is not finite, a diverged model's, tells them apart.
        """
        pair = min(one, other), max(one, other)
        total, squares = self.sums[pair], self.squares[pair]
        if not (math.isfinite(total) and math.isfinite(squares)):
            return True
        if self.rows < 2:
            return False
        mean = total / self.rows
        variance = max(squares / self.rows - mean**2, 0.0) * self.rows / (self.rows - 1)
        return abs(mean) > NORMAL_95 * math.sqrt(variance / self.rows)

    def alike(self, one: int, many: int) -> list[int]:
        """Return those of so many models that are not told apart from one of them."""
        return [i for i in range(many) if i != one and not self.told_apart(one, i)]
