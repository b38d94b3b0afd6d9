"""Trains one model: `python -m stages.train xgboost`."""

import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sales import engine, estimators, files, params
from sales.contract import mentions
from sales.engine import Engine, RunParams, partitions
from sales.errors import PipelineError, run
from sales.estimators import Estimator, TrainingFiles
from sales.estimators.fitting import categories, scale
from sales.estimators.fitting.scale import Scale
from sales.models import belonging, cross_fitting, intervals, matrices, saved, state
from sales.models.cross_fitting import CrossFitted
from sales.models.cross_intervals import CrossIntervals
from sales.models.intervals import IntervalParams, Intervals
from sales.models.saved import Fold

FEATURES = Path("data/features")
TARGET = Path("data/target.json")


def main() -> None:
    """Write models/<name>/ and models/learning_curve/<name>.csv."""
    if len(sys.argv) != 2 or sys.argv[1] == estimators.ENSEMBLE:
        raise PipelineError(f"name the model to train: {', '.join(estimators.NAMES)}")
    name, started = sys.argv[1], time.time()
    module = estimators.module(name)
    settings = params.read(f"train.{name}", module.Params)
    promise = params.read("train.intervals", IntervalParams)
    learnt = scale.wanted(TARGET)
    mentions.check()  # what evaluate will need, before an hour of training
    featuriser, found = matrices.files(FEATURES)
    rows = sum(partitions.rows(found.train))
    folds = matrices.folds(FEATURES)
    made_of = belonging.of_model(FEATURES)
    with engine.started() as on, files.replacing(Path("models") / name) as beside:
        folder = beside.absolute()  # as workers know it
        folder.mkdir()
        if folds is not None:
            each = cross_fitting.fit(module, settings, FEATURES, promise, learnt)
            fitted = _by_folds(each, rows)
        elif on.client is None:
            fitted = _fit(module, settings, promise, learnt)
        else:
            fitted = _fit_on(on, name, settings, promise, learnt, found, folder)
        about = {
            "target": featuriser.target,
            "feature_set": featuriser.feature_set,
            "request_fields": list(featuriser.request_fields),
            "params": settings.model_dump(),
            "train_rows": rows,
            **learnt.told(),
            **categories.told(settings, fitted.estimator),
            **({} if fitted.rows == rows else {"sampled_rows": fitted.rows}),
            **({} if folds is None else {"folds": int(folds["0"].max()) + 1}),
            **({} if folds is None else {"repeats": len(folds.columns)}),
            **({} if fitted.rounds is None else {"rounds": fitted.rounds}),
            **made_of,
        }
        kept = (fitted.bounds, fitted.folds, fitted.out_of_fold)
        saved.save(folder, name, fitted.estimator, featuriser, about, *kept)
    with files.replacing(Path("models/learning_curve") / f"{name}.csv") as beside:
        fitted.curve.to_csv(beside, index=False)
    state.note_training(files.content_hash(Path("models") / name), started)
    judged = "valid" if folds is None else "out-of-fold"
    sample = "" if fitted.rows == rows else f"a sample of {fitted.rows:,} of "
    print(f"{name}: {sample}{rows:,} rows, {judged} RMSE {fitted.rmse:,.6g}")


class _Fitted(NamedTuple):
    """A model, its learning curve, its intervals, and how many rows it learnt from.

    The RMSE is the model's on all valid rows, or of its folds on those that they held out. A curve
    may be of fewer, and goes on beyond the best round, to which the model was cut back.
    """

    estimator: Estimator
    curve: pd.DataFrame
    bounds: Intervals | CrossIntervals | None
    rows: int
    rmse: float
    folds: tuple[Fold, ...] = ()
    out_of_fold: np.ndarray | None = None
    rounds: int | None = None


def _fit(module: ModuleType, settings: Any, promise: IntervalParams, learnt: Scale) -> _Fitted:
    _, data = matrices.read(FEATURES)
    fitted, curve = module.fit(settings, learnt.learnt(data))
    estimator = learnt.answering(fitted)
    predicted = estimator.predict(data.X_valid)
    bounds = intervals.fit(data.y_valid, predicted, promise, learnt.least)
    return _Fitted(estimator, curve, bounds, len(data.y), _rmse(data.y_valid, predicted))


def _by_folds(found: CrossFitted, rows: int) -> _Fitted:
    rmse = cross_fitting.rmse(found.out_of_fold)
    more = (found.folds, found.out_of_fold, found.rounds)
    return _Fitted(found.estimator, found.curve, found.bounds, rows, rmse, *more)


def _fit_on(
    on: Engine,
    name: str,
    settings: Any,
    promise: IntervalParams,
    learnt: Scale,
    found: TrainingFiles,
    folder: Path,
) -> _Fitted:
    """Fit on the cluster, or here on a sample of the rows where the model has no such form."""
    distributed = estimators.on_cluster(name)
    if distributed:
        estimator, curve = distributed.fit_on(on, settings, learnt.files(found))
        rows = sum(partitions.rows(found.train))
    else:
        most = params.read("run", RunParams).sample_rows
        _, data = matrices.read(FEATURES, most, getattr(settings, "seed", 0))
        estimator, curve = estimators.module(name).fit(settings, learnt.learnt(data))
        rows = len(data.y)
    estimator.save(folder)  # where the workers read it
    many = len(found.valid)
    told = on.map(
        _answers,
        *([one] * many for one in (name, folder, learnt, found)),
        found.valid,
        what="intervals",
    )
    true, predicted = (np.concatenate(values) for values in zip(*told, strict=True))
    bounds = intervals.fit(true, predicted, promise, learnt.least)
    return _Fitted(estimator, curve, bounds, rows, _rmse(true, predicted))


def _rmse(true: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(predicted - true))))


def _answers(
    name: str, folder: Path, learnt: Scale, found: TrainingFiles, valid: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Return a partition's targets, and what the model in the folder predicts."""
    X, y = found.matrix(valid)
    return y, learnt.answering(estimators.module(name).load(folder)).predict(X)


if __name__ == "__main__":
    run(main)
