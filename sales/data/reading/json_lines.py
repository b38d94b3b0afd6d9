"""JSON lines: an object in each line, its fields the columns.

Read twice, so that it can be larger than memory: once for which fields there are and what they
hold, once for their values. A field that holds several kinds of values becomes text; one that a
line lacks is null there.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Any

import orjson
import pyarrow as pa

from sales.data.reading.packing import Budget
from sales.data.reading.recoding import Recoded
from sales.errors import PipelineError

BATCH_CELLS = 500_000
LONGEST = 4 << 20  # bytes of a line
MOST_COLUMNS = 16_384
CELL_BYTES = 8
INT64 = range(-(2**63), 2**63)
TYPES = {
    frozenset[type](): pa.string(),
    frozenset({str}): pa.string(),
    frozenset({bool}): pa.bool_(),
    frozenset({int}): pa.int64(),
    frozenset({float}): pa.float64(),
    frozenset({int, float}): pa.float64(),
}

Opened = Callable[[], AbstractContextManager[IO[bytes]]]


def batches(opened: Opened, name: str, most: int | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows, batch by batch.

    Raises PipelineError that names the file and the line, and packing.TooLargeError where the table
    would take more than `most` bytes.
    """
    schema, rows = _looked(opened, name)
    Budget(most).take(rows * len(schema) * CELL_BYTES)
    if not rows:
        raise PipelineError(f"{name}: the file is empty")
    waiting: list[dict[str, Any]] = []
    for row in _objects(opened, name):
        waiting.append(row)
        if len(waiting) * len(schema) >= BATCH_CELLS:
            yield _batch(waiting, schema)
            waiting = []
    if waiting:
        yield _batch(waiting, schema)


def written(table: pa.Table) -> bytes:
    """Return a table's rows as JSON lines; a date, or what JSON does not know, as text."""
    if not table.num_rows:
        return b""
    options = orjson.OPT_APPEND_NEWLINE
    lines = (orjson.dumps(row, default=str, option=options) for row in table.to_pylist())
    return b"".join(lines)


def _looked(opened: Opened, name: str) -> tuple[pa.Schema, int]:
    kinds: dict[str, set[type]] = {}
    rows = 0
    for row in _objects(opened, name):
        rows += 1
        for key, value in row.items():
            known = kinds.get(key)
            if known is None:
                known = kinds[key] = set()
            if value is not None:
                known.add(type(value))
                if type(value) is int and value not in INT64:
                    known.add(float)
        if len(kinds) > MOST_COLUMNS:
            raise PipelineError(f"{name}: more than {MOST_COLUMNS:,} different fields")
    fields = [(key, TYPES.get(frozenset(held), pa.string())) for key, held in kinds.items()]
    return pa.schema(fields), rows


def _batch(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_string(field.type):
            values = [
                v if v is None or type(v) is str else orjson.dumps(v).decode() for v in values
            ]
        elif pa.types.is_floating(field.type):
            values = [None if value is None else float(value) for value in values]
        columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _objects(opened: Opened, name: str) -> Iterator[dict[str, Any]]:
    with opened() as stream:
        lines = io.BufferedReader(Recoded(stream, None), 1 << 16)
        number = 0
        while line := lines.readline(LONGEST + 1):
            number += 1
            if len(line) > LONGEST:
                raise PipelineError(f"{name}: line {number} is longer than {LONGEST >> 20} MiB")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except ValueError as error:
                reason = str(error).partition(": line ")[0]
                raise PipelineError(
                    f"{name}: line {number}: expected a JSON object: {reason}"
                ) from None
            if not isinstance(row, dict):
                raise PipelineError(
                    f"{name}: line {number}: expected a JSON object, as in {EXAMPLE}"
                )
            yield row


EXAMPLE = '{"Price": 5.5, "City": "Köln"}'
