"""The numbers of a file's rows as a spreadsheet shows them: the header is row 1, blank lines count.

Whoever is told of a bad cell opens the file and goes to that row.
"""

import csv
import io

import numpy as np
import pyarrow as pa

from sales.data.reading import dialects, formats
from sales.data.reading.dialects import Dialect


def of(body: bytes, table: pa.Table) -> np.ndarray:
    """Return the number of each of the rows that were read from a file.

    The rows of a file without a header line, such as Parquet, are numbered from 1; so are those of
    JSON lines, blank ones not counted.
    """
    rows = table.num_rows
    kind = formats.of_bytes(body).kind
    if kind not in ("csv", "xlsx"):
        return np.arange(1, rows + 1)
    numbers = np.arange(2, rows + 2)
    dialect = dialects.of(table.schema)
    # Each row takes a line at least: with as many lines as rows, there is nothing to look for.
    if kind == "xlsx" or _lines(body) == rows + 1:
        return numbers
    filled, blank = _records(body, dialect)
    for found in (filled, np.sort(np.concatenate([filled, blank]))):
        if len(found) == rows + 1:  # the header is one of them
            return found[1:]
    return numbers


def _lines(body: bytes) -> int:
    return body.count(b"\n") + (not body.endswith(b"\n"))


def _records(body: bytes, dialect: Dialect) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the records that hold a cell, and of those that hold only commas.

    A line without a comma is blank, and is neither.
    """
    filled, empty = [], []
    encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
    reader = csv.reader(
        io.TextIOWrapper(io.BytesIO(body), encoding, "replace", newline=""),
        delimiter=dialect.separator,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )
    csv.field_size_limit(max(csv.field_size_limit(), len(body)))
    for number, cells in enumerate(reader, 1):
        if any(cells):
            filled.append(number)
        elif len(cells) > 1:
            empty.append(number)
    return np.array(filled, np.int64), np.array(empty, np.int64)
