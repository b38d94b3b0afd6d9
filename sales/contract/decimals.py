"""Numbers of files whose decimal mark is the comma, as the contract reads them: with a point.

Only a contract knows which columns hold numbers, so the cells come here as they were typed, and the
file's own way goes with the table, in its schema's metadata.
"""

import json

import pyarrow as pa
import pyarrow.compute as pc

from sales.contract.definition import Column

CSV = b"csv"  # the key of the metadata: JSON of what differs from plain CSV, as reading notes it
# Points may part the thousands of a number that has a comma too. Where it has none, `1.234` might
# be either, and is no number.
NUMBER = r"^[+-]?(\d{1,3}(\.\d{3})+,\d+|\d+,?\d*|,\d+)([eE][+-]?\d+)?$"
NONE = "?"  # stands for a cell that holds a point, but no such number


def column(table: pa.Table, name: str, contract: Column) -> pa.ChunkedArray:
    """Return a column's raw cells, the numbers of a table with decimal commas with a point."""
    raw = table[name]
    if contract.role not in ("numeric", "target") or not commas(table.schema):
        return raw
    if getattr(contract, "decimal", None):  # the contract itself knows how its numbers are written
        return raw
    return pointed(raw) if pa.types.is_string(raw.type) else raw


def commas(schema: pa.Schema) -> bool:
    """Return whether a table came from a file with decimal commas."""
    noted = (schema.metadata or {}).get(CSV)
    return noted is not None and json.loads(noted).get("decimal") == ","


def pointed(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts with decimal commas as numbers are read.

    >>> pointed(pa.chunked_array([["1,5", "1.234,50", "1.5", "NA", None]])).to_pylist()
    ['1.5', '1234.50', '?', 'NA', None]
    """
    trimmed = pc.utf8_trim_whitespace(raw)
    number = pc.match_substring_regex(trimmed, NUMBER)
    whole = pc.replace_substring(trimmed, ".", "")
    read = pc.replace_substring(whole, ",", ".")
    other = pc.if_else(pc.match_substring_regex(raw, r"\d\.|\.\d"), pa.scalar(NONE), raw)
    return pc.if_else(number, read, other)
