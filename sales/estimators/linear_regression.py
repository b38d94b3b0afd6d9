"""Ordinary least squares on the numbers and the one-hot categories, kept as readable JSON."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from sales import files
from sales.estimators import Contributions, TrainingData
from sales.estimators.fitting.learning_curve import learning_curve
from sales.params import Group

FILE = "linear_regression.json"
BLOCK = 65_536  # rows
SINGULAR = 1e-11
WITHOUT_MEANS = "explained against zero, not the average: this model was saved without its means"


class Params(Group):
    """See `train.linear_regression` in params.yaml."""

    digits: int = Field(ge=3, le=12)


@dataclass(frozen=True)
class Linear:
    """An intercept and, per feature, one slope (a number) or one amount per level (a category).

    `means` are what each feature added to the prediction of a train row, on average. A model that
    was saved before they were kept has none.
    """

    intercept: float
    weights: tuple[np.ndarray, ...]
    categorical: tuple[bool, ...]
    means: tuple[float, ...] | None = None

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predictions; features are added one by one, in order, without BLAS.

        So an order has the same bits alone as in a table, on every CPU. An unknown category adds 0.
        One order is added up in Python's own floats: the same sums, without NumPy's microsecond a
        call.
        """
        if len(X) == 1:
            return np.array([self._one(X[0].tolist())])
        total = np.full(len(X), self.intercept)
        for part in self.parts(X):
            total += part
        return total

    def parts(self, X: np.ndarray) -> Iterator[np.ndarray]:
        """Yield what each feature adds to the predictions of `X`."""
        for column, weights, categorical in zip(X.T, self.weights, self.categorical, strict=True):
            if categorical:
                known = ~np.isnan(column)
                codes = np.where(known, column, 0).astype(np.intp)
                yield np.where(known, weights[codes], 0.0)
            else:
                yield column * weights[0]

    def _one(self, features: list[float]) -> float:
        total = self.intercept
        for value, weights, categorical in zip(
            features, self._plain, self.categorical, strict=True
        ):
            if not categorical:
                total += value * weights[0]
            elif value == value:  # known, not NaN
                total += weights[int(value)]
        return total

    @cached_property
    def _plain(self) -> list[list[float]]:
        return [weights.tolist() for weights in self.weights]

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return what each feature adds beyond its mean; without means, all that it adds."""
        amounts = np.concatenate([*self.parts(row[None, :])])
        if self.means is None:
            return Contributions(self.intercept, amounts, WITHOUT_MEANS)
        return Contributions(math.fsum([self.intercept, *self.means]), amounts - self.means)

    def save(self, folder: Path) -> None:
        """Write the weights as JSON; Python prints each float so that it reads back exactly."""
        features: list[dict[str, Any]] = [
            {"categorical": categorical, "weights": weights.tolist()}
            for weights, categorical in zip(self.weights, self.categorical, strict=True)
        ]
        for feature, mean in zip(features, self.means or (), strict=False):
            feature["mean"] = mean
        files.write_json(folder / FILE, {"intercept": self.intercept, "features": features})


def load(folder: Path) -> Linear:
    """Return the regression that `save` wrote."""
    content = files.read_json(folder / FILE)
    features = content["features"]
    return Linear(
        content["intercept"],
        tuple(np.array(feature["weights"], dtype=np.float64) for feature in features),
        tuple(feature["categorical"] for feature in features),
        tuple(f["mean"] for f in features) if all("mean" in f for f in features) else None,
    )


def fit(params: Params, data: TrainingData) -> tuple[Linear, pd.DataFrame]:
    """Return the regression and its curve over growing shares of the train rows."""
    return fit_partitions(
        params,
        data.levels,
        lambda function, *items, what: [*map(function, *items)],  # noqa: ARG005
        _as_it_is,
        ([(data.X, data.y)], [len(data.y)]),
        ([(data.X_valid, data.y_valid)], [len(data.y_valid)]),
    )


def _as_it_is(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pair


Spread = Callable[..., list[Any]]  # a function over the partitions, as Engine.map
Read = Callable[[Any], tuple[np.ndarray, np.ndarray]]  # from a partition to its matrix and targets
Part = tuple[list[Any], list[int]]  # partitions, and how many rows each has


def fit_partitions(
    params: Params, levels: tuple[int, ...], spread: Spread, read: Read, train: Part, valid: Part
) -> tuple[Linear, pd.DataFrame]:
    """Return the same from partitions: what they sum up to is merged, so no row is left out.

    Once for all steps of the curve; then the steps' models are scored.
    """
    parts, rows = train
    total = sum(rows)
    steps = sorted({max(2, round(total * share)) for share in np.geomspace(0.01, 1.0, 8)})
    starts = np.cumsum([0, *rows])[:-1]
    # Up to which of its rows a partition belongs to each step.
    stops = [
        [int(np.clip(step - start, 0, count)) for step in steps]
        for start, count in zip(starts, rows, strict=True)
    ]
    found = spread(
        _moments, [read] * len(parts), parts, [levels] * len(parts), stops, what="normal equations"
    )
    models, sums = [], Moments.none(levels)
    for step in range(len(steps)):
        sums = sum((of_partition[step] for of_partition in found), sums)
        models.append(_least_squares(params, sums, levels))

    def rmse(part: Part, stops: list[list[int]]) -> list[float]:
        many = len(part[0])
        told = spread(_squares, [read] * many, part[0], [models] * many, stops, what="curve")
        scored = [sum(counts) for counts in zip(*stops, strict=True)]
        squares = [math.fsum(of_step) for of_step in zip(*told, strict=True)]
        return [math.sqrt(total / count) for total, count in zip(squares, scored, strict=True)]

    whole = [[count] * len(steps) for count in valid[1]]
    return models[-1], learning_curve(steps, (rmse(train, stops), rmse(valid, whole)))


def _moments(read: Read, part: Any, levels: tuple[int, ...], stops: list[int]) -> "list[Moments]":
    """Return the moments of a partition's rows from each stop to the next."""
    X, y = read(part)
    return [
        sum(
            (
                Moments.of(X[at : min(at + BLOCK, stop)], y[at : min(at + BLOCK, stop)], levels)
                for at in range(start, stop, BLOCK)
            ),
            Moments.none(levels),
        )
        for start, stop in pairwise([0, *stops])
    ]


def _squares(read: Read, part: Any, models: list[Linear], stops: list[int]) -> list[float]:
    """Return the sum of each model's squared errors on a partition's rows up to its stop."""
    X, y = read(part)
    return [
        float(np.square(y[:stop] - model.predict(X[:stop])).sum()) if stop else 0.0
        for model, stop in zip(models, stops, strict=True)
    ]


@dataclass(frozen=True)
class Moments:
    """Rows, means and centered products of the one-hot features with the target as the last column.

    They add up over blocks of rows without a loss of digits, wherever the rows lie (Chan, Golub and
    LeVeque 1979).
    """

    rows: int
    mean: np.ndarray
    products: np.ndarray

    @classmethod
    def none(cls, levels: tuple[int, ...]) -> "Moments":
        """Return the moments of no rows."""
        width = sum(max(1, count) for count in levels) + 1
        return cls(0, np.zeros(width), np.zeros((width, width)))

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, levels: tuple[int, ...]) -> "Moments":
        """Return the moments of some rows, at least one."""
        blocks = [
            (column[:, None] == np.arange(count)).astype(np.float64) if count else column[:, None]
            for column, count in zip(X.T, levels, strict=True)
        ]
        Z = np.hstack([*blocks, y[:, None]])
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


def _least_squares(params: Params, moments: Moments, levels: tuple[int, ...]) -> Linear:
    """Fit in units of standard deviations, then round: the shortest solution of least squares.

    The last bits depend on the BLAS kernel; a quantum of 10^-digits standard deviations of the
    target, a thousand times above that noise and more, removes it and costs no accuracy that
    counts.
    """
    spreads = np.sqrt(np.diag(moments.products) / moments.rows)
    counts = np.array([max(1, count) for count in levels])
    numeric = np.repeat(np.array(levels) == 0, counts)
    scale = np.where(numeric, spreads[:-1], 1.0)
    scale[scale == 0] = 1.0
    squares = moments.products[:-1, :-1] / np.outer(scale, scale)
    solved = np.linalg.lstsq(squares, moments.products[:-1, -1] / scale, rcond=SINGULAR)[0]
    ends = np.cumsum(counts)[:-1]
    quantum = 10.0 ** np.floor(np.log10(spreads[-1] or 1.0))  # a power of ten keeps the JSON short
    decimals = params.digits - round(np.log10(quantum))
    weights, means = [], []
    for part, width, mean in zip(
        *(np.split(values, ends) for values in (solved, scale, moments.mean[:-1])), strict=True
    ):
        per_unit = decimals + round(np.floor(np.log10(width[0])))
        weights.append(np.round(part / width, per_unit))
        means.append(float(weights[-1] @ mean))
    # Taken anew, so that rounding the weights of large numbers (years, say) adds no bias.
    intercept = float(np.round(moments.mean[-1] - math.fsum(means), decimals))
    return Linear(
        intercept,
        tuple(weights),
        tuple(count > 0 for count in levels),
        tuple(float(np.round(mean, decimals)) + 0.0 for mean in means),
    )
