"""Products of numbers as columns of a least-squares problem, and which of them are taken.

The numbers are taken from their mean, in standard deviations: products of such are all but
independent of the numbers and of one another, where products of raw ones all but coincide.
"""

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from typing import Any

import numpy as np

from sales.estimators.fitting.least_squares import Predicts, Read
from sales.estimators.fitting.moments import Design, Moments, rows_at_once
from sales.estimators.fitting.spreads import short

CANDIDATES = 10_000  # products that are tried at most
TRIED_ROWS = 10_000  # at most, of the train rows, on which they are

Term = tuple[int, ...]  # the numbers of the features in a product, ascending


@dataclass(frozen=True)
class Products:
    """The columns of a design of measured numbers, and a product of such for each term.

    A number that is missing stands at its mean, and all its products at 0.
    """

    base: Design
    centers: np.ndarray
    scales: np.ndarray
    terms: tuple[Term, ...]

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How many columns each feature has, and then each term."""
        return (*self.base.widths, *(1 for _ in self.terms))

    @property
    def block(self) -> int:
        """How many rows are taken at once."""
        return rows_at_once(self)

    def matrix(self, X: np.ndarray) -> np.ndarray:
        """Return the columns of some rows."""
        numbers = np.array(self.base.levels) == 0
        Z = np.where(numbers, (X - self.centers) / self.scales, X)
        plain = self.base.matrix(Z)
        found = np.empty((plain.shape[1] + len(self.terms), len(X))).T  # columns are written
        found[:, : plain.shape[1]] = plain
        for column, product in enumerate(
            walk(self.terms, np.where(np.isnan(Z), 0.0, Z).T), plain.shape[1]
        ):
            found[:, column] = product
        return found


def walk(terms: Sequence[Term], values: np.ndarray) -> list[np.ndarray]:
    """Return the product of some features' values for each term; a product is made of a shorter."""
    made: dict[Term, Any] = {}

    def product(term: Term) -> Any:
        if len(term) == 1:
            return values[term[0]]
        if term not in made:
            made[term] = product(term[:-1]) * values[term[-1]]
        return made[term]

    return [product(term) for term in terms]


def every(numbers: Sequence[int], degree: int) -> list[Term]:
    """Return all products of two to `degree` different numbers.

    >>> every([0, 1, 3], 3)
    [(0, 1), (0, 3), (1, 3), (0, 1, 3)]
    """
    sizes = range(2, degree + 1)
    return [*chain.from_iterable(combinations(sorted(numbers), size) for size in sizes)]


def count(numbers: int, degree: int) -> int:
    """Return how many those are."""
    return sum(math.comb(numbers, size) for size in range(2, degree + 1))


def related(sums: Moments, design: Products) -> np.ndarray:
    """Return each number's absolute correlation with the target; a category's means nothing."""
    firsts = np.cumsum([0, *design.widths])[: len(design.base.levels)]
    own = np.diag(sums.products)[firsts] * sums.products[-1, -1]
    return short(np.abs(sums.products[-1, firsts]) / np.sqrt(np.where(own > 0, own, 1.0)))


def candidates(related: np.ndarray, numbers: Sequence[int], degree: int) -> list[Term]:
    """Return the products that are tried where all would be too many to be taken.

    All, up to CANDIDATES; else those of the numbers most `related` to the target.
    """
    most = len(numbers)
    while count(most, degree) > CANDIDATES:
        most -= 1
    ranked = sorted(numbers, key=lambda number: (-related[number], number))
    return every(ranked[:most], degree)


@dataclass(frozen=True)
class Fits:
    """How each of some columns goes with what is left to explain: sums over rows, which add up."""

    rows: int
    left: float  # the sum of what is left, and of its squares
    left_squares: float
    sums: np.ndarray
    squares: np.ndarray
    together: np.ndarray

    @classmethod
    def of(cls, columns: Sequence[np.ndarray], left: np.ndarray) -> "Fits":
        """Return the sums of some rows; the columns are numbers of about 1."""
        each = np.array([(c.sum(), c @ c, c @ left) for c in columns]).reshape(-1, 3)
        return cls(len(left), float(left.sum()), float(left @ left), *each.T)

    def __add__(self, other: "Fits") -> "Fits":
        return Fits(
            *(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__)
        )

    def correlations(self) -> np.ndarray:
        """Return the absolute correlations, to six digits: the same however rows were divided."""
        together = self.together - self.sums * self.left / self.rows
        own = self.squares - self.sums**2 / self.rows
        rest = self.left_squares - self.left**2 / self.rows
        spread = np.sqrt(np.maximum(own, 0.0) * max(rest, 0.0))
        near = own <= 1e-9 * self.squares  # a constant
        return short(np.abs(np.where(near, 0.0, together) / np.where(spread > 0, spread, 1.0)))


def best(tried: Sequence[Term], fits: Fits, most: int) -> tuple[Term, ...]:
    """Return so many of the terms that were tried: those that fit best, in their order."""
    ranked = np.argsort(-fits.correlations(), kind="stable")[:most]
    return tuple(tried[place] for place in sorted(ranked.tolist()))


def try_on(
    design: Products,
    tried: Sequence[Term],
    model: Predicts,
    stride: int,
    read: Read,
    part: Any,
    start: int,
) -> Fits:
    """Return how the terms go with what a model leaves, on every so-manieth row of a partition.

    `start` is the number of its first row among all, so that the rows are the same however they
    are divided.
    """
    X, y = (each[-start % stride :: stride] for each in read(part))
    Z = (X - design.centers) / design.scales
    columns = walk(tried, np.where(np.isnan(Z), 0.0, Z).T)
    return Fits.of(columns, y - model.predict(X))


def merged(found: Sequence[Fits]) -> Fits:
    """Return the sums of all partitions."""
    return functools.reduce(operator.add, found)
