"""What the rows of a window come to: counts and sums, so that sketches of parts add up.

A row stands for `weight` answered rows, and so counts. Of the weights the sum of squares is kept
too: so many rows of equal weight would tell as much as these do (Kish 1965).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from sales.contract.expressions import Expression
from sales.judging.reference import PREDICTION, Reference
from sales.judging.shapes import Levels, Numbers, Shape
from sales.watching.rows import FIELD
from sales.watching.windows import came_true
from sales.watching.windows.came_true import Rows, SliceSums, Sums
from sales.watching.windows.cuts import Cuts

PLAIN = ("time", "alias", "version", "content_hash", "prediction", "low", "high", "weight")
TRUTH = "truth"


class Key(NamedTuple):
    """Whose rows, and when: the start of a window, and the content hash of who answered."""

    start: int
    content_hash: str


@dataclass
class Cells:
    """A field's counts by cell, the last of which is of rows that lack it.

    Of numbers also the rows outside of the reference's range, and the sum of all.
    """

    counts: np.ndarray
    outside: float = 0.0
    total: float = 0.0

    def __add__(self, other: "Cells") -> "Cells":
        return Cells(
            self.counts + other.counts, self.outside + other.outside, self.total + other.total
        )


@dataclass
class Sketch:
    """The rows of one window that one model answered. `aliases` are rows by alias."""

    rows: int = 0
    weight: float = 0.0
    weights: float = 0.0  # squared
    version: int = 0
    first: int = 2**62
    last: int = 0
    aliases: dict[str, float] = field(default_factory=dict)
    fields: dict[str, Cells] = field(default_factory=dict)
    errors: Sums = field(default_factory=Sums)
    slices: dict[str, SliceSums] = field(default_factory=dict)

    def __add__(self, other: "Sketch") -> "Sketch":
        return Sketch(
            self.rows + other.rows,
            self.weight + other.weight,
            self.weights + other.weights,
            max(self.version, other.version),
            min(self.first, other.first),
            max(self.last, other.last),
            added(self.aliases, other.aliases),
            added(self.fields, other.fields),
            self.errors + other.errors,
            added(self.slices, other.slices),
        )

    @property
    def effective(self) -> float:
        """How many rows of equal weight would tell as much."""
        return self.weight**2 / self.weights if self.weights else 0.0


Sketches = dict[Key, Sketch]


def added(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the sums of two mappings, key by key.

    >>> added({"a": 1, "b": 2}, {"b": 3})
    {'a': 1, 'b': 5}
    """
    found = dict(one)
    for key, value in other.items():
        found[key] = found[key] + value if key in found else value
    return found


def columns(references: Sequence[Reference]) -> list[str]:
    """Return the columns of the log that are looked at."""
    fields: dict[str, None] = {}
    for reference in references:
        for shape in reference.fields[:-1]:
            fields[f"{FIELD}{shape.name}"] = None
            if isinstance(shape, Numbers) and shape.source:
                for name in Expression.parse(shape.source, shape.name).names:
                    fields[f"{FIELD}{name}"] = None
    return [*PLAIN, *fields]


def of(table: pa.Table, cuts: Cuts, references: Mapping[str, Reference]) -> Sketches:
    """Return the sketches of rows of the log, with their `truth`, NaN where there is none yet."""
    if not table.num_rows:
        return {}
    hashes = table["content_hash"].to_pandas().fillna("").to_numpy(object)
    found: Sketches = {}
    for content_hash in dict.fromkeys(hashes.tolist()):
        own = hashes == content_hash
        rows = table if own.all() else table.filter(pa.array(own))
        found |= _of_model(rows, content_hash, cuts, references.get(content_hash))
    return found


def _of_model(
    table: pa.Table, content_hash: str, cuts: Cuts, reference: Reference | None
) -> Sketches:
    """Return the sketches of rows that one model answered, of each window one."""
    times = table["time"].cast(pa.int64()).to_numpy()
    starts, window = np.unique(cuts.of(times), return_inverse=True)
    many = len(starts)
    weight = _numbers(table, "weight")
    weight = np.where(np.isfinite(weight) & (weight > 0), weight, 1.0)

    def sums(values: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(window, values, minlength=many)

    rows, total, squared = sums(), sums(weight), sums(np.square(weight))
    version = int(_numbers(table, "version")[0]) if "version" in table.column_names else 0
    found = [Sketch(int(rows[i]), float(total[i]), float(squared[i]), version) for i in range(many)]
    first, last = np.full(many, times.max()), np.full(many, times.min())
    np.minimum.at(first, window, times)
    np.maximum.at(last, window, times)
    for i, one in enumerate(found):
        one.first, one.last = int(first[i]), int(last[i])
    aliases = table["alias"].to_pandas().fillna("").to_numpy(object)
    for alias in dict.fromkeys(aliases.tolist()):
        for i, of_alias in enumerate(sums(np.where(aliases == alias, weight, 0.0)).tolist()):
            if of_alias:
                found[i].aliases[alias] = of_alias
    if reference:
        for shape in reference.fields:
            values = _values(table, shape)
            if values is None:
                continue
            for i, cells in enumerate(_cells(shape, values, weight, window, many)):
                found[i].fields[shape.name] = cells
        _add_errors(found, table, weight, window, reference)
    return {Key(int(start), content_hash): one for start, one in zip(starts, found, strict=True)}


def _values(table: pa.Table, shape: Shape) -> Any:
    """Return a field's values; None where the rows bring no such column."""
    if shape.name == PREDICTION:
        return _numbers(table, "prediction")
    name = f"{FIELD}{shape.name}"
    if isinstance(shape, Levels):
        if name not in table.column_names:
            return None
        texts = table[name].cast(pa.string()).combine_chunks().dictionary_encode()
        return texts.to_pandas()
    if name in table.column_names:
        given = _numbers(table, name)
        if not shape.source:
            return given
    elif shape.source:
        given = np.full(table.num_rows, np.nan)
    else:
        return None
    return _from_date(table, shape, given) if shape.source else given


def _from_date(table: pa.Table, shape: Numbers, given: np.ndarray) -> np.ndarray | None:
    """Return the part of a date: as it came, or else computed from the date that came."""
    expression = Expression.parse(shape.source, shape.name)
    [date] = expression.names
    name = f"{FIELD}{date}"
    if name not in table.column_names:
        return None if np.isnan(given).all() else given
    days = table[name].cast(pa.timestamp("ms")).to_numpy()
    computed = np.asarray(expression.evaluate({date: days}), np.float64)
    return np.where(np.isnan(given), computed, given)


def _cells(
    shape: Shape, values: Any, weight: np.ndarray, window: np.ndarray, many: int
) -> Iterator[Cells]:
    """Yield a field's counts of each window."""
    size = shape.bins + 1
    place = shape.place(values)
    counts = np.bincount(window * size + place, weight, many * size).reshape(many, size)
    if isinstance(shape, Levels):
        for each in counts:
            yield Cells(each)
        return
    there = np.isfinite(values)
    out = np.where((values < shape.least) | (values > shape.most), weight, 0.0)
    outside = np.bincount(window, out, many)
    total = np.bincount(window, np.where(there, values, 0.0) * weight, many)
    for i in range(many):
        yield Cells(counts[i], float(outside[i]), float(total[i]))


def _add_errors(
    found: list[Sketch],
    table: pa.Table,
    weight: np.ndarray,
    window: np.ndarray,
    reference: Reference,
) -> None:
    """Add what came true, by window and by slice."""
    truth, predicted = _numbers(table, TRUTH), _numbers(table, "prediction")
    known = np.isfinite(truth) & np.isfinite(predicted)
    if not known.any():
        return
    low, high = _numbers(table, "low"), _numbers(table, "high")
    bounded = np.isfinite(low) & np.isfinite(high)
    held = bounded & (low <= truth) & (truth <= high)
    rows = Rows(predicted - truth, weight, window, held, bounded).of(known)
    for place, sums in came_true.of_windows(rows, reference, len(found)):
        found[place].errors = sums
    sliced = _sliced(table, reference)
    if sliced is None:
        return
    for place, name, own in came_true.of_slices(rows, sliced[known], reference, len(found)):
        found[place].slices[name] = own


def _sliced(table: pa.Table, reference: Reference) -> pd.DataFrame | None:
    """Return the columns by which rows are cut into slices."""
    of = {shape.name: shape for shape in reference.fields}
    found = {}
    for name in reference.slices:
        if name in of:
            values = _values(table, of[name])
            if values is not None:
                found[name] = values
    return pd.DataFrame(found) if found else None


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as floats, NaN where it is null or not there."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table[name]
    if pa.types.is_string(column.type):  # another model has it as text
        return pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(np.float64)
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
