"""Prediction intervals that hold what they promise: split conformal, band by band.

The residuals of rows that no model was fitted to, the valid rows, say how far the truth lies from
a prediction. Between their order statistics lies the truth of a new row with at least the promised
probability, whatever the model and the distribution (Vovk, Gammerman and Shafer 2005, chapter 4;
by bands of the prediction, so that a small amount gets a narrow interval: "Mondrian").
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from sales import files
from sales.errors import PipelineError
from sales.params import Group


class IntervalParams(Group):
    """See `train.intervals` in params.yaml."""

    coverage: float = Field(gt=0, lt=1)
    bands: int = Field(ge=1)


class Within(NamedTuple):
    """The bounds of some rows' intervals, and the least that a bound may be, if any."""

    low: np.ndarray
    high: np.ndarray
    floor: float | None = None

    def of(self, rows: np.ndarray) -> "Within":
        """Return those of some of the rows."""
        return Within(self.low[rows], self.high[rows], self.floor)


@dataclass(frozen=True)
class Intervals:
    """How far below and above a prediction the truth may lie, by band of the prediction.

    `edges` are the inner bounds of the bands; a prediction on a bound belongs to the upper band.
    `low` and `high` are added to the prediction, one of each a band. No bound is below the `floor`,
    where there is one: a truth is not either.
    """

    coverage: float
    edges: np.ndarray
    low: np.ndarray
    high: np.ndarray
    floor: float | None = None

    def around(self, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper bounds of the predictions' intervals."""
        band = np.searchsorted(self.edges, predictions, side="right")
        low, high = predictions + self.low[band], predictions + self.high[band]
        if self.floor is None:
            return low, high
        return np.maximum(low, self.floor), np.maximum(high, self.floor)

    def save(self, path: Path) -> None:
        """Write the intervals as JSON: every bit of every number."""
        arrays = {name: getattr(self, name).tolist() for name in ("edges", "low", "high")}
        floor = {} if self.floor is None else {"floor": self.floor}
        files.write_json(path, {"coverage": self.coverage, **arrays, **floor})


def load(path: Path) -> Intervals | None:
    """Return the intervals that were saved; None where there are none."""
    if not path.is_file():
        return None
    told = files.read_json(path)
    edges, low, high = (np.array(told[name], np.float64) for name in ("edges", "low", "high"))
    if not len(edges) + 1 == len(low) == len(high):
        raise PipelineError(f"{path}: a band has no bounds")
    return Intervals(told["coverage"], edges, low, high, told.get("floor"))


def fit(
    true: np.ndarray, predicted: np.ndarray, params: IntervalParams, floor: float | None = None
) -> Intervals | None:
    """Return the intervals for a model by its predictions of the valid rows.

    None for a diverged model, whose predictions are not finite: no gate will let it pass.

    Bands hold equally many rows; one with too few of its own for the promise takes the bounds of
    all rows. Raises PipelineError where even they are too few.
    """
    residuals = true - predicted
    if not np.isfinite(residuals).all():
        return None
    what = "raise prepare.valid_size, or lower train.intervals.coverage"
    needed = fewest(params, len(residuals), "valid rows", what)
    shares = np.arange(1, params.bands) / params.bands
    edges = np.unique(np.quantile(predicted, shares))
    band = np.searchsorted(edges, predicted, side="right")
    every = _bounds(residuals, params.coverage)
    bounds = []
    for number in range(len(edges) + 1):
        own = residuals[band == number]
        bounds.append(_bounds(own, params.coverage) if len(own) >= needed else every)
    low, high = np.array(bounds).T
    return Intervals(params.coverage, edges, low, high, floor)


def fewest(params: IntervalParams, rows: int, of: str, what: str) -> int:
    """Return how many rows the promise needs.

    Raises PipelineError, which tells of which rows there are too few and what to do, for fewer.
    """
    needed = math.ceil(2 / (1 - params.coverage) - 1e-9) - 1
    if rows < needed:
        raise PipelineError(
            f"train.intervals: {params.coverage:g} coverage needs {needed} {of}, there are "
            f"{rows}: {what}"
        )
    return needed


def _bounds(residuals: np.ndarray, coverage: float) -> tuple[float, float]:
    """Return the residuals of rank floor(a/2 (n + 1)) and ceil((1 - a/2) (n + 1)).

    `a` is 1 - coverage. A rounding error must not move a rank: 0.05 * 20 is one, and no less.
    """
    ranked = np.sort(residuals)
    places = len(ranked) + 1
    below = math.floor((1 - coverage) / 2 * places + 1e-9)
    return float(ranked[below - 1]), float(ranked[places - below - 1])
