"""What came true of rows that were answered: read from JSON or a file, and kept as a table.

A truth names its row by the request id, or by the contract's id. Late ones are as good as early
ones; of several for the same row the last that came counts, and all are kept.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from sales.contract import Column, Contract, cells, decimals
from sales.data import incoming
from sales.serving import request_ids, upload
from sales.serving.request import RequestError
from sales.watching import row_keys
from sales.watching.row_keys import RowKeys
from sales.watching.rows import TIME
from sales.watching.secret import Secret

PLAIN = Column(role="target")  # numbers as they are
SCHEMA = pa.schema({"time": TIME, "request_id": pa.string(), "truth": pa.float64()})


@dataclass(frozen=True)
class Truths:
    """Truths in the order in which they came. Each has a request id, or else an id, or both."""

    request_ids: list[str | None]
    ids: list[str | None]  # the contract's
    values: np.ndarray

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def keyed(self) -> bool:
        """Whether any of them needs the contract's id, as it has no request id."""
        return None in self.request_ids

    def table(self, keys: RowKeys, secret: Secret | None, at: int) -> pa.Table:
        """Return them as they are kept, having come at `at`, nanoseconds since 1970."""
        when = np.full(self.rows, np.datetime64(at // 1000, "us"))
        columns = {
            "time": pa.array(when).cast(TIME),
            "request_id": pa.array(self.request_ids, pa.string()),
            "truth": pa.array(self.values),
        }
        if keys.id:
            ids = pa.array(self.ids, pa.string())
            columns[f"{row_keys.PREFIX}{keys.id}"] = keys.kept(keys.id, ids, secret)
        return pa.table(columns)


def read(
    body: bytes, target: str, id_name: str | None, most_rows: int, most_bytes: int | None = None
) -> Truths:
    """Return the truths that a body holds: a JSON list of objects, or a file in any form.

    Raises RequestError that names every row that is wrong, and what upload.read does.
    """
    if body.lstrip()[:1] != b"[":
        return of_table(upload.read(body, most_rows, most_bytes=most_bytes), target, id_name)
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise RequestError([_fault("json_invalid", [], f"not JSON: {error}")]) from None
    if len(found) > most_rows:
        told = f"{len(found):,} truths, at most {most_rows:,} are taken at once"
        raise RequestError([_fault("too_long", [], told)])
    strange = [row for row, one in enumerate(found, start=1) if not isinstance(one, dict)]
    if strange:
        raise RequestError([_fault("bad_cells", [], "not an object", strange)])
    names = {*request_ids.NAMES, target, *([id_name] if id_name else [])}
    return _truths(
        {name: [one.get(name) for one in found] for name in names},
        np.array([_number(one.get(target)) for one in found], np.float64),
        target,
        id_name,
    )


def of_file(path: Path, contract: Contract, how: incoming.HowParams) -> Truths:
    """Return the truths of a file, read `how` the pipeline's files are.

    Raises RequestError that names every row that is wrong, and PipelineError for a broken file.
    """
    target = contract.target
    table = incoming.read(path, how=how)
    return of_table(table, target, contract.id, contract.columns[target])


def of_table(table: pa.Table, target: str, id_name: str | None, column: Column = PLAIN) -> Truths:
    """Return the truths of a table, its target written as the `column` says.

    Raises RequestError that names every row that is wrong.
    """
    table, _ = upload.filled(table)
    there = table.column_names
    if target not in there:
        raise RequestError([_fault("missing", [target], "the column is missing")])
    named = [name for name in (*request_ids.NAMES, id_name) if name and name in there]
    if not named:
        ways = " or ".join([request_ids.NAMES[0], *([id_name] if id_name else [])])
        raise RequestError([_fault("missing", [], f"no column names the rows: {ways}")])
    if nested := [name for name in (target, *named) if cells.nested(table[name].type)]:
        what = f"holds {cells.called(table[nested[0]].type)}"
        raise RequestError([_fault("bad_column", [nested[0]], what)])
    ids = {name: [cells.shown(cell) for cell in table[name]] for name in named}
    read = cells.read(decimals.column(table, target, column), column)
    return _truths(ids, read.values.to_numpy(zero_copy_only=False), target, id_name)


def _truths(
    columns: dict[str, list[Any]], values: np.ndarray, target: str, id_name: str | None
) -> Truths:
    nothing = [None] * len(values)
    own, other = (
        [row_keys.text(one) for one in columns.get(name, nothing)] for name in request_ids.NAMES
    )
    requests = [one or another for one, another in zip(own, other, strict=True)]
    ids = [row_keys.text(one) for one in columns.get(id_name or "", nothing)]
    faults = []
    bad = np.flatnonzero(~np.isfinite(values)) + 1
    if len(bad):
        faults.append(_fault("bad_cells", [target], "missing, or not a number", bad.tolist()))
    unnamed = [
        row
        for row, (one, another) in enumerate(zip(requests, ids, strict=True), start=1)
        if not one and not another
    ]
    if unnamed:
        ways = " or ".join([request_ids.NAMES[0], *([id_name] if id_name else [])])
        faults.append(_fault("bad_cells", [], f"no {ways} that names a row", unnamed))
    if faults:
        raise RequestError(faults)
    if not len(values):
        raise RequestError([_fault("too_short", [], "no truths at all")])
    return Truths(requests, ids, values)


def _number(value: Any) -> float:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain else np.nan


def _fault(
    kind: str, where: list[str], message: str, rows: list[int] | None = None
) -> dict[str, Any]:
    fault: dict[str, Any] = {"type": kind, "loc": ["truths", *where], "msg": message}
    return fault if rows is None else {**fault, "rows": rows}
