"""Means and standard deviations of columns, and of the target: what numbers are measured in."""

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sales.estimators import TrainingFiles


@dataclass(frozen=True)
class Spreads:
    """Of each column the rows that have it, their mean, and the sum of squares about it.

    They add up over partitions. Categories' are of no use.
    """

    rows: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray) -> "Spreads":
        """Return the spreads of some rows."""
        known = ~np.isnan(X)
        rows = known.sum(axis=0)
        mean = np.where(known, X, 0.0).sum(axis=0) / np.maximum(rows, 1)
        return cls(rows, mean, np.square(np.where(known, X - mean, 0.0)).sum(axis=0))

    def __add__(self, other: "Spreads") -> "Spreads":
        rows = self.rows + other.rows
        apart, some = other.mean - self.mean, np.maximum(rows, 1)
        return Spreads(
            rows,
            self.mean + apart * (other.rows / some),
            self.squares + other.squares + apart**2 * (self.rows * other.rows / some),
        )

    def units(self) -> tuple[np.ndarray, np.ndarray]:
        """Return from where and in what each column is measured: mean and standard deviation.

        Six digits of them: any would do, and these are the same however the rows were divided.
        """
        deviation = np.sqrt(self.squares / np.maximum(self.rows, 1))
        near = deviation <= 1e-12 * np.abs(self.mean)  # a constant, but for rounding
        return short(self.mean), short(np.where(near, 1.0, deviation))


def short(values: np.ndarray) -> np.ndarray:
    """Return six digits of each: the same, however the rows were divided."""
    return np.array([float(f"{value:.6g}") for value in values.tolist()])


def of_target(y: np.ndarray) -> float:
    """Return the standard deviation of some targets."""
    return _deviation(Spreads.of(y[:, None]))


def over(spread: Callable[..., list[Any]], rows: TrainingFiles) -> float:
    """Return the same of all train rows, wherever they lie; `spread` is `Engine.map`."""
    parts = [*rows.train]
    found = spread(_of_part, [rows] * len(parts), parts, what="spread of the target")
    return _deviation(functools.reduce(operator.add, found))


def _of_part(rows: TrainingFiles, part: Any) -> Spreads:
    return Spreads.of(rows.matrix(part)[1][:, None])


def _deviation(found: Spreads) -> float:
    return float(short(np.sqrt(found.squares / np.maximum(found.rows, 1)))[0])
