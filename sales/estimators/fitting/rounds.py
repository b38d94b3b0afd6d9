"""How many rounds a boosted model gets where no valid rows stop it: as many as its folds took.

Each fold stops a training where its own rows no longer gain. The mean of these counts, one number
for all, is then given to every fold and to the last fit: so no fold's rows have stopped the very
model that they judge.
"""

from collections.abc import Sequence
from typing import TypeVar

import pandas as pd

from sales.params import Group

COUNTS = ("n_estimators", "max_iter")  # what models call it
Settings = TypeVar("Settings", bound=Group)


def stopped(settings: Group) -> bool:
    """Return whether valid rows end the training of such a model."""
    return getattr(settings, "early_stopping_rounds", None) is not None


def best(curve: pd.DataFrame) -> int:
    """Return the round at which the valid rows of a learning curve had their lowest RMSE.

    >>> steps = {"step": [1, 2, 1, 2], "split": ["train", "train", "valid", "valid"]}
    >>> best(pd.DataFrame({**steps, "rmse": [3.0, 2.0, 4.0, 5.0]}))
    1
    """
    valid = curve[curve["split"] == "valid"]
    return max(1, int(valid["step"].iloc[int(valid["rmse"].argmin())]))


def mean(curves: Sequence[pd.DataFrame]) -> int:
    """Return the mean of the best rounds."""
    found = [best(curve) for curve in curves]
    return max(1, round(sum(found) / len(found)))


def fixed(settings: Settings, rounds: int) -> Settings:
    """Return the same settings with so many rounds, which nothing ends."""
    [count] = [name for name in COUNTS if name in type(settings).model_fields]
    return settings.model_copy(update={count: rounds, "early_stopping_rounds": None})
