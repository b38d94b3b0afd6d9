"""Files of orders sent to the service: read, and checked cell by cell."""

import io
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from sales.contract import Column, cells, decimals
from sales.data import incoming
from sales.data.incoming import HowParams
from sales.data.reading import feather, formats
from sales.data.reading.packing import Budget
from sales.errors import CLOSED, FULL, PipelineError
from sales.serving import file_columns
from sales.serving.request import Orders, OrderSchema, RequestError

PARQUET = b"PAR1"
ENDING = {
    "csv": ".csv",
    "parquet": ".parquet",
    "feather": ".feather",
    "json lines": ".jsonl",
    "xlsx": ".xlsx",
}
CALLED = {
    "csv": "the CSV file",
    "parquet": "the Parquet file",
    "feather": "the Feather file",
    "json lines": "the file of JSON lines",
    "xlsx": "the workbook",
}


def read(
    body: bytes,
    most_rows: int,
    asked: Collection[str] = (),
    look: Callable[[pa.Table], None] = lambda _: None,
    how: HowParams | None = None,
    most_bytes: int | None = None,
) -> pa.Table:
    """Return an upload's rows, cells of text as text. It must not be packed.

    Of a Parquet file the columns that are `asked` for come first: `look` is given them, and what it
    raises ends it before any other is unpacked.

    Raises RequestError for what cannot be read, or has too many rows; packing.TooLargeError for
    what is no Parquet and takes more than `most_bytes`; MemoryError and OSError where it is this
    machine that has no room for it.
    """
    kind = formats.of_bytes(body).kind
    is_parquet = kind == "parquet"
    try:
        if kind == "feather":
            size = feather.measured(body, most_bytes or float("inf"), "upload.feather")
            _limit(size.rows, most_rows)
            Budget(most_bytes).take(size.bytes)
        if is_parquet:  # a small file can hold a great many rows: ask before unpacking it
            rows = pa.parquet.read_metadata(io.BytesIO(body)).num_rows
            _limit(rows, most_rows)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"upload{ENDING[kind]}"
            path.write_bytes(body)
            if is_parquet and asked:
                table = _in_turn(path, asked, look)
            else:
                how = how or incoming.FOUND
                table = incoming.read(path, how=how, most=most_bytes)
    except MemoryError:  # Arrow's too, which is one of its own errors
        raise
    except (PipelineError, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno in FULL | CLOSED:
            raise  # the scratch folder's, not the client's
        message = " ".join(str(error).split())
        for each, told in CALLED.items():
            message = message.replace(f"upload{ENDING[each]}", told)
        message = message.replace("ingest.csv.", "").replace(" in params.yaml", "")
        raise RequestError([_fault("broken_file", [], message)]) from None
    _limit(table.num_rows, most_rows)
    return table


def _in_turn(path: Path, asked: Collection[str], look: Callable[[pa.Table], None]) -> pa.Table:
    names = pa.parquet.read_schema(path).names
    first = [name for name in names if name in asked]
    if not first or len(set(names)) < len(names):
        return incoming.read(path)  # a missing column is told of, or one that comes twice
    table = incoming.read(path, columns=first)
    look(table)
    if len(first) == len(names):
        return table
    others = incoming.read(path, columns=[name for name in names if name not in asked])
    of = {**dict.fromkeys(first, table), **dict.fromkeys(others.column_names, others)}
    schema = pa.schema([of[name].schema.field(name) for name in names], table.schema.metadata)
    return pa.Table.from_arrays([of[name][name] for name in names], schema=schema)


def filled(table: pa.Table) -> tuple[pa.Table, np.ndarray | None]:
    """Return the rows that hold any cell, and their numbers in the file, from 1; None: all rows.

    Raises RequestError where there is none.
    """
    blank = cells.blank(table)
    if blank is None:
        return table, None
    if blank.all():
        raise RequestError([_fault("broken_file", [], "no row of the file holds any cell")])
    return table.filter(pa.array(~blank)), np.flatnonzero(~blank) + 1


def skipped(whole: pa.Table, table: pa.Table) -> list[str]:
    """Return a line on how many rows of a file hold no cell; none where each holds one."""
    rows = whole.num_rows - table.num_rows
    return [f"rows without any cell, which were skipped: {rows:,}"] if rows else []


def absent(table: pa.Table, fields: Mapping[str, Column]) -> list[str]:
    """Return the columns that a file does not have, and no row need have."""
    there = set(table.column_names)
    return [name for name, column in fields.items() if column.optional and name not in there]


def left_out(table: pa.Table, fields: Mapping[str, Column]) -> list[str]:
    """Return a line for each column that a file does not have, though it may."""
    names = absent(table, fields)
    return [f"{name}: the file has no such column; it is missing in every row" for name in names]


def orders(
    table: pa.Table,
    fields: Mapping[str, Column],
    parts: Mapping[str, str],
    numbers: np.ndarray | None = None,
) -> Orders:
    """Return the columns that a model asks for, checked.

    `fields` and `parts` are its schema's: the columns, and which may stand in the date's place; a
    row with both must mean the same by them. `numbers` are those of the rows in the file, where
    they are not all of it.

    Raises RequestError: a missing column, one of which no cell can be read, or every bad cell, by
    column, problem and row. Rows are numbered from 1, the header not counted.
    """
    for name in absent(table, fields):
        table = table.append_column(name, pa.nulls(table.num_rows))
    dates = [name for name, column in fields.items() if column.role == "date"]
    undated = [name for name in fields if name not in dates]
    there = set(table.column_names)
    if parts and not there.issuperset(dates):
        dates, wanted = [], [*undated, *parts]
    else:
        wanted = [*undated, *dates]
    missing = [name for name in (*fields, *parts) if name in wanted and name not in there]
    if missing:
        raise RequestError([_fault("missing", [name], "the column is missing") for name in missing])
    beside = [name for name in parts if name in there and name not in wanted]
    unlike = [name for name in (*wanted, *beside) if cells.nested(table[name].type)]
    if unlike:
        what = {name: f"holds {cells.called(table[name].type)}" for name in unlike}
        raise RequestError([_fault("bad_column", [name], what[name]) for name in unlike])
    found: Orders = {}
    problems: list[tuple[str, str, np.ndarray]] = []
    for name in undated:
        raw = decimals.column(table, name, fields[name])
        found[name], own = file_columns.column(raw, fields[name])
        problems += [(name, why, bad) for why, bad in own.items()]
    if dates or parts:
        told, own_problems = file_columns.dated(table, fields, dates, parts)
        found |= told
        problems += own_problems
    order = {name: place for place, name in enumerate((*fields, *parts))}
    faults = [
        _fault("bad_cells", [name], why, _rows(bad, numbers))
        for name, why, bad in sorted(problems, key=lambda one: order[one[0]])
        if bad.any()
    ]
    if faults:
        raise RequestError(faults)
    return found


def warnings(found: Orders, schema: OrderSchema) -> list[str]:
    """Return what training never saw: categories, and values outside of its ranges."""
    outside = schema.outside(found)
    return [*unseen(found, schema), *(outside.warnings if outside else ())]


def unseen(found: Orders, schema: OrderSchema) -> list[str]:
    """Return a warning for each category that training never saw, looking at each once."""
    once = {
        name: list(values.categories) if isinstance(values, pd.Categorical) else values
        for name, values in found.items()
    }
    for name in schema.featuriser.unknown(once):  # only there is it worth to look at the rows
        if isinstance(found[name], pd.Categorical):
            once[name] = _seen(found[name])
    return schema.unseen(once)


def _limit(rows: int, most: int) -> None:
    if rows > most:
        raise RequestError(
            [_fault("too_long", [], f"{rows:,} rows, at most {most:,} are taken at once")]
        )


def _fault(
    kind: str, where: list[str], message: str, rows: list[int] | None = None
) -> dict[str, Any]:
    fault: dict[str, Any] = {"type": kind, "loc": ["file", *where], "msg": message}
    return fault if rows is None else {**fault, "rows": rows}


def _seen(values: pd.Categorical) -> list[Any]:
    """Return the categories that a row has: others may be left from rows that are not here."""
    counts = np.bincount(values.codes + 1, minlength=len(values.categories) + 1)
    return list(values.categories[counts[1:] > 0])


def _rows(bad: np.ndarray, numbers: np.ndarray | None) -> list[int]:
    rows = np.flatnonzero(bad)
    return (rows + 1 if numbers is None else numbers[rows]).tolist()
