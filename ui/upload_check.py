"""A file before it is sent: read, and held against the schema cell by cell.

The checks are the service's own (sales/serving/upload.py), so that page and service never disagree.
"""

from dataclasses import dataclass
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
    cannot be scored then. `good` tells the rows to send, and `columns` what to send of them.
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

    @property
    def scored_name(self) -> str:
        """The name under which the file is given back, in the form in which it came."""
        name = self.name
        if packed := formats.packing.of(name):
            name = name[: -len(packed)]
        stem, dot, end = name.rpartition(".")
        known = f"{dot}{end}".lower() in formats.KINDS and self.kind != "xlsx"
        return f"scored_{name if known else f'{stem or name}.{given_back.ending(self.kind)}'}"

    def sendable(self) -> pa.Table:
        """Return the good rows of the columns that the service asks for."""
        asked = self.table.select(self.columns)
        return asked if self.good.all() else asked.filter(pa.array(self.good))


def sheets(body: bytes) -> list[str]:
    """Return the names of the sheets of a workbook; none of any other file."""
    return workbooks.titles(body) if formats.of_bytes(body).kind == "xlsx" else []


def check(
    name: str,
    body: bytes,
    fields: dict[str, Column],
    parts: dict[str, str],
    sheet: str | None = None,
) -> Upload:
    """Return the file, read and checked. Raises RequestError for one that cannot be read."""
    body, whole = _read(body, HowParams(sheet=sheet))
    table, filled = upload.filled(whole)
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
    numbers = row_numbers.of(body, whole)
    if filled is not None:
        numbers = numbers[filled - 1]
    problems = _problems(table, numbers, bad)
    skipped = whole.num_rows - table.num_rows
    kind = formats.of_bytes(body).kind
    return Upload(name, table, numbers, faults, problems, good, columns, skipped, kind)


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
