"""A category with very many values: the rare ones together, the others in the order of the target.

A value's code is its place among the others, and a tree parts codes at a point: by the alphabet
that would part nothing. So beyond `featurize.many_levels` values in the train rows they stand in
the order of their mean target, drawn to the mean of all by `PRIOR` rows of it, as a few rows prove
little (Micci-Barreca 2001). Values with fewer than `FEWEST` rows, and all but the `MOST` frequent
ones, have one code together; a value that training never saw has it too. So a row is a tenth of
its level's mean at most, of which half counts: little of its own target shows in its code.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

FEWEST = 10  # rows of a value with a code of its own
MOST = 5_000  # of these
PRIOR = 10.0  # rows
DIGITS = 9  # of a mean that decide the order: the same however the rows were divided

Tally = Mapping[str, tuple[int, float]]  # a value's rows and the sum of their targets


class Order(NamedTuple):
    """The values with a code of their own, in order, and the code of all others."""

    levels: tuple[str, ...]
    rare: int


def tally(values: pd.Series, target: np.ndarray) -> Tally:
    """Return the rows and the targets' sum of each value of a categorical column."""
    codes = values.cat.codes.to_numpy()
    known = codes >= 0
    many = len(values.cat.categories)
    rows = np.bincount(codes[known], minlength=many)
    sums = np.bincount(codes[known], weights=target[known], minlength=many)
    return {
        str(level): (int(count), float(total))
        for level, count, total in zip(values.cat.categories, rows, sums, strict=True)
        if count
    }


def merged(tallies: Sequence[Tally]) -> Tally:
    """Return the tally of all partitions."""
    found: dict[str, tuple[int, float]] = {}
    for one in tallies:
        for level, (rows, total) in one.items():
            before = found.get(level, (0, 0.0))
            found[level] = (before[0] + rows, before[1] + total)
    return found


def order(told: Tally) -> Order:
    """Return the order of the values that enough rows have, and where the others stand in it."""
    rows = sum(count for count, _ in told.values())
    mean = sum(total for _, total in told.values()) / rows
    frequent = sorted(told, key=lambda level: (-told[level][0], level))[:MOST]
    kept = {level for level in frequent if told[level][0] >= FEWEST}
    rest = [told[level] for level in told if level not in kept]
    at = {level: _drawn(*told[level], mean) for level in kept}
    levels = sorted(kept, key=lambda level: (at[level], level))
    others = _drawn(sum(n for n, _ in rest), sum(total for _, total in rest), mean)
    return Order(tuple(levels), sum(at[level] < others for level in levels))


def _drawn(rows: int, total: float, mean: float) -> float:
    return float(f"{(total + PRIOR * mean) / (rows + PRIOR):.{DIGITS}g}")
