"""Least squares on the features and on products of the numbers among them, kept as readable JSON.

What is a sum of products, as a price is quantity times unit price less discount and tax on top, it
learns exactly, and goes on so beyond what training saw. Categories and numbers that are missing are
what they are in `linear_regression`; products of a number that is missing add nothing.
"""

import functools
import math
import operator
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
from sales.estimators.fitting import least_squares, products
from sales.estimators.fitting.least_squares import Part, Read, Spread
from sales.estimators.fitting.moments import Counts, Moments
from sales.estimators.fitting.products import Products, Term
from sales.estimators.fitting.spreads import Spreads
from sales.estimators.linear_regression import MOST_LEVELS
from sales.params import Group

FILE = "polynomial_regression.json"
ROWS_A_TERM = 20  # train rows for which one more product is taken


class Params(Group):
    """See `train.polynomial_regression` in params.yaml."""

    degree: int = Field(ge=2, le=6)
    max_terms: int = Field(ge=1, le=5000)
    digits: int = Field(ge=3, le=12)


@dataclass(frozen=True)
class Feature:
    """What a feature adds: a category an amount for each level, a number `weights[0]` a unit.

    A number is measured from its `center` in units of its `scale`, which a category has not.
    `missing` is added where a number is missing; `mean` is what the feature added to the prediction
    of a train row, on average.
    """

    weights: np.ndarray
    mean: float
    center: float | None = None
    scale: float = 1.0
    missing: float = 0.0


@dataclass(frozen=True)
class Polynomial:
    """An intercept, what each feature adds, and a weight for each product of measured numbers.

    `means` are what each product added to the prediction of a train row, on average.
    """

    intercept: float
    features: tuple[Feature, ...]
    terms: tuple[Term, ...]
    weights: tuple[float, ...]
    means: tuple[float, ...]

    @cached_property
    def _steps(self) -> list[tuple[int, int, float]]:
        """Return how products are made: of which earlier one and which number, and their weight.

        The numbers come first, then the products in the order in which they are made; one that is
        needed for a longer one only weighs nothing.
        """
        weights = dict(zip(self.terms, self.weights, strict=True))
        place: dict[Term, int] = {(number,): number for number in range(len(self.features))}
        steps = []
        for term in self.terms:
            for size in range(2, len(term) + 1):
                if (part := term[:size]) not in place:
                    place[part] = len(place)
                    steps.append((place[part[:-1]], part[-1], weights.get(part, 0.0)))
        return steps

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predictions; an unknown category adds 0."""
        return least_squares.answers(X, self._one, self._some)

    def _some(self, X: np.ndarray) -> np.ndarray:
        total, made = np.full(len(X), self.intercept), []
        for part, value in self._parts(X):
            total += part
            made.append(value)
        for earlier, number, weight in self._steps:
            made.append(made[earlier] * made[number])
            if weight:
                total += weight * made[-1]
        return total

    def _parts(self, X: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what each feature adds to the predictions of `X`, and what its products take."""
        for column, one in zip(X.T, self.features, strict=True):
            unknown = np.isnan(column)
            if one.center is None:
                codes = np.where(unknown, 0, column).astype(np.intp)
                yield np.where(unknown, 0.0, one.weights[codes]), column
                continue
            value = (column - one.center) / one.scale
            if unknown.any():
                value[unknown] = 0.0
                yield np.where(unknown, one.missing, value * one.weights[0]), value
            else:
                yield value * one.weights[0], value

    def _one(self, row: list[float]) -> float:
        total, made = self.intercept, list[float]()
        for value, (weights, center, scale, missing) in zip(row, self._plain, strict=True):
            if center is None:
                total += weights[int(value)] if value == value else 0.0  # not NaN
                made.append(0.0)
            elif value != value:
                total += missing
                made.append(0.0)
            else:
                made.append((value - center) / scale)
                total += made[-1] * weights[0]
        for earlier, number, weight in self._steps:
            made.append(made[earlier] * made[number])
            if weight:
                total += weight * made[-1]
        return total

    @cached_property
    def _plain(self) -> list[tuple[list[float], float | None, float, float]]:
        return [(f.weights.tolist(), f.center, f.scale, f.missing) for f in self.features]

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return what each feature adds beyond its mean: its own part, and its share of products.

        What a product adds beyond its mean is shared equally by its features, as in Shapley's
        value: no order of theirs comes first.
        """
        parts, values = zip(*self._parts(row[None, :]), strict=True)
        amounts = np.array([p[0] - f.mean for p, f in zip(parts, self.features, strict=True)])
        made = products.walk(self.terms, np.array(values)[:, 0])
        terms = []
        for term, value, weight, mean in zip(
            self.terms, made, self.weights, self.means, strict=True
        ):
            amount = weight * float(value) - mean
            terms.append((term, amount))
            amounts[[*term]] += amount / len(term)
        means = (*(feature.mean for feature in self.features), *self.means)
        return Contributions(math.fsum([self.intercept, *means]), amounts, terms=tuple(terms))

    def save(self, folder: Path) -> None:
        """Write the weights as JSON; Python prints each float so that it reads back exactly."""
        features: list[dict[str, Any]] = []
        for one in self.features:
            told: dict[str, Any] = {"weights": one.weights.tolist(), "mean": one.mean}
            if one.center is not None:
                told |= {"center": one.center, "scale": one.scale, "missing": one.missing}
            features.append(told)
        terms = [
            {"of": [*term], "weight": weight, "mean": mean}
            for term, weight, mean in zip(self.terms, self.weights, self.means, strict=True)
        ]
        content = {"intercept": self.intercept, "features": features, "terms": terms}
        files.write_json(folder / FILE, content)


def load(folder: Path) -> Polynomial:
    """Return the regression that `save` wrote."""
    content = files.read_json(folder / FILE)
    terms = content["terms"]
    return Polynomial(
        content["intercept"],
        tuple(
            Feature(**{**told, "weights": np.array(told["weights"], dtype=np.float64)})
            for told in content["features"]
        ),
        tuple(tuple(term["of"]) for term in terms),
        tuple(term["weight"] for term in terms),
        tuple(term["mean"] for term in terms),
    )


def fit(params: Params, data: TrainingData) -> tuple[Polynomial, pd.DataFrame]:
    """Return the regression and its curve over growing shares of the train rows."""
    return fit_partitions(params, data.levels, *least_squares.here(data), data.holes)


def fit_partitions(
    params: Params,
    levels: tuple[int, ...],
    spread: Spread,
    read: Read,
    train: Part,
    valid: Part,
    holes: tuple[bool, ...] = (),
) -> tuple[Polynomial, pd.DataFrame]:
    """Return the same from partitions: what they sum up to is merged, so no row is left out."""
    many = len(train[0])
    told = spread(_first, [read] * many, train[0], [levels] * many, what="spreads")
    counts, spreads = (functools.reduce(operator.add, one) for one in zip(*told, strict=True))
    centers, scales = spreads.units()
    gone = holes or (False,) * len(levels)
    # Measured from its mean, a number that is missing stands at 0.
    fills = tuple(0.0 if hole and not n else None for hole, n in zip(gone, levels, strict=True))
    base = replace(counts.design(levels, gone, MOST_LEVELS), fills=fills)
    design = Products(base, centers, scales, ())

    def solve(sums: Moments) -> Polynomial:
        return _least_squares(params, sums, design)

    terms = _terms(params, design, spread, read, train)
    design = Products(base, centers, scales, terms)
    least = 2 * sum(design.widths)
    return least_squares.in_steps(design, solve, spread, read, train, valid, least)


def _first(read: Read, part: Any, levels: tuple[int, ...]) -> tuple[Counts, Spreads]:
    X, _ = read(part)
    return Counts.of(X, levels), Spreads.of(X)


def _terms(
    params: Params, design: Products, spread: Spread, read: Read, train: Part
) -> tuple[Term, ...]:
    """Return the products that the model is made of.

    All of two to `degree` different numbers, where these are no more than `max_terms`, nor than
    one for ROWS_A_TERM train rows; else so many of them: those that go best, by their correlation,
    with what least squares without any product leave unexplained. That is measured on a part of
    the train rows, spread over all.
    """
    parts, rows = train
    numbers = [i for i, count in enumerate(design.base.levels) if not count]
    most = min(params.max_terms, sum(rows) // ROWS_A_TERM)
    if products.count(len(numbers), params.degree) <= most:
        return tuple(products.every(numbers, params.degree))
    if not most:
        return ()
    sums = least_squares.summed(design, spread, read, train)
    straight = _least_squares(params, sums, design)
    tried = products.candidates(products.related(sums, design), numbers, params.degree)
    stride, starts = math.ceil(sum(rows) / products.TRIED_ROWS), np.cumsum([0, *rows])[:-1]
    same = ([one] * len(parts) for one in (design, tried, straight, stride, read))
    found = spread(products.try_on, *same, parts, starts.tolist(), what="products")
    return products.best(tried, products.merged(found), most)


def _least_squares(params: Params, moments: Moments, design: Products) -> Polynomial:
    """Fit in units of standard deviations, then round: the shortest solution of least squares."""
    count = len(design.base.levels)
    categorical = np.array([*design.base.levels, *(0 for _ in design.terms)]) > 0
    numeric = np.repeat(~categorical, design.widths)
    solved, scale, decimals = least_squares.solved(moments, numeric, params.digits)
    ends = np.cumsum(design.widths)[:-1]
    means, own = [], []
    split = (np.split(values, ends) for values in (solved, scale, moments.mean[:-1]))
    for part, width, mean in zip(*split, strict=True):
        per_unit = [decimals + round(np.floor(np.log10(one))) for one in width]
        rounded = [np.round(p / w, d) for p, w, d in zip(part, width, per_unit, strict=True)]
        own.append(np.array(rounded) + 0.0)  # no -0.0, whose sign is the solver's noise
        means.append(float(own[-1] @ mean))
    # Taken anew, so that rounding the weights adds no bias.
    intercept = float(np.round(moments.mean[-1] - math.fsum(means), decimals))
    kept = [float(np.round(mean, decimals)) + 0.0 for mean in means]
    features = []
    for i, (levels, places) in enumerate(zip(design.base.levels, design.base.places, strict=True)):
        weights = own[i] if places is None else own[i][places]
        if levels:
            features.append(Feature(weights, kept[i]))
            continue
        missing = float(weights[1]) if len(weights) > 1 else 0.0
        center, unit = float(design.centers[i]), float(design.scales[i])
        features.append(Feature(weights[:1], kept[i], center, unit, missing))
    return Polynomial(
        intercept,
        tuple(features),
        design.terms,
        tuple(float(one[0]) for one in own[count:]),
        tuple(kept[count:]),
    )
