"""Marks in the errors of a slice's rows, by which the errors of other rows can be counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sales.judging.tallies import significant

MARKED = (1 / 3, 0.05, 0.0)  # of the absolute errors are larger than each of the marks, about


@dataclass(frozen=True)
class Marks:
    """Of a slice's test rows `above` so many have an absolute error larger than each of `sizes`.

    The sizes are those that MARKED says.
    """

    rows: int
    sizes: tuple[float, ...]
    above: tuple[int, ...]

    @classmethod
    def of(cls, error: np.ndarray) -> "Marks":
        """Return the marks of some rows' errors."""
        absolute = np.abs(error)
        # A little above the row's own, whose last bits differ from machine to machine.
        sizes = [
            significant((1 + 1e-5) * float(np.quantile(absolute, 1 - share, method="inverted_cdf")))
            for share in MARKED
        ]
        above = [int(np.count_nonzero(absolute > size)) for size in sizes]
        return cls(len(error), tuple(sizes), tuple(above))

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Marks":
        """Return the marks that were told."""
        return cls(told["rows"], tuple(told["sizes"]), tuple(told["above"]))

    def told(self) -> dict[str, Any]:
        """Return them for JSON."""
        return {"rows": self.rows, "sizes": [*self.sizes], "above": [*self.above]}
