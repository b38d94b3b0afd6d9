"""Which files are taken for data: by the name that they have, or by how they begin."""

import json
from typing import NamedTuple

from sales.data.reading import packing, workbooks

# What reads a file, by the end of its name. Text may come packed; the others are so by themselves.
TEXT = {".csv": "csv", ".tsv": "csv", ".jsonl": "json lines", ".ndjson": "json lines"}
KINDS = {**TEXT, ".parquet": "parquet", ".feather": "feather", ".arrow": "feather", ".xlsx": "xlsx"}
TOLD = "CSV, Parquet, Excel (.xlsx), JSON lines (.jsonl) or Feather"
OTHERS = {
    ".xls": "an old workbook: save it as .xlsx",
    ".xlsb": "a binary workbook: save it as .xlsx",
    ".ods": "a workbook of LibreOffice: save it as .xlsx",
    ".json": "JSON: write a line for each row, and call it .jsonl",
}
PARQUET, FEATHER = b"PAR1", b"ARROW1"
START = 1 << 16  # bytes by which text is told


class Format(NamedTuple):
    """What a file holds, and in what that is packed."""

    kind: str
    packed: str | None


def of(name: str) -> Format | None:
    """Return the format of a file by its name; None: it is not taken for data.

    What a `.zip` holds only its inside tells: until then it is CSV.

    >>> of("orders.CSV.gz"), of("orders.xlsx"), of("README.md")
    (Format(kind='csv', packed='.gz'), Format(kind='xlsx', packed=None), None)
    """
    lower = name.lower()
    packed = packing.of(lower)
    inner = lower.removesuffix(packed or "")
    kind = next((kind for end, kind in KINDS.items() if inner.endswith(end)), None)
    if packed == ".zip" and (kind is None or kind in TEXT.values()):
        return Format(kind or "csv", packed)
    if kind is None or (packed and kind not in TEXT.values()):
        return None
    return Format(kind, packed)


def of_bytes(body: bytes) -> Format:
    """Return the format of a file by what it holds; without a sign of another it is CSV.

    >>> of_bytes(b'{"Price": 5}'), of_bytes(b"Price;City").kind
    (Format(kind='json lines', packed=None), 'csv')
    """
    start = body[:START]
    if start.startswith(PARQUET):
        return Format("parquet", None)
    if start.startswith(FEATHER):
        return Format("feather", None)
    packed = packing.of_bytes(start)
    if packed:
        return Format("xlsx", None) if workbooks.is_one(body) else Format("csv", packed)
    line = start.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    return Format("json lines" if _is_object(line) else "csv", None)


def advice(name: str) -> str:
    """Return what to do with a file that is not taken for data; empty where nobody knows."""
    return next((told for end, told in OTHERS.items() if name.lower().endswith(end)), "")


def _is_object(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return line.rstrip().endswith((b"}", b",")) or b'":' in line
