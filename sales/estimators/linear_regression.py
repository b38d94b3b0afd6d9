"""Ordinary least squares on the numbers and the one-hot categories, kept as readable JSON."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from sales import files
from sales.estimators import Contributions, TrainingData
from sales.estimators.learning_curve import learning_curve
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
    # Here, not above: whoever only loads and predicts is spared a second of imports.
    from sklearn.metrics import root_mean_squared_error

    rows = len(data.y)
    steps = sorted({max(2, round(rows * share)) for share in np.geomspace(0.01, 1.0, 8)})
    train, valid = [], []
    for step in steps:
        model = _least_squares(params, data.X[:step], data.y[:step], data.levels)
        train.append(root_mean_squared_error(data.y[:step], model.predict(data.X[:step])))
        valid.append(root_mean_squared_error(data.y_valid, model.predict(data.X_valid)))
    return model, learning_curve(steps, (train, valid))


def _least_squares(params: Params, X: np.ndarray, y: np.ndarray, levels: tuple[int, ...]) -> Linear:
    """Fit in units of standard deviations, then round.

    The last bits depend on the BLAS kernel; a quantum of 10^-digits standard deviations of the
    target, a thousand times above that noise and more, removes it and costs no accuracy that
    counts.
    """
    scale = np.where(np.array(levels) > 0, 1.0, X.std(axis=0))
    scale[scale == 0] = 1.0
    solved = _normal_equations(X / scale, y, levels)
    ends = np.cumsum([max(1, count) for count in levels])[:-1]
    quantum = 10.0 ** np.floor(np.log10(y.std() or 1.0))  # a power of ten keeps the JSON short
    decimals = params.digits - round(np.log10(quantum))
    weights = []
    for part, width in zip(np.split(solved, ends), scale, strict=True):
        per_unit = decimals + round(np.floor(np.log10(width)))
        weights.append(np.round(part / width, per_unit))
    rounded = Linear(0.0, tuple(weights), tuple(count > 0 for count in levels))
    # Taken anew, so that rounding the weights of large numbers (years, say) adds no bias.
    intercept = float(np.round((y - rounded.predict(X)).mean(), decimals))
    means = tuple(float(np.round(part.mean(), decimals)) + 0.0 for part in rounded.parts(X))
    return replace(rounded, intercept=intercept, means=means)


def _normal_equations(X: np.ndarray, y: np.ndarray, levels: tuple[int, ...]) -> np.ndarray:
    """Return the shortest least squares solution, its intercept left out: Z'Z w = Z'y, centered.

    In blocks of rows, so that the one-hot matrix Z never stands in memory as a whole. One-hot
    columns that add up to others make Z'Z singular: directions below SINGULAR of the longest are
    none.
    """

    def one_hot(rows: slice) -> np.ndarray:
        blocks = [
            (column[:, None] == np.arange(count)).astype(np.float64) if count else column[:, None]
            for column, count in zip(X[rows].T, levels, strict=True)
        ]
        return np.hstack(blocks)

    parts = [slice(at, at + BLOCK) for at in range(0, len(y), BLOCK)]
    center = sum(one_hot(rows).sum(axis=0) for rows in parts) / len(y)
    squares, products, mean = 0.0, 0.0, y.mean()
    for rows in parts:
        Z = one_hot(rows) - center
        squares, products = squares + Z.T @ Z, products + Z.T @ (y[rows] - mean)
    return np.linalg.lstsq(squares, products, rcond=SINGULAR)[0]
