"""What an error costs: squared or absolute, each bounded where a bound was set before.

Squared errors decide as the rule of `register` does, by the RMSE. Where errors have heavy tails
their squares may have no finite variance, and one row outweighs thousands. Two ways out, both to
be set before the trial begins: absolute errors, which compare the MAE, or a bound, above which an
error counts as the bound (winsorised). Bounded losses have all moments, so that alpha holds
whatever the tails are; what is compared is then the RMSE of errors that are cut there, and a
challenger that is worse in the cut-off tail alone is not seen.
"""

from typing import Literal

import numpy as np

Kind = Literal["squared", "absolute"]
SCORES: dict[Kind, str] = {"squared": "RMSE", "absolute": "MAE"}


def of(errors: np.ndarray, kind: Kind, bound: float | None) -> np.ndarray:
    """Return the loss of each error.

    >>> of(np.array([3.0, -40.0]), "squared", 10.0).tolist()
    [9.0, 100.0]
    """
    size = np.abs(errors)
    if bound is not None:
        size = np.minimum(size, bound)
    return size**2 if kind == "squared" else size


def improvement_pct(saved: np.ndarray, champion: "float | np.ndarray", kind: Kind) -> np.ndarray:
    """Return by how many percent the challenger's RMSE (or MAE) is lower than the champion's.

    `saved` is by how much its mean loss is, `champion` the champion's mean loss. It grows with
    what is saved, so that an interval's ends may be told in percent.

    >>> improvement_pct(np.array([36.0, 0.0, -44.0]), 100.0, "squared").round(9).tolist()
    [20.0, 0.0, -20.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # of a champion that never errs
        share = np.where(saved == 0, 0.0, saved / np.asarray(champion, np.float64))
    left = np.maximum(1 - share, 0.0)
    return 100 * (1 - (np.sqrt(left) if kind == "squared" else left))


def saved_by(pct: float, champion: float, kind: Kind) -> float:
    """Return the mean loss that so many percent of RMSE (or MAE) save: `improvement_pct` back."""
    left = 1 - pct / 100
    return champion * (1 - (left**2 if kind == "squared" else left))
