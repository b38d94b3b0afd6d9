"""The errors of rows that came true, as sums: by window, and by window and slice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from sales.judging import slices
from sales.judging.reference import Reference


@dataclass
class Sums:
    """Sums over rows that came true: of weights, and of errors (predicted - true) by weight.

    `clipped` sums squares up of which none is larger than the reference's clip, `beyond` the rows
    whose error is larger than any of the reference. `held` are those within their interval, of the
    `bounded` that have one.
    """

    rows: int = 0
    weight: float = 0.0
    weights: float = 0.0  # squared
    signed: float = 0.0
    absolute: float = 0.0
    squares: float = 0.0
    fourths: float = 0.0
    clipped: float = 0.0
    beyond: float = 0.0
    held: float = 0.0
    bounded: float = 0.0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            *(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True))
        )

    @property
    def effective(self) -> float:
        """How many rows of equal weight would tell as much."""
        return self.weight**2 / self.weights if self.weights else 0.0


@dataclass
class SliceSums(Sums):
    """Those of a slice, and the rows whose error is above each of the slice's marks."""

    above_third: float = 0.0
    above_twentieth: float = 0.0
    above_all: float = 0.0

    @property
    def above(self) -> tuple[float, float, float]:
        """The rows above each of the marks, in their order."""
        return self.above_third, self.above_twentieth, self.above_all


class Rows(NamedTuple):
    """Rows that came true, by column: the error (predicted - true), and in which window each is.

    `held` are those within their interval, of the `bounded` that have one.
    """

    error: np.ndarray
    weight: np.ndarray
    window: np.ndarray
    held: np.ndarray
    bounded: np.ndarray

    def of(self, mask: np.ndarray) -> "Rows":
        """Return some of them."""
        return Rows(*(each[mask] for each in self))


def of_windows(rows: Rows, reference: Reference, windows: int) -> Iterator[tuple[int, Sums]]:
    """Yield each window that has any rows, and what they come to."""
    for place, sums in _summed(_columns(rows, reference), rows.window, windows):
        yield place, Sums(int(sums[0]), *sums[1:])


def of_slices(
    rows: Rows, sliced: pd.DataFrame, reference: Reference, windows: int
) -> Iterator[tuple[int, str, SliceSums]]:
    """Yield each window and slice that have any rows, and what they come to.

    `sliced` has the columns by which rows are cut into slices, as many as there are of them.
    """
    told: Mapping[str, slices.Slice] = {
        name: cut for name, cut in reference.slices.items() if name in sliced
    }
    for (_, _, name), mask in slices.within(sliced.reset_index(drop=True), told):
        # The log has whole numbers as 3.0.
        known_as = name if name in reference.slice_rmse else name.removesuffix(".0")
        own = rows.of(mask)
        marks = reference.slice_marks.get(known_as)
        sizes = marks.sizes if marks else (np.inf,) * 3
        above = [own.weight * (np.abs(own.error) > size) for size in sizes]
        columns = [*_columns(own, reference), *above]
        for place, sums in _summed(columns, own.window, windows):
            yield place, known_as, SliceSums(int(sums[0]), *sums[1:])


def _columns(rows: Rows, reference: Reference) -> list[np.ndarray]:
    """Return what is summed up, in the order of the fields of Sums."""
    error, weight, promised = rows.error, rows.weight, reference.errors
    absolute = np.abs(error)
    return [
        *(np.ones(len(error)), weight, np.square(weight), weight * error, weight * absolute),
        *(weight * error**2, weight * error**4),
        weight * np.minimum(absolute, promised.clip) ** 2,
        weight * (absolute > promised.largest),
        *(weight * rows.held, weight * rows.bounded),
    ]


def _summed(
    columns: list[np.ndarray], window: np.ndarray, windows: int
) -> Iterator[tuple[int, list[float]]]:
    sums = np.array([np.bincount(window, each, windows) for each in columns]).T
    for place in np.flatnonzero(sums[:, 0]).tolist():
        yield place, sums[place].tolist()
