"""Ordinary least squares on the numbers and the one-hot categories, kept as readable JSON.

A number that train rows lack stands at its mean there, and an indicator beside it learns what
missing means; at the median or anywhere else the fit would be the same. Both together are one
amount. Categories with very many levels are folded: beyond `MOST_LEVELS` the rarer levels of a
category share one amount.
"""

import functools
import math
import operator
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
from sales.estimators.fitting.moments import Counts, Design, Moments
from sales.params import Group

FILE = "linear_regression.json"
MOST_LEVELS = 400  # with a weight of their own, of all categories together: the cost is their cube
SINGULAR = 1e-11
WITHOUT_MEANS = "explained against zero, not the average: this model was saved without its means"


class Params(Group):
    """See `train.linear_regression` in params.yaml."""

    digits: int = Field(ge=3, le=12)


@dataclass(frozen=True)
class Linear:
    """An intercept and, per feature, one slope (a number) or one amount per level (a category).

    `means` are what each feature added to the prediction of a train row, on average. A model that
    was saved before they were kept has none. `missing` are the amounts of numbers that are missing;
    None where no train row lacked it: then it is answered with its mean.
    """

    intercept: float
    weights: tuple[np.ndarray, ...]
    categorical: tuple[bool, ...]
    means: tuple[float, ...] | None = None
    missing: tuple[float | None, ...] = ()

    @cached_property
    def _absent(self) -> tuple[float, ...]:
        """What each feature adds where there is no value; NaN where an old model cannot tell."""
        none: list[float | None] = [None] * len(self.weights)
        means = self.means or [math.nan] * len(self.weights)
        known = zip(self.missing or none, means, self.categorical, strict=True)
        return tuple(0.0 if c else mean if own is None else own for own, mean, c in known)

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
        for column, weights, categorical, absent in zip(
            X.T, self.weights, self.categorical, self._absent, strict=True
        ):
            unknown = np.isnan(column)
            if categorical:
                codes = np.where(unknown, 0, column).astype(np.intp)
                yield np.where(unknown, absent, weights[codes])
            else:
                part = column * weights[0]
                yield np.where(unknown, absent, part) if unknown.any() else part

    def _one(self, features: list[float]) -> float:
        total = self.intercept
        for value, weights, categorical, absent in zip(
            features, self._plain, self.categorical, self._absent, strict=True
        ):
            if value != value:  # NaN
                total += absent
            elif categorical:
                total += weights[int(value)]
            else:
                total += value * weights[0]
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
        for feature, amount in zip(features, self.missing, strict=False):
            if amount is not None:
                feature["missing"] = amount
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
        tuple(f.get("missing") for f in features),
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
        data.holes,
    )


def _as_it_is(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pair


Spread = Callable[..., list[Any]]  # a function over the partitions, as Engine.map
Read = Callable[[Any], tuple[np.ndarray, np.ndarray]]  # from a partition to its matrix and targets
Part = tuple[list[Any], list[int]]  # partitions, and how many rows each has


def fit_partitions(
    params: Params,
    levels: tuple[int, ...],
    spread: Spread,
    read: Read,
    train: Part,
    valid: Part,
    holes: tuple[bool, ...] = (),
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
    many = len(parts)
    design = Design.plain(levels)
    if any(holes) or sum(levels) > MOST_LEVELS:
        own = spread(_counts, [read] * many, parts, [levels] * many, what="levels")
        counts: Counts = functools.reduce(operator.add, own)
        design = counts.design(levels, holes or (False,) * len(levels), MOST_LEVELS)
    found = spread(_moments, [read] * many, parts, [design] * many, stops, what="normal equations")
    models, sums = [], Moments.none(design)
    for step in range(len(steps)):
        sums = sum((of_partition[step] for of_partition in found), sums)
        models.append(_least_squares(params, sums, design))

    def rmse(part: Part, stops: list[list[int]]) -> list[float]:
        many = len(part[0])
        told = spread(_squares, [read] * many, part[0], [models] * many, stops, what="curve")
        scored = [sum(counts) for counts in zip(*stops, strict=True)]
        squares = [math.fsum(of_step) for of_step in zip(*told, strict=True)]
        return [math.sqrt(total / count) for total, count in zip(squares, scored, strict=True)]

    whole = [[count] * len(steps) for count in valid[1]]
    return models[-1], learning_curve(steps, (rmse(train, stops), rmse(valid, whole)))


def _counts(read: Read, part: Any, levels: tuple[int, ...]) -> Counts:
    """Return the counts of a partition's rows."""
    return Counts.of(read(part)[0], levels)


def _moments(read: Read, part: Any, design: Design, stops: list[int]) -> list[Moments]:
    """Return the moments of a partition's rows from each stop to the next."""
    X, y = read(part)
    size = design.block
    return [
        sum(
            (
                Moments.of(X[at : min(at + size, stop)], y[at : min(at + size, stop)], design)
                for at in range(start, stop, size)
            ),
            Moments.none(design),
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


def _least_squares(params: Params, moments: Moments, design: Design) -> Linear:
    """Fit in units of standard deviations, then round: the shortest solution of least squares.

    The last bits depend on the BLAS kernel; a quantum of 10^-digits standard deviations of the
    target, a thousand times above that noise and more, removes it and costs no accuracy that
    counts.
    """
    spreads = np.sqrt(np.diag(moments.products) / moments.rows)
    numeric = np.repeat(np.array(design.levels) == 0, design.widths)
    scale = np.where(numeric, spreads[:-1], 1.0)
    scale[scale == 0] = 1.0
    squares = moments.products[:-1, :-1] / np.outer(scale, scale)
    solved = np.linalg.lstsq(squares, moments.products[:-1, -1] / scale, rcond=SINGULAR)[0]
    ends = np.cumsum(design.widths)[:-1]
    quantum = 10.0 ** np.floor(np.log10(spreads[-1] or 1.0))  # a power of ten keeps the JSON short
    decimals = params.digits - round(np.log10(quantum))
    weights, means, missing = [], [], list[float | None]()
    split = (np.split(values, ends) for values in (solved, scale, moments.mean[:-1]))
    for part, width, mean, fill, places in zip(*split, design.fills, design.places, strict=True):
        per_unit = decimals + round(np.floor(np.log10(width[0])))
        own = np.round(part / width, per_unit)
        if fill is None:
            missing.append(None)
        else:
            missing.append(float(np.round(own[0] * fill + part[1] / width[1], decimals)))
            own[1] = missing[-1] - own[0] * fill
        means.append(float(own @ mean))
        weights.append(own[:1] if fill is not None else own if places is None else own[places])
    # Taken anew, so that rounding the weights of large numbers (years, say) adds no bias.
    intercept = float(np.round(moments.mean[-1] - math.fsum(means), decimals))
    return Linear(
        intercept,
        tuple(weights),
        tuple(count > 0 for count in design.levels),
        tuple(float(np.round(mean, decimals)) + 0.0 for mean in means),
        tuple(missing),
    )
