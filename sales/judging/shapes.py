"""What the values of a column are like: counts by bin or by level, against which others are held.

A shape is made of some rows, the reference's, and then says of any value which cell it falls into.
So the counts of other rows, whoever counts them and in how many parts, add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from sales.judging.tallies import significant

# Of a continuous column: finer at its ends, where a change of its tails would else be lost.
SHARES = np.array([0.002, 0.01, *np.arange(1, 20) / 20, 0.99, 0.998])
FEWEST = 5  # rows of the reference beyond an edge, or it is left out
MOST_VALUES = 24  # different numbers that have a bin each
MOST_LEVELS = 30  # of a category that are counted each by itself; the others together
LEAST_ROWS = 10  # of the reference, about, that a level needs for it
MOST_NAMES = 1000  # of those others that are named, so that a new one can be told from them
Kind = Literal["number", "date", "prediction"]


@dataclass(frozen=True)
class Numbers:
    """A column of numbers: how many rows of the reference lie in each bin.

    Bin i reaches from edge i up to the next one, and the last edge belongs to the last bin. Of few
    different values (`discrete`) each is an edge, with the rows that have it. `least` and `most`
    are of all rows that were learnt from: what lies beyond is outside, and counts in the end bin.
    `source` is the expression that makes it from a date, where one does.
    """

    name: str
    kind: Kind
    edges: np.ndarray
    discrete: bool
    counts: np.ndarray
    missing: int
    mean: float
    spread: float  # standard deviation
    least: float
    most: float
    source: str = ""

    @property
    def bins(self) -> int:
        """How many there are."""
        return len(self.counts)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each value, the number of bins of one that is missing."""
        inner = self.edges[1:] if self.discrete else self.edges[1:-1]
        found = np.searchsorted(inner, values, side="right")
        return np.where(np.isnan(values), self.bins, found)

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            **({"source": self.source} if self.source else {}),
            "mean": significant(self.mean),
            "spread": significant(self.spread),
            "least": self.least,
            "most": self.most,
            "missing": self.missing,
            "values" if self.discrete else "edges": self.edges.tolist(),
            "counts": self.counts.tolist(),
        }


@dataclass(frozen=True)
class Levels:
    """A category: how many rows of the reference have each of its levels, the most frequent first.

    `others` have the levels that are not counted each by itself; `names` are these levels, None
    where they are too many, and then a new one counts with them. `once` is how many rows have a
    level that no other row has: so often a new row has one that none had. `twice` have one that
    just one other row has.
    """

    name: str
    levels: tuple[str, ...]
    counts: np.ndarray
    others: int
    names: tuple[str, ...] | None
    once: int
    twice: int
    missing: int

    @property
    def bins(self) -> int:
        """How many cells there are: the levels, the others, and levels that nobody knew."""
        return len(self.levels) + 2

    def place(self, values: Any) -> np.ndarray:
        """Return the cell of each value, the number of cells of one that is missing."""
        given = pd.Categorical(values)
        texts = [str(one) for one in given.categories]
        at = {name: number for number, name in enumerate(self.levels)}
        folded, many = len(self.levels), self.names is None
        at |= dict.fromkeys(self.names or (), folded)
        cells = np.array([at.get(one, folded if many else folded + 1) for one in texts], np.int64)
        return np.append(cells, self.bins)[given.codes]  # code -1 is missing: the last one

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "name": self.name,
            "kind": "category",
            "missing": self.missing,
            "levels": dict(zip(self.levels, self.counts.tolist(), strict=True)),
            "others": self.others,
            "other_levels": None if self.names is None else list(self.names),
            "once": self.once,
            "twice": self.twice,
        }


Shape = Numbers | Levels


def of_numbers(
    name: str,
    kind: Kind,
    values: np.ndarray,
    seen: tuple[float, float] | None = None,
    source: str = "",
) -> Numbers | None:
    """Return the shape of some numbers; None where there are none, or some are infinite.

    `seen` is the range of all rows, where these are a part of them.
    """
    there = values[~np.isnan(values)]
    if not len(there) or not np.isfinite(there).all():
        return None
    least, most = (float(there.min()), float(there.max())) if seen is None else seen
    different = np.unique(there)
    discrete = len(different) <= MOST_VALUES
    if discrete:
        edges = different
    else:
        rows = len(there)
        kept = SHARES[np.minimum(SHARES, 1 - SHARES) * rows >= FEWEST]
        # A value that is there, so that it is the same everywhere and read as it was written.
        inner = np.quantile(there, kept, method="inverted_cdf")
        inner = np.unique(inner[(inner > least) & (inner < most)])
        edges = np.array([least, *inner, most])
    empty = np.zeros(len(edges) if discrete else len(edges) - 1, np.int64)
    missing = len(values) - len(there)
    # Rounded, as sums differ in their last bits with the order of the rows.
    mean, spread = significant(there.mean()), significant(there.std())
    shape = Numbers(name, kind, edges, discrete, empty, missing, mean, spread, least, most, source)
    counts = np.bincount(shape.place(there), minlength=shape.bins)
    return Numbers(name, kind, edges, discrete, counts, missing, mean, spread, least, most, source)


def of_levels(name: str, values: pd.Series, others: pd.Series | None = None) -> Levels:
    """Return the shape of a category's values.

    `others` are values of other rows, which say what levels are counted each by itself: those that
    are frequent there. By the counted rows' own counts one would choose those that have more of
    them by chance, which the next rows do not repeat: windows would seem to have moved.
    """
    counted = _counts(values)
    by = counted if others is None else _counts(others)
    least = LEAST_ROWS * sum(by.values()) / max(sum(counted.values()), 1)
    frequent = [each for each in by if by[each] >= least and each in counted]
    # One level alone that is left has its own name, and no more room than the word for the others.
    most = MOST_LEVELS if len(counted) > MOST_LEVELS + 1 else MOST_LEVELS + 1
    named = sorted(frequent[:most], key=lambda level: (-counted[level], level))
    folded = sorted(counted.keys() - set(named))
    times = [*counted.values()]
    return Levels(
        name,
        tuple(named),
        np.array([counted[level] for level in named], np.int64),
        sum(counted[level] for level in folded),
        tuple(folded) if len(folded) <= MOST_NAMES else None,
        times.count(1),
        2 * times.count(2),
        int(values.isna().sum()),
    )


def _counts(values: pd.Series) -> dict[str, int]:
    """Return how many rows have each level, the most frequent first."""
    told = ((str(level), int(rows)) for level, rows in values.value_counts().items() if rows)
    return dict(sorted(told, key=lambda each: (-each[1], each[0])))


def read(told: Mapping[str, Any]) -> Shape:
    """Return the shape that was told."""
    if told["kind"] == "category":
        names = told["other_levels"]
        return Levels(
            told["name"],
            tuple(told["levels"]),
            np.array([*told["levels"].values()], np.int64),
            told["others"],
            None if names is None else tuple(names),
            told["once"],
            told["twice"],
            told["missing"],
        )
    discrete = "values" in told
    return Numbers(
        told["name"],
        told["kind"],
        np.array(told["values" if discrete else "edges"], np.float64),
        discrete,
        np.array(told["counts"], np.int64),
        told["missing"],
        told["mean"],
        told["spread"],
        told["least"],
        told["most"],
        told.get("source", ""),
    )
