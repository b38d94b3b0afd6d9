"""A file before it is sent: read, and held against the schema cell by cell.

The checks are the service's own (sales/serving/upload.py), so that page and service never disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sales.contract import Column, cells
from sales.data.incoming import HowParams
from sales.data.reading import formats, workbooks
from sales.data.reading.packing import TooLargeError
from sales.serving import given_back, unpacking, upload
from sales.serving.refusals import RefusedError
from sales.serving.request import RequestError
from ui import row_numbers

MOST_ROWS = 5_000_000
MOST_MB = 1000  # that a file may unpack to


@dataclass(frozen=True)
class Upload:
    """A file's rows, cells of text as text, and what is wrong with them.

    Rows without any cell are left out: `skipped` of them. `rows` are the numbers that the others
    have in the file. `problems` has a row for each bad cell:
    that number, column, value, problem. `faults` are what is wrong with the file as a whole; it
    cannot be scored then. `good` tells the rows to send, and `columns` what to send of them, as the
    service calls them: `names` are what the file calls those that it calls otherwise, and
    `lacking` the fields that it seems to have under no name.
    """

    name: str
    table: pa.Table
    rows: np.ndarray
    faults: list[str]
    problems: pd.DataFrame
    good: np.ndarray
    columns: list[str]
    skipped: int = 0
    kind: str = "csv"  # of sales/data/formats.py
    names: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()

    @property
    def scored_name(self) -> str:
        """The name under which the file is given back, in the form in which it came."""
        name = self.name
        if packed := formats.packing.of(name):
            name = name[: -len(packed)]
        stem, dot, end = name.rpartition(".")
        known = f"{dot}{end}".lower() in formats.KINDS and self.kind != "xlsx"
        return f"scored_{name if known else f'{stem or name}.{given_back.ending(self.kind)}'}"

    def own(self, name: str) -> str:
        """Return what the file calls a column of the service's."""
        return self.names.get(name, name)

    def asked(self) -> pa.Table:
        """Return the columns that the service asks for, under its names."""
        return named(self.table, self.names).select(self.columns)

    def sendable(self) -> pa.Table:
        """Return the good rows of the columns that the service asks for."""
        asked = self.asked()
        return asked if self.good.all() else asked.filter(pa.array(self.good))

    def again(
        self,
        fields: dict[str, Column],
        parts: dict[str, str],
        *,
        names: Mapping[str, str] | None = None,
        table: pa.Table | None = None,
    ) -> "Upload":
        """Return the file checked again: its columns named otherwise, or its cells mended."""
        names, table = self.names if names is None else names, table or self.table
        return held(replace(self, names=names, table=table), fields, parts)


def sheets(body: bytes) -> list[str]:
    """Return the names of the sheets of a workbook; none of any other file."""
    return workbooks.titles(body) if formats.of_bytes(body).kind == "xlsx" else []


def check(
    name: str,
    body: bytes,
    fields: dict[str, Column],
    parts: dict[str, str],
    sheet: str | None = None,
    known: Mapping[tuple[str, ...], Mapping[str, str]] | None = None,
) -> Upload:
    """Return the file, read and checked. Raises RequestError for one that cannot be read.

    `known` are what a person has said of files with such columns: what these call the service's.
    """
    body, whole = _read(body, HowParams(sheet=sheet))
    table, filled = upload.filled(whole)
    numbers = row_numbers.of(body, whole)
    if filled is not None:
        numbers = numbers[filled - 1]
    skipped = whole.num_rows - table.num_rows
    kind = formats.of_bytes(body).kind
    names = (known or {}).get(tuple(table.column_names), {})
    nothing = _problems(table, numbers, [])
    every = np.ones(table.num_rows, bool)
    sent = Upload(name, table, numbers, [], nothing, every, [], skipped, kind, names)
    return held(sent, fields, parts)


def held(sent: Upload, fields: dict[str, Column], parts: dict[str, str]) -> Upload:
    """Return a file as it was read, held against the schema."""
    table = named(sent.table, sent.names)
    details: list[dict[str, Any]] = []
    try:
        upload.orders(table, fields, parts)
    except RequestError as error:
        details = error.details
    good = np.ones(table.num_rows, bool)
    bad = [one for one in details if "rows" in one]
    for one in bad:
        good[np.array(one["rows"]) - 1] = False
    faults = [": ".join([*one["loc"][1:], one["msg"]]) for one in details if "rows" not in one]
    columns = [column for column in (*fields, *parts) if column in table.column_names]
    problems = _problems(table, sent.rows, bad)
    problems["column"] = [sent.own(column) for column in problems["column"]]
    missing = any(one["type"] == "missing" for one in details)
    lacking = [name for name in fields if name not in table.column_names] if missing else []
    return replace(
        sent, faults=faults, problems=problems, good=good, columns=columns, lacking=tuple(lacking)
    )


def named(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Return a table with the service's names for the columns that the file calls otherwise."""
    if not names:
        return table
    theirs = {own: name for name, own in names.items()}
    renamed = table.rename_columns([theirs.get(name, name) for name in table.column_names])
    return renamed.replace_schema_metadata(table.schema.metadata)  # how the file was read


def _read(body: bytes, how: HowParams) -> tuple[bytes, pa.Table]:
    """Return the file unpacked, and its rows."""
    try:
        body = unpacking.whole(body, MOST_MB)
        return body, upload.read(body, MOST_ROWS, how=how, most_bytes=MOST_MB * 1_000_000)
    except RefusedError as error:
        told = error.detail
    except TooLargeError:
        told = unpacking.too_large(MOST_MB).detail
    raise RequestError([{"type": "broken_file", "loc": ["file"], "msg": told}])


def _problems(table: pa.Table, numbers: np.ndarray, bad: list[dict[str, Any]]) -> pd.DataFrame:
    found = []
    for one in bad:
        column, places = one["loc"][1], np.array(one["rows"]) - 1
        rows = numbers[places]
        text = [cells.shown(value) for value in table[column].take(pa.array(places))]
        found.append(
            pd.DataFrame({"row": rows, "column": column, "value": text, "problem": one["msg"]})
        )
    if not found:
        return pd.DataFrame({"row": [], "column": [], "value": [], "problem": []})
    return pd.concat(found).sort_values("row", kind="stable", ignore_index=True)
