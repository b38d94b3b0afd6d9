"""Prediction intervals by CV+, from out-of-fold residuals and the models of the folds.

Each train row was predicted by the model that was fitted without its fold. For a new row, each of
these models predicts too; to its prediction the residuals of its own fold are added, and between
the order statistics of all these sums lies the truth. (Barber, Candès, Ramdas and Tibshirani 2021,
"Predictive inference with the jackknife+", Annals of Statistics 49, section 3: CV+.)

What is promised: for rows that are exchangeable, and whatever model and distribution, at coverage
1 - a the truth lies within with a probability of at least 1 - 2a - min(2 (1 - 1/K) / (n/K + 1),
(1 - K/n) / (K + 1)) (their theorem 4; K folds, n rows); in practice, as they show and a simulation
in the tests does, 1 - a. Residuals keep their sign here, each side with a/2: the theorem's argument
holds for each side, and so their sum. Two things go beyond it: residuals are taken from rows of
about the same prediction, so that a small amount gets a narrow interval, and the number of rounds
of a boosted model is one that all folds have chosen together.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sales.models.intervals import IntervalParams, fewest

ROWS_A_BAND = 50  # at least
CHUNK = 4_000_000  # sums in memory at once

Ends = tuple[np.ndarray, ...]  # by fold: residuals, rising


@dataclass(frozen=True)
class CrossIntervals:
    """The residuals (true - predicted) that bound an interval, by band of the prediction.

    `edges` are the inner bounds of the bands; a prediction on a bound belongs to the upper band.
    `low` holds a band's lowest residuals, fold by fold: no others can be among the `ranks` lowest
    sums, of which the last is the bound; `high` the same of the highest. `rows` is how many
    residuals there were. No bound is below the `floor`, where there is one.
    """

    coverage: float
    edges: np.ndarray
    ranks: tuple[int, ...]
    low: tuple[Ends, ...]
    high: tuple[Ends, ...]
    rows: int
    floor: float | None = None

    def around(self, predictions: np.ndarray, by_fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper bounds of the predictions' intervals.

        `by_fold` has a row for each fold: what its model predicts. A prediction always lies within
        its own interval: where the folds' models are all on one side of it, that is widened.
        """
        band = np.searchsorted(self.edges, predictions, side="right")
        low, high = predictions.copy(), predictions.copy()
        for number, rank in enumerate(self.ranks):
            mine = np.flatnonzero(band == number)
            size = sum(map(len, self.low[number]))
            for start in range(0, len(mine), max(1, CHUNK // size)):
                rows = mine[start : start + max(1, CHUNK // size)]
                below = _sums(by_fold[:, rows], self.low[number])
                above = _sums(by_fold[:, rows], self.high[number])
                low[rows] = np.partition(below, rank - 1)[:, rank - 1]
                high[rows] = np.partition(above, above.shape[1] - rank)[:, above.shape[1] - rank]
        low, high = np.minimum(low, predictions), np.maximum(high, predictions)
        if self.floor is None:
            return low, high
        return np.maximum(low, self.floor), np.maximum(high, self.floor)

    def told(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        return {
            "coverage": self.coverage,
            "edges": self.edges.tolist(),
            "ranks": list(self.ranks),
            "low": [[fold.tolist() for fold in band] for band in self.low],
            "high": [[fold.tolist() for fold in band] for band in self.high],
            "rows": self.rows,
            **({} if self.floor is None else {"floor": self.floor}),
        }


def _sums(by_fold: np.ndarray, residuals: Ends) -> np.ndarray:
    """Return, for each row, each model's prediction with each residual of its fold added."""
    return np.concatenate(
        [
            predicted[:, None] + own[None, :]
            for predicted, own in zip(by_fold, residuals, strict=True)
        ],
        axis=1,
    )


def of(told: dict[str, Any]) -> CrossIntervals:
    """Return what `told` has told. Raises ValueError where a band has no bounds."""
    edges = np.array(told["edges"], np.float64)
    low, high = (
        tuple(tuple(np.array(fold, np.float64) for fold in band) for band in told[side])
        for side in ("low", "high")
    )
    ranks = tuple(told["ranks"])
    if not len(edges) + 1 == len(low) == len(high) == len(ranks):
        raise ValueError("a band has no bounds")
    return CrossIntervals(
        told["coverage"], edges, ranks, low, high, told["rows"], told.get("floor")
    )


def fit(
    true: np.ndarray,
    predicted: np.ndarray,
    folds: np.ndarray,
    params: IntervalParams,
    floor: float | None = None,
) -> CrossIntervals | None:
    """Return the intervals from each row's truth, its out-of-fold prediction and its fold.

    None where a prediction is not finite. Bands hold equally many rows, at least ROWS_A_BAND, or
    there is but one. Raises PipelineError where all rows together are too few for the promise.
    """
    residuals = true - predicted
    if not np.isfinite(residuals).all():
        return None
    needed = fewest(params, len(residuals), "train rows", "lower train.intervals.coverage")
    bands = max(1, min(params.bands, len(residuals) // max(needed, ROWS_A_BAND)))
    edges = np.unique(np.quantile(predicted, np.arange(1, bands) / bands))
    band = np.searchsorted(edges, predicted, side="right")
    names = np.unique(folds)
    ranks, low, high = [], [], []
    for number in range(len(edges) + 1):
        inside = band == number
        if inside.sum() < needed:  # of predictions that are alike
            inside = np.ones(len(band), bool)
        rank = math.floor((1 - params.coverage) / 2 * (int(inside.sum()) + 1) + 1e-9)
        own = [np.sort(residuals[inside & (folds == name)]) for name in names]
        ranks.append(rank)
        low.append(tuple(each[:rank] for each in own))
        high.append(tuple(each[max(0, len(each) - rank) :] for each in own))
    return CrossIntervals(
        params.coverage, edges, tuple(ranks), tuple(low), tuple(high), len(true), floor
    )
