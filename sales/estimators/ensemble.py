"""A weighted mean of other models: where one errs high and another low, they meet in between.

Which models, and how much of each, `sales/models/stacking.py` finds. Weights are whole numbers of a
thousandth that add up to one: an answer lies between those of the members, an exact model stays
exact, and the bits are the same everywhere. What each feature adds is the same mean of what it adds
in the members, so that explanations stay exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from sales import estimators, files
from sales.errors import PipelineError
from sales.estimators import Contributions, Estimator
from sales.estimators.fitting import scale
from sales.estimators.fitting.scale import Scale
from sales.params import Group

FILE = "ensemble.json"
MEMBERS = "members"
WHOLE = 1000  # parts, of which weights are so many


class Params(Group):
    """See `train.ensemble` in params.yaml."""

    wanted: bool
    min_weight: float = Field(ge=0, le=0.5)


class Member(NamedTuple):
    """A model by its name, of which thousandths are taken; it answers in units of the target."""

    name: str
    weight: int
    estimator: Estimator


@dataclass(frozen=True)
class Ensemble:
    """The members, and the scale on which they learnt."""

    members: tuple[Member, ...]
    scale: Scale

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the weighted means of the members' predictions, float64."""
        total = np.zeros(len(X))
        for one in self.members:
            total += one.weight * one.estimator.predict(X)
        return total / WHOLE

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return the weighted means of what each feature adds.

        Raises PipelineError where a member is too large to be explained.
        """
        baseline, amounts = 0.0, np.zeros(len(row))
        terms: dict[tuple[int, ...], float] = {}
        caveats = []
        for one in self.members:
            try:
                found = one.estimator.contributions(row)
            except PipelineError as error:
                raise PipelineError(f"{one.name}, a member of the ensemble: {error}") from error
            baseline += one.weight * found.baseline
            amounts += one.weight * found.amounts
            for term, by in found.terms:
                terms[term] = terms.get(term, 0.0) + one.weight * by
            caveats += [found.caveat] if found.caveat else []
        return Contributions(
            baseline / WHOLE,
            amounts / WHOLE,
            "; ".join(dict.fromkeys(caveats)) or None,
            tuple((term, by / WHOLE) for term, by in terms.items()),
        )

    def save(self, folder: Path) -> None:
        """Write the weights, and a folder for each member."""
        weights = {one.name: one.weight for one in self.members}
        files.write_json(folder / FILE, {"weights": weights, **self.scale.told()})
        for one in self.members:
            own = folder / MEMBERS / one.name
            own.mkdir(parents=True)
            one.estimator.save(own)


def of(members: Iterable[Member], learnt: Scale) -> Ensemble:
    """Return the ensemble of those members that have a weight.

    Raises ValueError where the weights do not add up to one.
    """
    taken = tuple(one for one in members if one.weight)
    if sum(one.weight for one in taken) != WHOLE or min(one.weight for one in taken) < 0:
        raise ValueError(f"weights of {[one.weight for one in taken]} thousandths are no shares")
    return Ensemble(taken, learnt)


def load(folder: Path) -> Ensemble:
    """Return the ensemble that `save` wrote."""
    told = files.read_json(folder / FILE)
    learnt = scale.of(told)
    return of(
        (
            Member(name, weight, learnt.answering(_loaded(folder / MEMBERS / name)))
            for name, weight in told["weights"].items()
        ),
        learnt,
    )


def _loaded(folder: Path) -> Estimator:
    if folder.name not in estimators.NAMES:  # which also keeps one ensemble out of another
        raise PipelineError(f"unknown member '{folder.name}'")
    found: Estimator = estimators.module(folder.name).load(folder)
    return found
