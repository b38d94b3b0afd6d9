"""How boosted trees part the levels of a category: by a point in their order, or into any two sets.

`codes`: a split lies between two codes, as between two numbers. `native`: a split sends any set of
levels to one side, which the library finds from the levels' gradients. Which is better depends on
the table: sets take fewer splits, and fit chance more easily. `measured` decides by rows of the
train part alone: the valid rows rank the models, and must not have chosen among their forms too.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from sales.estimators import TrainingData

Categories = Literal["codes", "native", "measured"]
# HistGradientBoosting takes no more. A category with more has codes in the order of its mean target
# (sales/models/many_levels.py), which is what a library would part it by.
MOST_LEVELS = 255
ROWS = 10_000  # train rows, at most, on which both ways are tried
HELD = 0.2  # of these, for comparison
FEWEST = 100  # held rows; of fewer, the simpler way


class Params(Protocol):
    """Of a model that can take categories either way."""

    @property
    def categories(self) -> Categories:
        """The way."""

    @property
    def seed(self) -> int:
        """By which rows are drawn."""

    def model_copy(self, *, update: dict[str, Any]) -> Any:
        """Return the same with other values."""


ParamsT = TypeVar("ParamsT", bound=Params)


def native(params: Params, levels: tuple[int, ...]) -> tuple[bool, ...]:
    """Return of each feature whether it is parted into sets, by its number of levels."""
    return tuple(params.categories == "native" and 0 < many <= MOST_LEVELS for many in levels)


def decided(
    params: ParamsT, data: TrainingData, fit: Callable[[ParamsT, TrainingData], tuple[Any, Any]]
) -> ParamsT:
    """Return the parameters with `codes` or `native` in the place of `measured`.

    Some train rows, drawn by the seed, are fitted both ways; others stop both fits, and tell which
    errs less. Where both err the same, or there are too few rows to tell, it is codes.
    """
    if params.categories != "measured":
        return params
    codes, sets = (params.model_copy(update={"categories": way}) for way in ("codes", "native"))
    drawn = np.random.default_rng(params.seed).permutation(len(data.y))[:ROWS]
    held, learnt = np.split(drawn, [round(HELD * len(drawn))])
    if len(held) < FEWEST or not any(native(sets, data.levels)):
        return codes
    held, learnt = np.sort(held), np.sort(learnt)
    part = replace(
        data, X=data.X[learnt], y=data.y[learnt], X_valid=data.X[held], y_valid=data.y[held]
    )
    errors = []
    for way in (codes, sets):
        fitted, _ = fit(way, part)
        errors.append(float(np.square(fitted.predict(part.X_valid) - part.y_valid).mean()))
    return sets if errors[1] < errors[0] else codes


def told(params: Any, estimator: Any) -> dict[str, str]:
    """Return which way was chosen, where a model has both and that was measured."""
    if getattr(params, "categories", None) != "measured":
        return {}
    fitted = getattr(estimator, "inner", estimator)  # behind a scale of the target
    return {"categories": "native" if fitted.native else "codes"}
