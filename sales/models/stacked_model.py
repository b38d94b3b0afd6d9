"""An ensemble as a model: members under their weights, intervals, what its folder says of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sales.estimators import ensemble
from sales.estimators.ensemble import WHOLE, Ensemble, Member, Params
from sales.estimators.fitting import scale
from sales.models import cross_intervals, intervals
from sales.models.cross_fitting import NEVER
from sales.models.cross_intervals import CrossIntervals
from sales.models.intervals import IntervalParams, Intervals
from sales.models.saved import Fold, Model
from sales.models.stacking import Stacked


class Assembled(NamedTuple):
    """The estimator, its intervals, and the models of the folds that these ask, if any."""

    estimator: Ensemble
    bounds: Intervals | CrossIntervals | None
    folds: tuple[Fold, ...]


def held_in(assigned: pd.DataFrame) -> np.ndarray:
    """Return in which fold each out-of-fold answer is held out, as models keep these.

    `assigned` has the fold of each train row, a column a repeat. Of repeats it is the first one's:
    what a row was answered in another repeat is held out with it.

    >>> held_in(pd.DataFrame({"0": [0, 1, 1], "1": [1, 0, 1]})).tolist()
    [0, 1, 1, 1, 0, 1]
    """
    first = assigned["0"].to_numpy()
    rows = [
        np.flatnonzero(repeat == fold)
        for _, repeat in assigned.items()
        for fold in range(repeat.max() + 1)
    ]
    return np.asarray(first[np.concatenate(rows)], np.intp)


def assemble(
    members: Sequence[Model],
    stacked: Stacked,
    true: np.ndarray,
    assigned: pd.DataFrame | None,
    promise: IntervalParams,
) -> Assembled:
    """Return the ensemble of some models, from the targets by which it was `stacked`.

    `assigned` are the folds of the train rows, None where the targets are the valid rows'. As for
    any model, intervals come of the out-of-fold errors: those of the valid rows, and of folds by
    time, about the prediction; else by CV+, with an ensemble of the members' models of each fold
    under the weights that were found without it. Raises what the intervals do.
    """
    learnt = scale.of(members[0].about)
    estimator = ensemble.of(
        (
            Member(one.name, weight, one.estimator)
            for one, weight in zip(members, stacked.weights, strict=True)
        ),
        learnt,
    )
    if assigned is None or (assigned["0"] == NEVER).any():
        bounds = intervals.fit(true, stacked.out_of_fold, promise, learnt.least)
        return Assembled(estimator, bounds, ())
    once = slice(len(assigned))  # the first repeat
    answers, fold = stacked.out_of_fold[once], held_in(assigned)[once]
    kept = tuple(
        Fold(
            members[0].folds[number].featuriser,
            ensemble.of(
                (
                    Member(one.name, weight, one.folds[number].estimator)
                    for one, weight in zip(members, stacked.without[number], strict=True)
                ),
                learnt,
            ),
        )
        for number in range(len(members[0].folds))
    )
    return Assembled(
        estimator, cross_intervals.fit(true[once], answers, fold, promise, learnt.least), kept
    )


def about(members: Sequence[Model], stacked: Stacked, settings: Params) -> dict[str, Any]:
    """Return what the ensemble's folder says of it: as its members do of themselves, and of them.

    Of members that learnt from a sample each, the smallest is told.
    """
    first = members[0].about
    taken = {one.name: w for one, w in zip(members, stacked.weights, strict=True) if w}
    own = {one.name: one for one in members if one.name in taken}
    sampled = [one.about["sampled_rows"] for one in own.values() if "sampled_rows" in one.about]
    same = ("target", "feature_set", "request_fields", "train_rows", "folds", "repeats")
    weights = ", ".join(f"{name} {weight / WHOLE:g}" for name, weight in taken.items())
    return {
        **{key: first[key] for key in same if key in first},
        "params": {"weights": weights, "min_weight": settings.min_weight},
        "members": {
            name: {
                "weight": weight / WHOLE,
                "content_hash": own[name].content_hash,
                "params": own[name].about["params"],
            }
            for name, weight in taken.items()
        },
        **({"members_scale": first["target_scale"]} if "target_scale" in first else {}),
        **({"sampled_rows": min(sampled)} if sampled else {}),
        **{key: its for key, its in first.items() if key.endswith("_sha256")},
    }
