"""Files of orders sent to the service: read, checked cell by cell, priced, and given back whole."""

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sales.contract import Column, cells
from sales.data import incoming
from sales.errors import PipelineError
from sales.serving.request import NUMBER_OF, PART_RANGE, Orders, OrderSchema, RequestError

PARQUET = b"PAR1"


def read(body: bytes, most_rows: int) -> pa.Table:
    """Return an upload's rows, CSV cells as text.

    Raises RequestError for what is neither CSV nor Parquet, or has too many rows.
    """
    is_parquet = body.startswith(PARQUET)
    try:
        if is_parquet:  # a small file can hold a great many rows: ask before unpacking it
            rows = pa.parquet.read_metadata(io.BytesIO(body)).num_rows
            _limit(rows, most_rows)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"upload{'.parquet' if is_parquet else '.csv'}"
            path.write_bytes(body)
            table = incoming.read(path)
    except (PipelineError, pa.ArrowException, OSError) as error:
        message = " ".join(str(error).split()).replace("upload.csv", "the CSV file")
        message = message.replace("upload.parquet", "the Parquet file")
        raise RequestError([_fault("broken_file", [], message)]) from None
    _limit(table.num_rows, most_rows)
    return table


def orders(table: pa.Table, fields: Mapping[str, Column], parts: Mapping[str, str]) -> Orders:
    """Return the columns that a model asks for, checked.

    `fields` and `parts` are its schema's: the columns, and which may stand in the date's place.

    Raises RequestError: a missing column, or every bad cell, by column, problem and row. Rows are
    numbered from 1, the header not counted.
    """
    dates = [name for name, column in fields.items() if column.role == "date"]
    if any(day not in table.column_names for day in dates) and parts:
        fields = {name: column for name, column in fields.items() if name not in dates}
    else:
        parts = {}
    missing = [name for name in (*fields, *parts) if name not in table.column_names]
    if missing:
        raise RequestError([_fault("missing", [name], "the column is missing") for name in missing])
    found, faults = {}, []
    for name, column in fields.items():
        found[name], problems = _column(table[name].combine_chunks(), column)
        faults += [_fault("bad_cells", [name], why, rows) for why, rows in problems]
    for name, part in parts.items():
        found[name], bad = _part(table[name].combine_chunks(), part)
        faults += [_fault("bad_cells", [name], f"not a {part}", bad)] if bad else []
    if faults:
        raise RequestError(faults)
    return found


def warnings(found: Orders, schema: OrderSchema) -> list[str]:
    """Return what training never saw, looking at each category once."""
    once = {
        name: list(values.categories) if isinstance(values, pd.Categorical) else values
        for name, values in found.items()
    }
    return schema.warnings(once)


def priced(table: pa.Table, added: Mapping[str, np.ndarray], *, parquet: bool) -> bytes:
    """Return the file with the added columns as its last; any of these names before go."""
    table = table.drop_columns([name for name in added if name in table.column_names])
    for name, values in added.items():
        table = table.append_column(name, pa.array(values))
    sink = pa.BufferOutputStream()
    if parquet:
        pa.parquet.write_table(table, sink)
    else:
        pa.csv.write_csv(table, sink, pa.csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue().to_pybytes()


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


def _column(raw: pa.Array, column: Column) -> tuple[Any, list[tuple[str, list[int]]]]:
    """Return a column's values, and its problems with the rows that have them."""
    if pa.types.is_dictionary(raw.type) and column.role != "categorical":
        raw = raw.dictionary_decode()
    missing = raw.is_null().to_numpy(zero_copy_only=False)
    problems = {"missing": missing}
    values: Any
    if column.role == "categorical":
        text = cells.text(raw)
        encoded = text if pa.types.is_dictionary(text.type) else text.dictionary_encode()
        values = encoded.to_pandas().array
    elif column.role == "date":
        parsed = cells.date(raw)
        problems["not a date"] = parsed.is_null().to_numpy(zero_copy_only=False) & ~missing
        values = parsed.to_numpy(zero_copy_only=False)
    else:
        values = cells.number(raw).to_numpy(zero_copy_only=False)
        problems["not a number"] = np.isnan(values) & ~missing
        if column.min is not None:
            problems[f"below {column.min:g}"] = values < column.low
        if column.max is not None:
            problems[f"above {column.max:g}"] = values > column.high
        if column.integer:
            problems["not a whole number"] = values % 1 > 0
    return values, [(why, _rows(bad)) for why, bad in problems.items() if bad.any()]


def _part(raw: pa.Array, part: str) -> tuple[np.ndarray, list[int]]:
    """Return a part of the date as numbers, and the rows where it is none."""
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    if pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type):
        distinct = raw.dictionary_encode()
        names = distinct.dictionary.to_pylist()
        as_number = pa.array([str(NUMBER_OF.get(name, name)) for name in names])
        raw = as_number.take(distinct.indices)
    values = cells.number(raw).to_numpy(zero_copy_only=False)
    low, high = PART_RANGE[part]
    return values, _rows(~((values >= low) & (values <= high) & (values % 1 == 0)))


def _rows(bad: np.ndarray) -> list[int]:
    return (np.flatnonzero(bad) + 1).tolist()
