"""What a category's values become: a number by the value, for a table and a single order alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sales.contract.holes import gone

Codes = dict[str | None, float]  # None: of no value
RARE = "\0"  # among the codes: of all values that have none of their own; no cell says it


def of(levels: Sequence[str], folded: int | None, *, hole: bool) -> Codes:
    """Return each level's place, and of a category whose rare values are `folded` their place.

    Rows that lack a value have the last place, where train rows do: then there is a `hole`.
    """
    codes: Codes = {level: float(code) for code, level in enumerate(levels)}
    if folded is not None:
        codes = {n: code + (code >= folded) for n, code in codes.items()}
        codes |= {RARE: float(folded), None: np.nan}
    if hole:
        codes[None] = float(len(codes) - (folded is not None))
    return codes


def of_amounts(levels: Sequence[str], amounts: Sequence[float], *, hole: bool) -> Codes:
    """Return each level's amount; 0 of a value that train rows do not have.

    Where there is a `hole`, the last of the amounts is that of rows that lack a value.
    """
    codes: Codes = dict(zip(levels, amounts, strict=False))
    return codes | {RARE: 0.0, None: amounts[-1] if hole else 0.0}


def encode(values: Any, codes: Codes) -> Any:
    """Return an array, or a list to make one of, in which None is NaN."""
    rare = codes.get(RARE, np.nan)
    if isinstance(values, list) and rare != rare:
        return [*map(codes.get, values)]
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, pd.CategoricalDtype):  # look up each category once, not each row
        categorical = pd.Categorical(values)
        known = (codes.get(category, rare) for category in categorical.categories)
        lookup = np.array([*known, codes.get(None, np.nan)])
        return lookup[categorical.codes]  # code -1, a missing value, takes the last entry
    if None in codes:
        return [codes.get(None if gone(value) else value, rare) for value in values]
    return [*map(codes.get, values)]
