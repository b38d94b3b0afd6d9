"""A category as one number: what a level adds to the mean target, as far as its rows prove it.

For levels by the thousand. What a level adds is its mean less that of all rows, of which counts the
share Z = n / (n + k), n being its rows: Bühlmann's credibility estimate, with k = s² / a, where s²
is the variance of the target within levels and a that of the levels' own means. Both are taken from
the rows without a bias (Bühlmann and Straub 1970, "Glaubwürdigkeit für Schadensätze"), of N rows
and G levels:

    s² = Σ (y - its level's mean)² / (N - G)
    a  = (Σ n (level's mean - mean of all)² - (G - 1) s²) / (N - Σ n² / N)

Where a is not above 0, or no level has two rows, levels prove nothing and add 0. So does a value
that training never saw, and one that is missing where no train row lacked it; where some did,
missing is a level as any other.

A train row must not be shown its own target, or a model learns to trust what it will not have. So
the rows come in FOLDS, by a hash of their number, and what a train row's level adds is taken from
the rows of the other folds alone. Where rows come in groups (`prepare.group`), by a hash of the
group's: a customer to come has no other rows either, of which a street that all but names the
customer could tell. Valid and test rows, and all that is served, have the estimate of all train
rows. The sums add up over partitions: both engines come to the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

FOLDS = 10
DIGITS = 9  # of the largest amount: the same, however the rows were divided


@dataclass(frozen=True)
class Tally:
    """Rows of each level and fold, the mean of their targets, and the squares about it.

    Each an array, levels by FOLDS; beneath the levels stands a row for those that lack a value.
    """

    levels: tuple[str, ...]
    rows: np.ndarray
    mean: np.ndarray
    squares: np.ndarray


def folds(first: int, rows: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Return the fold of each of so many train rows, the first of which has this number.

    Where they come in groups, by the 64-bit hash of each row's group: rows of one in one fold. It
    is stirred, as by it the rows' parts and the folds of data/folds.py are told too.

    >>> folds(0, 5).tolist() == [*folds(0, 2).tolist(), *folds(2, 3).tolist()]
    True
    >>> len(set(folds(0, 5, np.full(5, 7, np.uint64)).tolist()))
    1
    """
    if groups is None:
        numbers = np.arange(first, first + rows, dtype=np.uint64)
    else:
        numbers = ~np.asarray(groups, np.uint64)
    return (pd.util.hash_array(numbers) % FOLDS).astype(np.intp)


def tally(values: pd.Series, target: np.ndarray, fold: np.ndarray) -> Tally:
    """Return the tally of a categorical column."""
    levels = [str(level) for level in values.cat.categories]
    codes = values.cat.codes.to_numpy().astype(np.intp)
    cell = np.where(codes < 0, len(levels), codes) * FOLDS + fold
    many = (len(levels) + 1) * FOLDS
    rows = np.bincount(cell, minlength=many)
    mean = np.bincount(cell, weights=target, minlength=many) / np.maximum(rows, 1)
    squares = np.bincount(cell, weights=np.square(target - mean[cell]), minlength=many)
    counts, means, about = (each.reshape(-1, FOLDS) for each in (rows, mean, squares))
    order = sorted(np.flatnonzero(counts[:-1].any(axis=1)).tolist(), key=levels.__getitem__)
    at = [*order, len(levels)]
    return Tally(tuple(levels[i] for i in order), counts[at], means[at], about[at])


def merged(tallies: Sequence[Tally]) -> Tally:
    """Return the tally of all partitions."""
    levels = tuple(sorted(set[str]().union(*(each.levels for each in tallies))))
    place = {level: i for i, level in enumerate(levels)}
    shape = (len(levels) + 1, FOLDS)
    total = (np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape))
    for each in tallies:
        at = [*(place[level] for level in each.levels), len(levels)]
        before = (total[0][at], total[1][at], total[2][at])
        for whole, part in zip(total, _both(before, _sums(each)), strict=True):
            whole[at] = part
    return Tally(levels, *total)


def fitted(
    tallies: Sequence[Tally], *, hole: bool, without: int | None = None
) -> tuple[float, ...]:
    """Return `amounts` of all partitions; that of a missing value where there is a `hole` only."""
    found = amounts(merged(tallies), without).tolist()
    return tuple(found if hole else found[:-1])


def amounts(told: Tally, without: int | None = None) -> np.ndarray:
    """Return what each level adds, and last what a missing value does; a fold may be left out.

    Then no target of that fold is looked at.
    """
    every = [fold for fold in range(FOLDS) if fold != without]
    found = (np.zeros(len(told.rows), np.int64), np.zeros(len(told.rows)), np.zeros(len(told.rows)))
    for fold in every:
        found = _both(found, (told.rows[:, fold], told.mean[:, fold], told.squares[:, fold]))
    rows, mean, squares = found
    total, groups = int(rows.sum()), int((rows > 0).sum())
    if total <= groups or groups < 2:
        return np.zeros(len(rows))
    whole = float(rows @ mean) / total
    within = float(squares.sum()) / (total - groups)
    apart = np.where(rows > 0, mean - whole, 0.0)
    between = float(rows @ np.square(apart)) - (groups - 1) * within
    between /= total - float(np.square(rows.astype(np.float64)).sum()) / total
    if not between > 0:
        return np.zeros(len(rows))
    # Where no row has a level, nothing is apart: any share of it will do.
    return _rounded(apart * (rows / np.maximum(rows + within / between, 1.0)))


def _sums(told: Tally) -> "_Sums":
    return told.rows, told.mean, told.squares


def _both(one: "_Sums", other: "_Sums") -> "_Sums":
    """Return rows, means and squares of both together (Chan, Golub and LeVeque 1979)."""
    rows = one[0] + other[0]
    apart, some = other[1] - one[1], np.maximum(rows, 1)
    squares = one[2] + other[2] + apart**2 * (one[0] * (other[0] / some))
    return rows, one[1] + apart * (other[0] / some), squares


_Sums = tuple[np.ndarray, np.ndarray, np.ndarray]


def _rounded(values: np.ndarray) -> np.ndarray:
    largest = float(np.abs(values).max())
    if not 0 < largest < np.inf:
        return values
    return np.round(values, DIGITS - 1 - int(np.floor(np.log10(largest)))) + 0.0  # no -0.0
