"""Least squares from what partitions sum up to: here or on a cluster, no row is left out."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from sales.estimators import TrainingData
from sales.estimators.fitting.learning_curve import learning_curve
from sales.estimators.fitting.moments import Columns, Moments

SINGULAR = 1e-11
# Of the curve: by other threads, or another CPU, a coefficient of few rows may round otherwise.
DIGITS = 4
BLOCK = 8192  # rows answered at once: what is made of them fits into a processor's cache

Spread = Callable[..., list[Any]]  # a function over the partitions, as Engine.map
Read = Callable[[Any], tuple[np.ndarray, np.ndarray]]  # from a partition to its matrix and targets
Part = tuple[list[Any], list[int]]  # partitions, and how many rows each has


class Predicts(Protocol):
    """What a fit makes."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predictions of `X`."""


Model = TypeVar("Model", bound=Predicts)


def answers(
    X: np.ndarray,
    one: Callable[[list[float]], float],
    some: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the predictions of `X`, whose parts both functions add one by one, in order.

    Without BLAS, so that an order has the same bits alone as in a table, on every CPU. One order is
    added up in Python's own floats: the same sums, without NumPy's microsecond a call.
    """
    if len(X) == 1:
        return np.array([one(X[0].tolist())])
    found = np.empty(len(X))
    for start in range(0, len(X), BLOCK):
        found[start : start + BLOCK] = some(X[start : start + BLOCK])
    return found


def here(data: TrainingData) -> tuple[Spread, Read, Part, Part]:
    """Return rows in memory as partitions, one of each part, and how to work on them."""
    return (
        lambda function, *items, what: [*map(function, *items)],  # noqa: ARG005
        _as_it_is,
        ([(data.X, data.y)], [len(data.y)]),
        ([(data.X_valid, data.y_valid)], [len(data.y_valid)]),
    )


def _as_it_is(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pair


def in_steps(
    design: Columns,
    solve: Callable[[Moments], Model],
    spread: Spread,
    read: Read,
    train: Part,
    valid: Part,
    least: int = 2,
) -> tuple[Model, pd.DataFrame]:
    """Return what `solve` makes of all train rows, and its curve over growing shares of them.

    The rows are summed up once for all steps of the curve, the first of which has at least so many
    rows, if there are; then the steps' models are scored.
    """
    parts, rows = train
    total = sum(rows)
    shares = (max(least, round(total * share)) for share in np.geomspace(0.01, 1.0, 8))
    steps = sorted({min(step, max(total, 2)) for step in shares})
    starts = np.cumsum([0, *rows])[:-1]
    # Up to which of its rows a partition belongs to each step.
    stops = [
        [int(np.clip(step - start, 0, count)) for step in steps]
        for start, count in zip(starts, rows, strict=True)
    ]
    many = len(parts)
    found = spread(_moments, [read] * many, parts, [design] * many, stops, what="normal equations")
    models, sums = list[Model](), Moments.none(design)
    for step in range(len(steps)):
        sums = sum((of_partition[step] for of_partition in found), sums)
        models.append(solve(sums))

    def rmse(part: Part, stops: list[list[int]]) -> list[float]:
        many = len(part[0])
        told = spread(_squares, [read] * many, part[0], [models] * many, stops, what="curve")
        scored = [sum(counts) for counts in zip(*stops, strict=True)]
        squares = [math.fsum(of_step) for of_step in zip(*told, strict=True)]
        return [math.sqrt(total / count) for total, count in zip(squares, scored, strict=True)]

    whole = [[count] * len(steps) for count in valid[1]]
    return models[-1], learning_curve(steps, (rmse(train, stops), rmse(valid, whole)), DIGITS)


def summed(design: Columns, spread: Spread, read: Read, train: Part) -> Moments:
    """Return the moments of all train rows."""
    parts, rows = train
    many, stops = len(parts), [[count] for count in rows]
    found = spread(_moments, [read] * many, parts, [design] * many, stops, what="normal equations")
    return sum((whole for [whole] in found), Moments.none(design))


def _moments(read: Read, part: Any, design: Columns, stops: list[int]) -> list[Moments]:
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


def _squares(read: Read, part: Any, models: list[Predicts], stops: list[int]) -> list[float]:
    """Return the sum of each model's squared errors on a partition's rows up to its stop."""
    X, y = read(part)
    return [
        float(np.square(y[:stop] - model.predict(X[:stop])).sum()) if stop else 0.0
        for model, stop in zip(models, stops, strict=True)
    ]


def solved(
    moments: Moments, numeric: np.ndarray, digits: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the shortest least-squares weights, and to how many decimals they are to be kept.

    The weights are for the columns in units of what is returned beside them: their standard
    deviations, where `numeric` tells, else 1. Directions in which the columns all but coincide
    (SINGULAR) get no weight.

    The last bits depend on the BLAS kernel; a quantum of 10^-digits standard deviations of the
    target, a thousand times above that noise and more, removes it and costs no accuracy that
    counts.
    """
    spreads = np.sqrt(np.diag(moments.products) / moments.rows)
    scale = np.where(numeric, spreads[:-1], 1.0)
    scale[scale == 0] = 1.0
    squares = moments.products[:-1, :-1] / np.outer(scale, scale)
    weights = np.linalg.lstsq(squares, moments.products[:-1, -1] / scale, rcond=SINGULAR)[0]
    quantum = 10.0 ** np.floor(np.log10(spreads[-1] or 1.0))  # a power of ten keeps the JSON short
    return weights, scale, digits - round(np.log10(quantum))
