"""Rows of a table that streams by: some drawn by a seed, and how many there are twice.

From the drawn ones it is guessed what columns have to do with one another. Which are drawn depends
on the table alone, not on the batches in which it comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

SEED = 42
DRAWN = 20_000
MOST_COMPARED = 20_000_000  # rows whose numbers are kept to find equal ones: 16 bytes each


@dataclass
class Drawn:
    """At most DRAWN rows, in the table's order."""

    generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))
    kept: list[tuple[pa.Table, np.ndarray, np.ndarray]] = field(default_factory=list)
    seen: int = 0
    limit: float = 1.0

    def add(self, table: pa.Table) -> None:
        """Take those rows whose lot is among the lowest."""
        lots = self.generator.random(table.num_rows)
        at = np.flatnonzero(lots < self.limit)
        numbers = self.seen + at
        self.kept.append((table.take(pa.array(at)), lots[at], numbers))
        self.seen += table.num_rows
        if sum(len(lots) for _, lots, _ in self.kept) > 2 * DRAWN:
            self._thin()

    def _thin(self) -> None:
        lots = np.concatenate([lots for _, lots, _ in self.kept])
        if len(lots) <= DRAWN:
            return
        self.limit = float(np.partition(lots, DRAWN)[DRAWN])
        self.kept = [
            (table.filter(pa.array(low)), lots[low], numbers[low])
            for table, lots, numbers in self.kept
            for low in [lots < self.limit]
        ]

    def table(self) -> pa.Table:
        """Return the drawn rows."""
        self._thin()
        tables = [table for table, _, _ in self.kept]
        if not tables:
            return pa.table({})
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()


@dataclass
class Repeats:
    """How many rows are like an earlier one: in all columns, and in all but the target."""

    whole: list[np.ndarray] = field(default_factory=list)
    inputs: list[np.ndarray] = field(default_factory=list)
    rows: int = 0

    def add(self, hashes: Mapping[str, np.ndarray], target: str | None) -> None:
        """Take a batch's rows: a number for each cell, by column."""
        rows = len(next(iter(hashes.values()), ()))
        self.rows += rows
        if self.rows > MOST_COMPARED:
            return
        total = np.zeros(rows, np.uint64)
        of_target = np.zeros(rows, np.uint64)
        with np.errstate(over="ignore"):
            for place, (name, cells) in enumerate(hashes.items()):
                salted = _spread(cells + np.uint64(place + 1) * np.uint64(0x9E3779B97F4A7C15))
                total += salted
                if name == target:
                    of_target = salted
            self.whole.append(total)
            self.inputs.append(total - of_target)

    def count(self) -> tuple[int, int] | None:
        """Return how many rows are like an earlier one, and but for the target; None: too many."""
        if self.rows > MOST_COMPARED:
            return None
        return _again(self.whole), _again(self.inputs)


def _again(hashes: list[np.ndarray]) -> int:
    if not hashes:
        return 0
    every = np.concatenate(hashes)
    return len(every) - len(np.unique(every))


def _spread(numbers: np.ndarray) -> np.ndarray:
    numbers = numbers ^ (numbers >> np.uint64(30))
    numbers = numbers * np.uint64(0xBF58476D1CE4E5B9)
    numbers = numbers ^ (numbers >> np.uint64(27))
    numbers = numbers * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
