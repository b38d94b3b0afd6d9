"""Columns that give the target away: what nobody knows before the target is known.

A model that sees the target's own logarithm, or the class that was made of it, is right on every
test row and useless. Such a column orders the rows as the target does, or is decided by it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

FEWEST = 50  # rows that must speak for it
SURE = 0.9995  # share of the target's spread that one column tells: then it is the target
SUSPECT = 0.98
BINS = 200
WIDE = 20  # times the usual gap between targets: no class was cut there


class Giveaway(NamedTuple):
    """A column that tells the target; `sure` ones are not given to a model."""

    name: str
    why: str
    sure: bool


def find(rows: pd.DataFrame, target: str, names: Sequence[str]) -> list[Giveaway]:
    """Return the columns that tell the target nearly or wholly, one by one."""
    rows = rows[rows[target].notna()]
    y = rows[target].to_numpy(np.float64)
    found = []
    if len(y) < FEWEST or np.std(y) == 0:
        return []
    for name in names:
        told = _of(rows[name], y)
        if told:
            found.append(Giveaway(name, *told))
    return found


def _of(column: pd.Series, y: np.ndarray) -> tuple[str, bool] | None:
    known = column.notna().to_numpy()
    if known.sum() < FEWEST:
        return None
    y = y[known]
    if not (pd.api.types.is_numeric_dtype(column) or column.dtype.kind == "M"):
        codes, levels = pd.factorize(column[known])
        return _made_of_it(codes, len(levels), y)
    values = column[known].to_numpy()
    if values.dtype.kind == "M":
        return None
    values = values.astype(np.float64)
    many = len(np.unique(values))
    if many <= max(20, len(y) // 20):
        ranked = pd.factorize(values, sort=True)[0]
        return _made_of_it(ranked, many, y)
    if _in_step(values, y):
        return "it rises or falls with the target in every row", True
    told = _share_told(values, y)
    if told >= SURE:
        return f"it alone tells {100 * told:.2f} % of the target", True
    if told >= SUSPECT:
        return f"it alone tells {100 * told:.1f} % of the target", False
    return None


def _made_of_it(codes: np.ndarray, many: int, y: np.ndarray) -> tuple[str, bool] | None:
    """Return whether the target decides a column of few values: its classes do not overlap."""
    if not 2 <= many <= len(y) // 10 or len(np.unique(y)) < 3 * many:
        return None
    order = np.argsort(y, kind="stable")
    ranked = codes[order]
    turns = int(np.count_nonzero(np.diff(ranked)))
    at_ties = np.diff(y[order]) == 0
    if turns != many - 1 or (np.diff(ranked)[at_ties] != 0).any():
        return None
    gaps, between = np.diff(y[order]), np.diff(ranked) != 0
    cut = bool(np.median(gaps[between]) <= WIDE * np.quantile(gaps[~between], 0.9))
    # A class that was cut out of the target lies close to the next one; a cause leaves a gap.
    return "each of its values is a range of the target", cut


def _in_step(values: np.ndarray, y: np.ndarray) -> bool:
    """Return whether equal values have equal targets and order is kept, or turned around."""
    order = np.lexsort((y, values))
    steps, rises = np.diff(values[order]), np.diff(y[order])
    if (rises[steps == 0] != 0).any():
        return False
    rises = rises[steps > 0]
    apart = len(np.unique(y)) >= 0.5 * len(np.unique(values))
    return apart and bool((rises >= 0).all() or (rises <= 0).all())


def _share_told(values: np.ndarray, y: np.ndarray) -> float:
    """Return how much of the other half's spread the mean by bins of one half tells."""
    even = np.arange(len(y)) % 2 == 0
    bins = min(BINS, len(y) // 20)
    edges = np.unique(np.quantile(values[even], np.linspace(0, 1, bins + 1)[1:-1]))
    at = np.searchsorted(edges, values, side="right")
    told = np.zeros_like(y)
    for half in (even, ~even):
        rows = np.bincount(at[half], minlength=len(edges) + 1)
        x_mean = _means(at[half], values[half], rows)
        y_mean = _means(at[half], y[half], rows)
        slope = _slopes(at[half], values[half], y[half], x_mean, y_mean, rows)
        other = ~half
        told[other] = y_mean[at[other]] + slope[at[other]] * (values[other] - x_mean[at[other]])
    left = np.square(y - told).sum()
    return float(1 - left / np.square(y - y.mean()).sum())


def _means(at: np.ndarray, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    total = np.bincount(at, weights=values, minlength=len(rows))
    return np.divide(total, rows, out=np.full(len(rows), values.mean()), where=rows > 0)


def _slopes(
    at: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    x_mean: np.ndarray,
    y_mean: np.ndarray,
    rows: np.ndarray,
) -> np.ndarray:
    """Return each bin's own slope: within a bin a column may tell more than its mean."""
    apart = x - x_mean[at]
    down = np.bincount(at, weights=np.square(apart), minlength=len(rows))
    up = np.bincount(at, weights=apart * (y - y_mean[at]), minlength=len(rows))
    return np.divide(up, down, out=np.zeros(len(rows)), where=(down > 0) & (rows > 5))
