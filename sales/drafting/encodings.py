"""Which categories with very many values are better one number than codes: tried on drawn rows.

By codes a model can tell apart the levels that enough rows have, and knows the others as one; as a
number it has what each level adds, as far as its rows prove it (`sales/models/`). What either knows
of a level is taken from nine tenths of the rows, and held against the target of the others.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sales.models import many_levels, target_encoding

ERRORS = 2.0  # standard errors by which the number must be better: chance is no reason


def chosen(
    rows: pd.DataFrame, target: str, categories: Sequence[str], many: int, of: int
) -> Mapping[str, str]:
    """Return the categories with more than `many` values that a number says more of, and why.

    `rows` are drawn from `of` rows, and have so much fewer of a level.
    """
    known = rows[rows[target].notna()]
    y = known[target].to_numpy(np.float64)
    held = target_encoding.folds(0, len(known)) == 0
    fewest = many_levels.FEWEST * len(known) / max(of, len(known), 1)
    found = {}
    for name in categories:
        if known[name].nunique() <= many or min(held.sum(), (~held).sum()) < 2:
            continue
        values = known[name].astype("category")
        guesses = (_by_codes(values, y, held, fewest), _by_number(values, y, held))
        errors = [np.square(guess - y[held]) for guess in guesses]
        better = errors[0] - errors[1]
        if better.mean() > ERRORS * better.std() / np.sqrt(len(better)):
            rmse = [float(np.sqrt(each.mean())) for each in errors]
            found[name] = (
                f"{name}: {known[name].nunique():,} values; its mean alone errs by "
                f"{rmse[1]:.4g} as a number, by {rmse[0]:.4g} as codes"
            )
    return found


def _by_codes(values: pd.Series, y: np.ndarray, held: np.ndarray, fewest: float) -> np.ndarray:
    """Return the same where the levels that fewer rows have are one level."""
    rows = values[~held].value_counts()
    rare = [level for level in values.cat.categories if rows[level] < fewest]
    together = {level: level for level in values.cat.categories} | dict.fromkeys(
        rare, "".join(rare[:1])
    )
    return _by_number(values.map(together).astype("category"), y, held)


def _by_number(values: pd.Series, y: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return what the level of each held row makes of the mean, by the rows that are not held."""
    fold = target_encoding.folds(0, len(y))
    told = target_encoding.tally(values[~held], y[~held], fold[~held])
    found = target_encoding.amounts(told)
    adds = dict(zip(told.levels, found, strict=False)) | {None: found[-1]}
    levels = values[held].astype(object).where(values[held].notna(), None)
    return y[~held].mean() + np.array([adds.get(level, 0.0) for level in levels])
