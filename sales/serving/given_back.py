"""A scored file in the form in which it came.

Parquet, Feather and JSON lines as such; CSV with its own separator and decimal mark. Text is UTF-8,
with a mark at its beginning where it came in another encoding, as Excel asks for it. What came
packed comes unpacked, and a workbook as CSV: its formulas and formats could not be kept.
"""

import codecs
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from sales.data.reading import dialects, formats, json_lines
from sales.serving import request_ids

MEDIA = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json lines": "application/x-ndjson",
    "feather": "application/vnd.apache.arrow.file",
}
ENDINGS = {"json lines": "jsonl", "xlsx": "csv"}  # of the others: what they are called


def ending(kind: str) -> str:
    """Return the end of the name of a file that came as this kind.

    >>> ending("parquet"), ending("json lines"), ending("xlsx")
    ('parquet', 'jsonl', 'csv')
    """
    return ENDINGS.get(kind, kind)


def kind_of(file: bytes) -> str:
    """Return the kind of what `scored` has written."""
    return formats.of_bytes(file).kind


def with_ids(table: pa.Table, target: str, request_id: str) -> pa.Table:
    """Return a table with its rows' ids; a column of that name before goes."""
    name = request_ids.column(target)
    numbers = pa.array(np.arange(table.num_rows)).cast(pa.string())
    ids = pc.binary_join_element_wise(request_id, numbers, "-")
    table = table.drop_columns([name] if name in table.column_names else [])
    return table.append_column(name, ids)


def scored(table: pa.Table, added: Mapping[str, np.ndarray], kind: str) -> bytes:
    """Return a table with the added columns as its last, as its kind is written.

    Any columns of these names before go.
    """
    table = table.drop_columns([name for name in added if name in table.column_names])
    for name, values in added.items():
        table = table.append_column(name, pa.array(values))
    return written(table, kind, [*added])


def written(table: pa.Table, kind: str, added: Sequence[str]) -> bytes:
    """Return a table as its kind is written. `added` are columns of numbers."""
    if kind == "json lines":
        return json_lines.written(table)
    sink = pa.BufferOutputStream()
    if kind == "parquet":
        pq.write_table(table, sink)
        return sink.getvalue().to_pybytes()
    if kind == "feather":
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()
    dialect = dialects.of(table.schema)
    if dialect.decimal == ",":
        for place, name in enumerate(table.column_names):
            if name in added:
                column = pc.replace_substring(table[name].cast(pa.string()), ".", ",")
                table = table.set_column(place, name, column)
    if kind == "xlsx" or dialect.encoding != "utf-8":
        sink.write(codecs.BOM_UTF8)
    how = pa.csv.WriteOptions(quoting_style="needed", delimiter=dialect.separator)
    pa.csv.write_csv(table, sink, how)
    return sink.getvalue().to_pybytes()


def read_as(table: pa.Table) -> list[str]:
    """Return a line on how a CSV file was read, unless it is plain CSV."""
    told = dialects.of(table.schema).told
    return [f"the file was read as CSV {told}"] if told else []
