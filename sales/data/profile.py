"""What a table holds, counted over all its rows as they stream by: types, holes, values, doubts.

A profile is a sum: those of two parts of a table make the profile of both. It is what a draft of
the contract is made from. Nothing that a file says is executed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sales.contract import Column, cells, decimals

MOST_VALUES = 1_000  # of a column, that are counted one by one
NUMBER, DATE, TEXT = Column(role="numeric"), Column(role="date"), Column(role="categorical")
TRUTHS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("1", "0"))
ALIKE = 0.95  # share of the cells from which on the others count as mistakes


@dataclass(frozen=True)
class Profile:
    """A column. Counts are of rows, but `holes`, which are empty or say so (`NA`).

    `numbers`, `whole` and `dates` of the rest can be read as such. `low` and `high` are of the
    numbers. `values` counts each, None where there are more than MOST_VALUES; `longest` is the most
    characters that one has.
    """

    rows: int = 0
    holes: int = 0
    numbers: int = 0
    whole: int = 0
    dates: int = 0
    low: float = np.inf
    high: float = -np.inf
    longest: int = 0
    values: Mapping[str, int] | None = field(default_factory=dict)

    def __add__(self, other: "Profile") -> "Profile":
        """Return the profile of the rows of both."""
        values: dict[str, int] | None = None
        if self.values is not None and other.values is not None:
            values = dict(self.values)
            for value, count in other.values.items():
                values[value] = values.get(value, 0) + count
            values = values if len(values) <= MOST_VALUES else None
        return Profile(
            self.rows + other.rows,
            self.holes + other.holes,
            self.numbers + other.numbers,
            self.whole + other.whole,
            self.dates + other.dates,
            min(self.low, other.low),
            max(self.high, other.high),
            max(self.longest, other.longest),
            values,
        )

    @property
    def filled(self) -> int:
        """How many rows hold a value."""
        return self.rows - self.holes

    @property
    def kind(self) -> str:
        """What the column holds: nothing, boolean, integer, number, date, or text.

        A few cells that are something else do not count: the contract sets them aside.
        """
        if not self.filled:
            return "nothing"
        words = {value.lower() for value in self.values or ()}
        if len(words) == 2 and any(words == {*pair} for pair in TRUTHS):
            return "boolean"
        if self.numbers >= ALIKE * self.filled:
            return "integer" if self.whole == self.numbers else "number"
        return "date" if self.dates >= ALIKE * self.filled else "text"

    @property
    def mistakes(self) -> int:
        """How many cells are not of the column's kind."""
        read = {"integer": self.numbers, "number": self.numbers, "date": self.dates}
        return self.filled - read.get(self.kind, self.filled)


def of(batches: Iterable[pa.RecordBatch]) -> dict[str, Profile]:
    """Return the profile of each column of a table that comes in batches."""
    parts = (of_table(pa.Table.from_batches([batch])) for batch in batches)
    return reduce(merged, parts, {})


def merged(one: Mapping[str, Profile], other: Mapping[str, Profile]) -> dict[str, Profile]:
    """Return the profiles of the columns of two parts of a table."""
    return {name: one.get(name, Profile()) + profile for name, profile in other.items()}


def of_table(table: pa.Table) -> dict[str, Profile]:
    """Return the profile of each column that holds single values, not lists or structs."""
    return {
        name: _of_column(table, name)
        for name in table.column_names
        if not cells.nested(table[name].type)
    }


def suspicions(columns: Mapping[str, Profile], target: str | None = None) -> dict[str, list[str]]:
    """Return what a person should look at, by column: in words, none where all seems well."""
    found = {name: _suspicions(profile) for name, profile in columns.items()}
    if target in found and columns[target].kind not in ("integer", "number"):
        found[target].insert(0, f"the target holds {columns[target].kind}, not numbers")
    return {name: told for name, told in found.items() if told}


def _suspicions(column: Profile) -> list[str]:
    told = []
    if not column.filled:
        return ["it holds nothing"]
    if column.holes:
        told.append(f"{column.holes:,} of {column.rows:,} rows hold nothing")
    if column.values is not None and len(column.values) == 1 and column.filled > 1:
        told.append(f"always the same: {next(iter(column.values))}")
    once = column.values is not None and len(column.values) == column.filled
    if once and column.filled > 1 and column.kind in ("text", "integer"):
        told.append("a different value in each row: an id?")
    if column.values is None and column.kind == "text":
        told.append(f"more than {MOST_VALUES:,} different texts: an id, or free text?")
    if column.mistakes:
        told.append(f"{column.mistakes:,} cells are no {column.kind}")
    return told


def _of_column(table: pa.Table, name: str) -> Profile:
    numbers = _read(decimals.column(table, name, NUMBER), NUMBER)
    dates, texts = _read(table[name], DATE), cells.read(table[name], TEXT)
    filled = ~texts.missing
    values = numbers[np.isfinite(numbers)]
    counted = pc.value_counts(texts.values.drop_null())
    counts: dict[str, int] | None = None
    if len(counted) <= MOST_VALUES:
        counts = {one["values"]: one["counts"] for one in counted.to_pylist()}
    lengths = pc.utf8_length(texts.values.dictionary)
    return Profile(
        rows=table.num_rows,
        holes=int(texts.missing.sum()),
        numbers=len(values),
        whole=int((values % 1 == 0).sum()),
        dates=int((~np.isnat(dates) & filled).sum()),
        low=float(values.min()) if len(values) else np.inf,
        high=float(values.max()) if len(values) else -np.inf,
        longest=int(pc.max(lengths).as_py() or 0),
        values=counts,
    )


def _read(raw: Any, column: Column) -> np.ndarray:
    return cells.read(raw, column).values.to_numpy(zero_copy_only=False)
