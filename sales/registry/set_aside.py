"""Rows that were set aside, as the service shows them: what is wrong, and the rows as they came.

Of columns that are private, ignored or not named in the contract nothing is told.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from sales.contract import Contract, cells, decimals
from sales.contract.expressions import Expression
from sales.engine import partitions
from sales.registry.today import PREPARED

RAW = Path("data/raw")
QUARANTINE = PREPARED / "quarantine.csv"
LONGEST = 1_000  # characters of a cell

Row = tuple[str, int]  # a file, and a row's number in it, from 1


class Cell(NamedTuple):
    """A line of the quarantine."""

    file: str
    row: int
    column: str
    value: str
    reason: str


def told(contract: Contract, most: int) -> dict[str, Any] | None:
    """Return at most so many rows of the quarantine, those of every column among them.

    `rows` is how many there are, `cells` tells what is wrong, `whole` holds the rows, and
    `left_out` names what these lack. None where none are to be told.
    """
    if not most:
        return None
    picked = _picked(_lines(), most)
    hidden = frozenset(contract.private)
    shown = [name for name in contract.required if name not in hidden]
    return {
        "rows": sum(1 for _ in itertools.groupby(_lines(), lambda cell: cell[:2])),
        "left_out": [name for name in contract.required if name in hidden],
        "cells": [
            _without(contract, hidden, cell)._asdict()
            for cell in _lines()
            if (cell.file, cell.row) in picked
        ],
        "whole": [
            {"file": file, "row": row, "cells": found}
            for (file, row), found in _whole(contract, shown, sorted(picked))
        ],
    }


def _lines() -> Iterator[Cell]:
    if not QUARANTINE.is_file():
        return
    csv.field_size_limit(2**31 - 1)
    with QUARANTINE.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            value = line["value"]
            cut = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
            yield Cell(line["file"], int(line["row"]), line["column"], cut, line["reason"])


def _picked(lines: Iterable[Cell], most: int) -> set[Row]:
    """Return the rows that are told: in turn one of each column that has a bad cell.

    So what is wrong seldom is seen beside what is wrong in most rows.
    """
    by_column: dict[str, dict[Row, None]] = {}
    for cell in lines:
        rows = by_column.setdefault(cell.column, {})
        if len(rows) < most:
            rows[cell.file, cell.row] = None
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_column.values()))
    return set(itertools.islice(dict.fromkeys(row for row in turns if row), most))


def _without(contract: Contract, hidden: frozenset[str], cell: Cell) -> Cell:
    """Return a line without what a reason or a cell tells of columns that are hidden.

    A rule's reason has the numbers that did not agree, and one of a column that follows another
    has that one's value.
    """
    column, reason = cell.column, cell.reason
    for name, rule in contract.rules.items():
        sides = [Expression.parse(text, "rule").names for text in (rule.left, rule.right)]
        if reason.startswith(f"{name}: ") and hidden & (sides[0] | sides[1]):
            return cell._replace(value="", reason=name)
    for name, leader, _ in contract.followers:
        if name == column and hidden & {name, leader} and reason.startswith(f"{leader} "):
            reason = f"does not follow {leader}"
    return cell._replace(value="" if column in hidden else cell.value, reason=reason)


def _whole(
    contract: Contract, shown: Sequence[str], wanted: Sequence[Row]
) -> Iterator[tuple[Row, dict[str, str]]]:
    """Yield the wanted rows as they came in; those whose raw file is not here are left out."""
    for file, rows in itertools.groupby(wanted, key=lambda row: row[0]):
        numbers = np.array([number for _, number in rows])
        begin = 1
        for part in partitions.of(RAW / f"{file}.parquet"):
            there = pa.parquet.ParquetFile(part)
            for group in range(there.num_row_groups):
                end = begin + there.metadata.row_group(group).num_rows
                inside = numbers[(numbers >= begin) & (numbers < end)]
                if len(inside):  # a large file is not read for a few rows
                    names = [name for name in shown if name in there.schema_arrow.names]
                    table = there.read_row_group(group, columns=names)
                    for number, found in zip(
                        inside, _texts(contract, table.take(inside - begin)), strict=True
                    ):
                        yield (file, int(number)), found
                begin = end


def _texts(contract: Contract, rows: pa.Table) -> list[dict[str, str]]:
    """Return each row's cells as text, numbers with a decimal point."""
    columns: Mapping[str, list[str]] = {
        name: [
            cells.shown(raw if cells.shown(read) == decimals.NONE else read)[:LONGEST]
            for raw, read in zip(
                rows[name], decimals.column(rows, name, contract.columns[name]), strict=True
            )
        ]
        for name in rows.column_names
    }
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
