"""Which categories with very many values are better one number than codes: tried on drawn rows.

Both are what `sales/models/` makes of nine tenths of the rows: a code is its level's place in the
order of the mean target, the rare ones together; a number is what the level adds, taken from the
other folds. Either is held against the target in steps, as trees do, and the steps against the rows
held out. Codes have two weak sides, which count the more the fewer rows a level has: what the rare
levels are is lost, and in the order a train row sees something of its own target.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sales.models import many_levels, target_encoding

ERRORS = 2.0  # standard errors by which the number must be better: chance is no reason
STEPS = 32
Shown = tuple[np.ndarray, np.ndarray]  # what the rows that teach are shown, and those held out


def chosen(
    rows: pd.DataFrame, target: str, categories: Sequence[str], many: int
) -> Mapping[str, str]:
    """Return the categories with more than `many` values that a number says more of, and why."""
    known = rows[rows[target].notna()]
    y = known[target].to_numpy(np.float64)
    fold = target_encoding.folds(0, len(known))
    held = fold == 0
    found = {}
    for name in categories:
        levels = known[name].nunique()
        if levels <= many or min(held.sum(), (~held).sum()) < 2:
            continue
        values = known[name].astype("category")
        shown = (_codes(values, y, held), _numbers(values, y, fold))
        errors = [np.square(_in_steps(y[~held], *each) - y[held]) for each in shown]
        better = errors[0] - errors[1]
        if better.mean() > ERRORS * better.std() / np.sqrt(len(better)):
            codes, number = (float(np.sqrt(each.mean())) for each in errors)
            found[name] = (
                f"{name}: {levels:,} values; alone it errs by {number:.4g} as a number, by "
                f"{codes:.4g} as codes"
            )
    return found


def _codes(values: pd.Series, y: np.ndarray, held: np.ndarray) -> Shown:
    order = many_levels.order(many_levels.tally(values[~held], y[~held]))
    codes = {level: code + (code >= order.rare) for code, level in enumerate(order.levels)}
    places = [codes.get(str(level), order.rare) for level in values.cat.categories]
    found = np.array([*places, len(codes) + 1], np.float64)[values.cat.codes]  # -1: the last
    return found[~held], found[held]


def _numbers(values: pd.Series, y: np.ndarray, fold: np.ndarray) -> Shown:
    held = fold == 0
    told = target_encoding.tally(values[~held], y[~held], fold[~held])
    place = {level: i for i, level in enumerate(told.levels)}
    places = [place.get(str(level), len(place) + 1) for level in values.cat.categories]
    at = np.array([*places, len(place)])[values.cat.codes]
    found = np.empty(len(y))
    for number in range(target_encoding.FOLDS):
        own = fold == number
        amounts = target_encoding.amounts(told, without=number)  # of fold 0 it has no row
        found[own] = np.append(amounts, 0.0)[at[own]]
    return found[~held], found[held]


def _in_steps(y: np.ndarray, shown: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return for the rows held out the mean target of their step."""
    edges = np.unique(np.quantile(shown, np.arange(1, STEPS) / STEPS))
    step = np.searchsorted(edges, shown, side="right")
    rows = np.bincount(step, minlength=len(edges) + 1)
    sums = np.bincount(step, weights=y, minlength=len(edges) + 1)
    means = np.where(rows > 0, sums / np.maximum(rows, 1), y.mean())
    return means[np.searchsorted(edges, held, side="right")]
