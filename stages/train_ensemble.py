"""Makes the ensemble of the models that pass the gate, where `train.ensemble` asks for one.

Which pass, the gate's rules say of the metrics that evaluate will write: both are pure functions,
so they can be asked here too, before those stages, and the graph has no circle. The weights come
from rows that no model has learnt from; of the test rows no more is known here than in the ranking:
who passed.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sales import engine, estimators, files, params
from sales.engine import Engine
from sales.errors import run
from sales.estimators import ENSEMBLE, TrainingFiles
from sales.estimators.ensemble import Params

if TYPE_CHECKING:
    from sales.models.saved import Model

PREPARED = Path("data/prepared")
FEATURES = Path("data/features")
TARGET = Path("data/target.json")
MODELS = Path("models")
NONE = "none.json"  # in place of a model: why there is none


def main() -> None:
    """Write models/ensemble/: the model, or why there is none."""
    settings, started = params.read("train.ensemble", Params), time.time()
    with files.replacing(MODELS / ENSEMBLE) as folder:
        folder.mkdir()
        why = _made(settings, folder) if settings.wanted else "train.ensemble.wanted is false"
        if why:
            files.write_json(folder / NONE, {"why": why})
    if why:
        print(f"no ensemble: {why}")
        return
    from sales.models import state

    state.note_training(files.content_hash(MODELS / ENSEMBLE), started)


def _made(settings: Params, folder: Path) -> str:
    """Write the model into the folder; return why there is none, or nothing."""
    from sales.models import (
        belonging,
        cross_fitting,
        matrices,
        saved,
        stacked_model,
        stacking,
    )
    from sales.models.intervals import IntervalParams

    promise = params.read("train.intervals", IntervalParams)
    folders = [MODELS.absolute() / name for name in estimators.NAMES]
    belonging.of_metrics(PREPARED, FEATURES, folders)  # all of the same rows
    with engine.started() as on:
        passing = _passing(folders, on)
        if len(passing) < 2:
            who = f"only {passing[0]} passes" if passing else "no model passes"
            return f"{who} the gate, and it takes two"
        members = [saved.load(MODELS / name) for name in passing]
        featuriser, found = matrices.files(FEATURES)
        assigned = matrices.folds(FEATURES)
        if assigned is None:
            true, predicted = _on_valid_rows(members, found, on)
            fold = stacking.folds(len(true))
        else:
            told = np.array([one.out_of_fold for one in members])
            true, predicted = told[0, 0], told[:, 1]
            fold = stacked_model.held_in(assigned)
    stacked = stacking.fit(true, predicted, fold, settings.min_weight)
    if sum(weight > 0 for weight in stacked.weights) < 2:
        alone = passing[int(np.argmax(stacked.weights))]
        return f"{alone} alone errs no more on rows that no model has learnt from"
    found_of = stacked_model.assemble(members, stacked, true, assigned, promise)
    about = stacked_model.about(members, stacked, settings)
    out_of_fold = np.array([true, stacked.out_of_fold])
    saved.save(
        folder,
        *(ENSEMBLE, found_of.estimator, featuriser, about, found_of.bounds, found_of.folds),
        stacking.kept(out_of_fold),
    )
    rmse = cross_fitting.rmse(out_of_fold)
    print(f"{ENSEMBLE}: {about['params']['weights']}; out-of-fold RMSE {rmse:,.6g}")
    return ""


def _passing(folders: Sequence[Path], on: Engine) -> list[str]:
    """Return the models that keep every rule of the gate, by name."""
    from sales.data.split import PARTS
    from sales.engine import partitions
    from sales.judging import evaluation, gates, scores

    settings = params.read("evaluate", scores.EvaluateParams)
    few = settings.model_copy(update={"importance_rows": 10, "plot_rows": 10})  # no rule asks
    orders = {part: partitions.of(PREPARED.absolute() / f"{part}.parquet") for part in PARTS}
    least = files.read_json(TARGET)["least"]
    found = evaluation.evaluate(folders, orders, few, on, least)
    metrics = {folder.name: one.metrics for folder, one in zip(folders, found, strict=True)}
    passed = gates.decide(metrics, params.read("gate", gates.GateParams))["ranking"]
    return [name for name in estimators.NAMES if name in passed]


def _on_valid_rows(
    members: "Sequence[Model]", found: TrainingFiles, on: Engine
) -> tuple[np.ndarray, np.ndarray]:
    """Return the valid rows' targets, and a row of predictions for each model."""
    known: Sequence[Model | Path] = members
    if on.client is not None:  # the workers read them for themselves
        known = [MODELS.absolute() / one.name for one in members]
    many = len(found.valid)
    told = on.map(_answers, [known] * many, [found] * many, found.valid, what="predictions")
    return np.concatenate([y for y, _ in told]), np.concatenate([own for _, own in told], axis=1)


def _answers(
    models: "Sequence[Model | Path]", found: TrainingFiles, valid: Path
) -> tuple[np.ndarray, np.ndarray]:
    from sales.models import saved

    X, y = found.matrix(valid)
    loaded = (saved.load(one) if isinstance(one, Path) else one for one in models)
    return y, np.array([one.estimator.predict(X) for one in loaded])


if __name__ == "__main__":
    run(main)
