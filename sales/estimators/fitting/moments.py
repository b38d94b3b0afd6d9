"""Rows as columns of a least-squares problem, and what is summed up of them: means and products."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

BLOCK = 8192  # rows at once, whose columns a processor's cache holds
MOST = 8_388_608  # numbers at once: 64 MB; of very many columns fewer rows


class Columns(Protocol):
    """Which columns of a least-squares problem are made of a row's features."""

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns each feature has, and what there is besides."""

    @property
    def block(self) -> int:
        """How many rows are taken at once."""

    def matrix(self, X: np.ndarray) -> np.ndarray:
        """Return the columns of some rows."""


@dataclass(frozen=True)
class Design:
    """Which columns each feature has: a number one, a category one for each of its levels.

    `levels` has a category's number of levels, 0 for a number. A number that some train rows lack
    has a second column, which is 1 where it is missing; in the first stands its `fill` there (None:
    no train row lacks it). `places` are the columns of a category's levels, from 0, where some
    levels share one; None: each has its own.
    """

    levels: tuple[int, ...]
    fills: tuple[float | None, ...]
    places: tuple[np.ndarray | None, ...]

    @classmethod
    def plain(cls, levels: tuple[int, ...]) -> "Design":
        """Return the design of features that no row lacks, with a column for each level."""
        return cls(levels, (None,) * len(levels), (None,) * len(levels))

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How many columns each feature has."""
        each = zip(self.levels, self.fills, self.places, strict=True)
        return tuple(_width(*one) for one in each)

    @property
    def block(self) -> int:
        """How many rows are taken at once."""
        return rows_at_once(self)

    def matrix(self, X: np.ndarray) -> np.ndarray:
        """Return the columns of some rows."""
        blocks = []
        for column, count, width, fill, places in zip(
            X.T, self.levels, self.widths, self.fills, self.places, strict=True
        ):
            if places is not None:
                known = ~np.isnan(column)
                column = np.where(known, places[np.where(known, column, 0).astype(np.intp)], -1)
            if count:
                blocks.append((column[:, None] == np.arange(width)).astype(np.float64))
            elif fill is None:
                blocks.append(column[:, None])
            else:
                unknown = np.isnan(column)
                blocks.append(np.stack([np.where(unknown, fill, column), unknown], axis=1))
        return np.hstack(blocks)


def rows_at_once(design: Columns) -> int:
    """Return how many rows of so many columns are taken at once."""
    return min(BLOCK, MOST // max(1, sum(design.widths)))


def _width(count: int, fill: float | None, places: np.ndarray | None) -> int:
    if not count:
        return 1 if fill is None else 2
    return count if places is None else int(places.max()) + 1


@dataclass(frozen=True)
class Moments:
    """Rows, means and centered products of a design's columns with the target as the last one.

    They add up over blocks of rows without a loss of digits, wherever the rows lie (Chan, Golub and
    LeVeque 1979).
    """

    rows: int
    mean: np.ndarray
    products: np.ndarray

    @classmethod
    def none(cls, design: Columns) -> "Moments":
        """Return the moments of no rows."""
        width = sum(design.widths) + 1
        return cls(0, np.zeros(width), np.zeros((width, width)))

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, design: Columns) -> "Moments":
        """Return the moments of some rows, at least one."""
        Z = np.hstack([design.matrix(X), y[:, None]])
        mean = Z.mean(axis=0)
        Z -= mean
        return cls(len(y), mean, Z.T @ Z)

    def __add__(self, other: "Moments") -> "Moments":
        if not self.rows or not other.rows:
            return self if self.rows else other
        rows = self.rows + other.rows
        apart = other.mean - self.mean
        between = np.outer(apart, apart) * (self.rows * other.rows / rows)
        return Moments(
            rows, self.mean + apart * (other.rows / rows), self.products + other.products + between
        )


@dataclass(frozen=True)
class Counts:
    """What a design is made from: of each feature the rows of each level, or of a number the sum.

    A number's `counts` are the rows that have it. They add up over partitions.
    """

    counts: tuple[np.ndarray, ...]
    sums: tuple[float, ...]

    @classmethod
    def of(cls, X: np.ndarray, levels: tuple[int, ...]) -> "Counts":
        """Return the counts of some rows."""
        counts, sums = [], []
        for column, count in zip(X.T, levels, strict=True):
            known = column[~np.isnan(column)]
            own = np.bincount(known.astype(np.intp), minlength=count) if count else [len(known)]
            counts.append(np.asarray(own))
            sums.append(0.0 if count else float(known.sum()))
        return cls(tuple(counts), tuple(sums))

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)),
        )

    def design(self, levels: tuple[int, ...], holes: tuple[bool, ...], most: int) -> Design:
        """Return the design with at most so many columns for all levels together, or nearly.

        Those that most rows have keep a column of their own; the others of a category share one.
        """
        fills = tuple(
            _rounded(total / rows[0]) if hole and not count and rows[0] else None
            for count, hole, rows, total in zip(levels, holes, self.counts, self.sums, strict=True)
        )
        least = 0
        if sum(levels) > most:
            each = np.concatenate(
                [rows for rows, count in zip(self.counts, levels, strict=True) if count]
            )
            least = int(np.sort(each)[-most])
        places = tuple(
            _places(rows, least) if count and least else None
            for rows, count in zip(self.counts, levels, strict=True)
        )
        return Design(levels, fills, places)


def _places(rows: np.ndarray, least: int) -> np.ndarray | None:
    """Return the columns of a category's levels; the last is shared by those with fewer rows."""
    own = rows > least
    if own.sum() >= len(rows) - 1:
        return None
    return np.where(own, np.cumsum(own) - 1, own.sum())


def _rounded(value: float) -> float:
    """Return six digits of a mean: the same, however the rows were divided."""
    return float(f"{value:.6g}")
