"""A model of all train rows, and what its folds tell of it: error, intervals, rounds.

Where rows are few, a valid part is too small to tell models apart, and its rows are missed in
training. So each row is held out once, in each repeat, and predicted by a model that has not seen
it; the model that answers learns from all of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sales.estimators import Estimator, TrainingData
from sales.estimators.fitting import rounds
from sales.estimators.fitting.scale import Scale
from sales.models import cross_intervals, intervals, matrices
from sales.models.cross_intervals import CrossIntervals
from sales.models.intervals import IntervalParams, Intervals
from sales.models.saved import Fold

NEVER = -1  # of a row that is in no fold: by time, the earliest


class CrossFitted(NamedTuple):
    """The model of all train rows with its curve and intervals, and those of the first repeat.

    `out_of_fold` has the targets of all held-out rows, repeat by repeat, and their predictions.
    `rounds` is how many a boosted model was given; None of one that no rows stop.
    """

    estimator: Estimator
    curve: pd.DataFrame
    bounds: Intervals | CrossIntervals | None
    folds: tuple[Fold, ...]
    out_of_fold: np.ndarray
    rounds: int | None


def fit(
    module: ModuleType, settings: Any, features: Path, promise: IntervalParams, learnt: Scale
) -> CrossFitted:
    """Return the model of the rows that the featurize stage left, with folds.

    By time the rows to come are not like those of each fold: then the intervals are the model's own
    prediction and the out-of-fold residuals, as those of a valid part would be, and no fold's model
    is kept. Raises what the estimator and the intervals do.
    """
    parts = [*matrices.each_fold(features)]
    own = [learnt.learnt(data) for _, data in parts]
    most = None
    if rounds.stopped(settings):
        most = rounds.mean([module.fit(settings, data)[1] for data in own])
        settings = rounds.fixed(settings, most)
    fitted = [module.fit(settings, data) for data in own]
    models = [learnt.answering(estimator) for estimator, _ in fitted]
    predicted = [
        model.predict(data.X_valid) for model, (_, data) in zip(models, parts, strict=True)
    ]
    _, whole = matrices.read(features)
    estimator, _ = module.fit(settings, learnt.learnt(_all_of(whole)))
    true = np.concatenate([data.y_valid for _, data in parts])
    out = np.concatenate(predicted)
    assigned = matrices.folds(features)
    first = 0 if assigned is None else int(assigned["0"].max()) + 1  # the folds of one repeat
    bounds: Intervals | CrossIntervals | None
    kept: tuple[Fold, ...] = ()
    if assigned is not None and (assigned["0"] == NEVER).any():
        bounds = intervals.fit(true, out, promise, learnt.least)
    else:
        of = np.repeat(np.arange(first), [len(one) for one in predicted[:first]])
        once = len(of)
        bounds = cross_intervals.fit(true[:once], out[:once], of, promise, learnt.least)
        kept = tuple(
            Fold(featuriser, model)
            for (featuriser, _), model in zip(parts[:first], models[:first], strict=True)
        )
    curve = mean_curve([one for _, one in fitted])
    out_of_fold = np.array([true, out])
    return CrossFitted(learnt.answering(estimator), curve, bounds, kept, out_of_fold, most)


def _all_of(data: TrainingData) -> TrainingData:
    """Return the same with valid rows, of which a fit draws a curve: no others are left."""
    return replace(data, X_valid=data.X, y_valid=data.y)


def rmse(out_of_fold: np.ndarray) -> float:
    """Return the RMSE of predictions of rows that were held out."""
    true, predicted = out_of_fold
    return float(np.sqrt(np.mean(np.square(predicted - true))))


def mean_curve(curves: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the folds' learning curves as one, over the steps of the longest: mean squares.

    >>> one = pd.DataFrame({"step": [1], "split": ["valid"], "rmse": [3.0]})
    >>> mean_curve([one, one.assign(rmse=4.0)])["rmse"].tolist()
    [3.53553]
    """
    longest = max(curves, key=lambda curve: int(curve["step"].max()))
    found = []
    for split, steps in longest.groupby("split", sort=False)["step"]:
        own = [curve[curve["split"] == split] for curve in curves]
        squares = [np.interp(steps, curve["step"], np.square(curve["rmse"])) for curve in own]
        rmses = [float(f"{value:.6g}") for value in np.sqrt(np.mean(squares, axis=0))]
        found.append(pd.DataFrame({"step": steps, "split": split, "rmse": rmses}))
    return pd.concat(found, ignore_index=True)
