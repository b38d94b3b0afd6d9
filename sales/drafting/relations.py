"""What columns have to do with one another: guessed from drawn rows, held against all of them.

Guesses are those that hold in every drawn row, and would not by chance. `Follows` is a category
that decides another one, `Sum` a number that two others make, `Same` two columns of one content.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

MOST_LEADERS = 100  # values of a category that decides another: each is a line of the contract
MOST_NUMBERS = 120  # columns that are tried against one another
TRIED = 64  # rows by which most triples are ruled out
FEWEST = 50  # rows that must speak for a relation
SURPRISE = 20.0  # rows that would break it if the two had nothing to do with each other
OPERATORS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide}


class Sum(NamedTuple):
    """`name` is `left operator right`, within the tolerance, in every row that has all three."""

    name: str
    left: str
    operator: str
    right: str
    tolerance: float

    def apart(self, numbers: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return by how much it is off, row by row; NaN where one is missing."""
        with np.errstate(all="ignore"):
            made = OPERATORS[self.operator](numbers[self.left], numbers[self.right])
            return np.abs(numbers[self.name] - made)

    def holds(self, numbers: Mapping[str, np.ndarray]) -> bool:
        """Return whether it does in every row that has all three."""
        known = ~np.isnan([numbers[n] for n in (self.name, self.left, self.right)]).any(axis=0)
        return bool((self.apart(numbers)[known] <= self.tolerance).all())


class Same(NamedTuple):
    """Two columns that say the same in every row; `like` comes first in the file.

    They are equal, or only `near`: each value of the one goes with one of the other.
    """

    name: str
    like: str
    near: bool


@dataclass
class Follows:
    """A category that another one decides: what each value of the leader leads to."""

    name: str
    leader: str
    leads: dict[str, str] = field(default_factory=dict)
    broken: bool = False

    def add(self, rows: pd.DataFrame) -> None:
        """Take rows: a value that leads to two others breaks it."""
        pairs = rows[[self.leader, self.name]].dropna().drop_duplicates().astype(str)
        for leader, value in pairs.itertuples(index=False):
            self.broken |= self.leads.setdefault(leader, value) != value


def follows(rows: pd.DataFrame, categories: Sequence[str]) -> list[Follows]:
    """Return which categories follow from another one: each from the one with the fewest values."""
    found: dict[str, Follows] = {}
    codes = {name: pd.factorize(rows[name], use_na_sentinel=True)[0] for name in categories}
    many = {name: int(codes[name].max(initial=-1)) + 1 for name in categories}
    order = sorted(categories, key=lambda name: (many[name], categories.index(name)))
    for name in categories:
        for leader in order:
            twin = found.get(leader)
            if (
                leader == name
                or not 2 <= many[name] <= many[leader] <= MOST_LEADERS
                or (twin and twin.leader == name)
            ):
                continue
            if name not in found and decides(codes[leader], codes[name], many[leader], many[name]):
                found[name] = Follows(name, leader)
    return [found[name] for name in categories if name in found]


def decides(leader: np.ndarray, other: np.ndarray, many: int, others: int) -> bool:
    """Return whether each code of the leader has one of the other's, and would not by chance.

    Below zero is missing; there are so `many` codes, and so many `others`.
    """
    known = (leader >= 0) & (other >= 0)
    leader, other = leader[known], other[known]
    if len(leader) < FEWEST:
        return False
    pairs = len(np.unique(leader.astype(np.int64) * others + other))
    if pairs != len(np.unique(leader)):
        return False
    shares = np.bincount(other, minlength=others) / len(other)
    again = np.maximum(np.bincount(leader, minlength=many) - 1, 0).sum()
    return bool(again * (1 - np.square(shares).sum()) >= SURPRISE)


def sums(rows: pd.DataFrame, numbers: Sequence[str]) -> list[Sum]:
    """Return the numbers that two others make, by +, -, * or /; each once, the simplest way."""
    names = [n for n in numbers if rows[n].nunique() > 2][:MOST_NUMBERS]
    if len(names) < 3:
        return []
    table = rows[names].to_numpy(np.float64).T
    tolerances = {name: _tolerance(values) for name, values in zip(names, table, strict=True)}
    whole = rows[names].dropna()
    few = (whole if len(whole) >= TRIED else rows[names]).sample(
        min(TRIED, max(len(whole), 1)) if len(whole) >= TRIED else min(TRIED, len(rows)),
        random_state=0,
    )
    tried = few.to_numpy(np.float64).T
    limits = np.array([tolerances[name] for name in names])[:, None]
    found: dict[frozenset[str], Sum] = {}
    for (i, one), (j, two) in _ordered(list(enumerate(names))):
        for operator in OPERATORS:
            if operator in "+*" and i > j:
                continue
            with np.errstate(all="ignore"):
                made = OPERATORS[operator](tried[i], tried[j])
                off = np.abs(tried - made)
            known = ~np.isnan(off)
            fits = ((off <= limits) | ~known).all(axis=1) & (known.sum(axis=1) >= 8)
            for k in np.flatnonzero(fits):
                if k in (i, j) or frozenset((names[k], one, two)) in found:
                    continue
                guess = Sum(names[k], one, operator, two, tolerances[names[k]])
                if _speaks(guess, rows):
                    found[frozenset((names[k], one, two))] = guess
    return list(found.values())


def _ordered(
    named: list[tuple[int, str]],
) -> Iterator[tuple[tuple[int, str], tuple[int, str]]]:
    """Yield each pair both ways, sums and products being tried the first way only."""
    for one, two in combinations(named, 2):
        yield one, two
        yield two, one


def _speaks(guess: Sum, rows: pd.DataFrame) -> bool:
    """Return whether enough rows know all three, and neither part says nothing."""
    known = rows[[guess.name, guess.left, guess.right]].dropna()
    if len(known) < FEWEST:
        return False
    numbers = {str(name): known[name].to_numpy(np.float64) for name in known}
    neutral = 0.0 if guess.operator in "+-" else 1.0
    for part in (guess.left, guess.right):
        values = numbers[part]
        if np.mean(np.isin(values, (neutral, 0.0))) > 0.5 or len(np.unique(values)) < 3:
            return False
    result = numbers[guess.name]
    most = np.unique(result, return_counts=True)[1].max()
    if result.std() <= 4 * guess.tolerance or most > len(result) / 2:
        return False
    return guess.holds(numbers)


def _tolerance(values: np.ndarray) -> float:
    """Return half a step of the last digit that numbers have, and a little."""
    known = values[~np.isnan(values)][:2_000]
    for digits in range(7):
        if np.allclose(known, np.round(known, digits), rtol=0, atol=1e-9 * 10**-digits):
            return 0.5000001 * 10.0**-digits if digits else 1e-6
    scale = float(np.max(np.abs(known), initial=0))
    return max(1e-12, 1e-9 * scale)


def same(rows: pd.DataFrame, names: Sequence[str]) -> list[Same]:
    """Return the columns that say what an earlier one says."""
    found: list[Same] = []
    first: dict[tuple[int, bytes], str] = {}
    for name in names:
        codes, levels = pd.factorize(rows[name], use_na_sentinel=True)
        known = int(rows[name].notna().sum())
        if len(levels) < 2 or known < FEWEST:
            continue
        like = first.setdefault((len(levels), codes.tobytes()), name)
        near = like != name and not equal(rows[name], rows[like])
        if like != name and (not near or len(levels) <= known / 2):  # else all differ, and no more
            found.append(Same(name, like, near))
    return found


def equal(one: pd.Series, other: pd.Series) -> bool:
    """Return whether two columns hold the same values, missing ones in the same rows."""
    if (one.dtype.kind == "M") != (other.dtype.kind == "M"):
        return False
    gone = one.isna().to_numpy()
    if (gone != other.isna().to_numpy()).any():
        return False
    left, right = one.to_numpy(object)[~gone], other.to_numpy(object)[~gone]
    return bool((left == right).all())
