"""Ordinary least squares on the numbers and the one-hot categories, kept as readable JSON.

A number that train rows lack stands at its mean there, and an indicator beside it learns what
missing means; at the median or anywhere else the fit would be the same. Both together are one
amount. Categories with very many levels are folded: beyond `MOST_LEVELS` the rarer levels of a
category share one amount.
"""

import functools
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from sales import files
from sales.estimators import Contributions, TrainingData
from sales.estimators.fitting import least_squares
from sales.estimators.fitting.least_squares import Part, Read, Spread
from sales.estimators.fitting.moments import Counts, Design, Moments
from sales.params import Group

FILE = "linear_regression.json"
MOST_LEVELS = 400  # with a weight of their own, of all categories together: the cost is their cube
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
        """Return the predictions; an unknown category adds 0."""
        return least_squares.answers(X, self._one, self._some)

    def _some(self, X: np.ndarray) -> np.ndarray:
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
        *least_squares.here(data),
        data.holes,
    )


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
    design = Design.plain(levels)
    if any(holes) or sum(levels) > MOST_LEVELS:
        many = len(train[0])
        own = spread(_counts, [read] * many, train[0], [levels] * many, what="levels")
        counts: Counts = functools.reduce(operator.add, own)
        design = counts.design(levels, holes or (False,) * len(levels), MOST_LEVELS)

    def solve(sums: Moments) -> Linear:
        return _least_squares(params, sums, design)

    return least_squares.in_steps(design, solve, spread, read, train, valid)


def _counts(read: Read, part: Any, levels: tuple[int, ...]) -> Counts:
    """Return the counts of a partition's rows."""
    return Counts.of(read(part)[0], levels)


def _least_squares(params: Params, moments: Moments, design: Design) -> Linear:
    """Fit in units of standard deviations, then round: the shortest solution of least squares."""
    numeric = np.repeat(np.array(design.levels) == 0, design.widths)
    solved, scale, decimals = least_squares.solved(moments, numeric, params.digits)
    ends = np.cumsum(design.widths)[:-1]
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
