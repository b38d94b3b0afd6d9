"""A file's columns as a model asks for them, every cell of them checked."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sales.contract import Column, cells
from sales.contract.expressions import FUNCTIONS
from sales.serving.fields import LONGEST, NUMBER_OF
from sales.serving.ranges import PART_RANGE
from sales.serving.request import Orders


def column(raw: pa.ChunkedArray, of: Column) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a column's values, and its problems with the rows that have them, where any has."""
    read = cells.read(raw, of)
    problems = {cells.wrong(of): read.wrong}
    if not of.optional:
        problems = {"missing": read.missing, **problems}
    values: Any
    if of.role == "categorical":
        long = pc.greater(pc.utf8_length(read.values.dictionary), LONGEST)
        if pc.any(long).as_py():
            bad = long.take(read.values.indices).fill_null(False)
            problems[f"longer than {LONGEST} characters"] = bad.to_numpy(zero_copy_only=False)
        values = read.values.to_pandas().array
    else:
        values = read.values.to_numpy(zero_copy_only=False)
    if of.role == "numeric":
        if of.min is not None:
            problems[f"below {of.min:g}"] = values < of.low
        if of.max is not None:
            problems[f"above {of.max:g}"] = values > of.high
        if of.integer:
            problems["not a whole number"] = np.floor(values) < values
            problems["not within 2^53 of zero"] = np.abs(values) > cells.WHOLE
    return values, {why: bad for why, bad in problems.items() if bad.any()}


def dated(
    table: pa.Table, fields: Mapping[str, Column], dates: list[str], parts: Mapping[str, str]
) -> tuple[Orders, list[tuple[str, str, np.ndarray]]]:
    """Return the date, or its parts where a row has no date, and what is wrong with them."""
    sent = {
        name: _part(table[name], part) for name, part in parts.items() if name in table.column_names
    }
    if not dates:
        found = {name: one.values for name, one in sent.items()}
        return found, [
            (name, f"not a {parts[name]}", one.wrong | one.missing) for name, one in sent.items()
        ]
    if not parts:
        each = [(name, *column(table[name], fields[name])) for name in dates]
        own = [(name, why, bad) for name, _, problems in each for why, bad in problems.items()]
        return {name: values for name, values, _ in each}, own
    bad = [(name, f"not a {parts[name]}", one.wrong) for name, one in sent.items()]
    [date] = dates
    read = cells.read(table[date], fields[date])
    values, undated = read.values.to_numpy(zero_copy_only=False), read.missing
    problems = {"missing": undated, cells.wrong(fields[date]): read.wrong}
    known = ~undated & ~read.wrong
    found = {date: values}
    not_sent = cells.blank(table.select([date]))  # `NA` is no date, but an empty cell is none sent
    if len(sent) == len(parts) and not_sent is not None:
        whole = not_sent & ~np.logical_or.reduce([one.missing | one.wrong for one in sent.values()])
        problems["missing"] = undated & ~whole
        found = {name: one.values.copy() for name, one in sent.items()}
    for name, one in sent.items():
        told = FUNCTIONS[parts[name]][1](values[known])
        against = np.zeros(len(values), bool)
        usable = ~(one.missing | one.wrong)[known]
        against[known] = usable & (one.values[known] != told)
        bad.append((name, f"not what {date} says", against))
        if name in found:
            found[name][known] = told
    return found, [*((date, why, rows) for why, rows in problems.items()), *bad]


class _Part(NamedTuple):
    values: np.ndarray
    missing: np.ndarray
    wrong: np.ndarray


def _part(raw: pa.ChunkedArray, part: str) -> _Part:
    """Return a part of the date as numbers, and the rows where there is none, or something else."""
    read = cells.read(raw, Column(role="numeric"))
    values = read.values.to_numpy(zero_copy_only=False)
    if part == "day_of_week":
        text = cells.read(raw, Column(role="categorical")).values
        named = pa.array(
            [NUMBER_OF.get(name) for name in text.dictionary.to_pylist()], pa.float64()
        )
        days = named.take(text.indices).to_numpy(zero_copy_only=False)
        values = np.where(np.isnan(days), values, days)
    low, high = PART_RANGE[part]
    good = (values >= low) & (values <= high) & (values % 1 == 0)
    return _Part(values, read.missing, ~good & ~read.missing)
