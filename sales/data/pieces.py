"""Rows that stream by, cut into pieces of bounded size: a table may be larger than memory.

A piece's name is its task's number and its own, so that the order of names is the order of rows,
and a task that is done again by another worker writes over what the first one left.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

GROUP_ROWS = 131_072
# Without statistics: nobody looks for a part of raw rows, and they cost a fifth of the time.
HOW: dict[str, Any] = {"compression": "zstd", "write_statistics": False}

Read = Callable[[], Iterable[pa.RecordBatch]]


def name(task: int, piece: int) -> str:
    """Return the name of a task's piece, without what kind of file it is."""
    return f"part.{task:06d}.{piece:06d}"


def evenly(rows: int | None, most: int) -> int:
    """Return how many rows each piece of `rows` has, none more than `most`; None: not known yet."""
    return most if not rows else -(-rows // -(-rows // most))


def cut(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[tuple[pa.Table, bool]]:
    """Yield the batches in tables of `rows` rows, the last one of what is left, and if it is it."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            if count == rows:
                yield pa.Table.from_batches(waiting), False
                waiting, count = [], 0
            taken = batch.slice(start, rows - count)
            waiting.append(taken)
            count += taken.num_rows
            start += taken.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting), True


def write(read: Read, folder: Path, task: int, rows: int) -> int:
    """Write a task's rows as pieces into an existing folder; return how many rows they are."""
    count = 0
    for number, (table, _) in enumerate(cut(read(), rows)):
        write_table(table, folder / f"{name(task, number)}.parquet")
        count += table.num_rows
    return count


def stream(batches: Iterable[pa.RecordBatch], path: Path) -> None:
    """Write raw rows as one Parquet file, whatever batches they come in, a row group at a time."""
    writer = None
    try:
        for table, _ in cut(batches, GROUP_ROWS):
            if writer is None:
                writer = pa.parquet.ParquetWriter(path, table.schema, **HOW)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def write_table(table: pa.Table, path: Path) -> None:
    """Write raw rows as one Parquet file."""
    pa.parquet.write_table(table, path, **HOW)
