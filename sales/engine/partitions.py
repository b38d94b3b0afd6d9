"""A table in partitions: a Parquet file or a folder of them, or tables in memory.

On disk `train.parquet` is one file where one machine made it, and a folder of files where a cluster
did, in the order of their names. Whoever reads it asks here, and need not know which of the two.
"""

import os
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet

Kept = pd.DataFrame | Path  # a partition: in memory, or in a Parquet file


def of(table: Path) -> list[Path]:
    """Return the Parquet files of a table, in order; none where there is no table.

    >>> train, valid = Path("train.parquet"), Path("valid.parquet")
    >>> write(pd.DataFrame({"Price": [5.0, 6.0]}), train)
    >>> valid.mkdir()
    >>> for number in (1, 0):
    ...     write(pd.DataFrame({"Price": [7.0]}), name(valid, number))
    >>> [str(part) for part in of(train)]
    ['train.parquet']
    >>> [str(part) for part in of(valid)]
    ['valid.parquet/part.000000.parquet', 'valid.parquet/part.000001.parquet']
    >>> of(Path("test.parquet"))
    []
    """
    if table.is_dir():
        return sorted(table.rglob("*.parquet"))
    return [table] if table.is_file() else []


def name(table: Path, number: int | None) -> Path:
    """Return where a table's partition lies; None: the table is one file."""
    return table if number is None else table / f"part.{number:06d}.parquet"


def rows(parts: Sequence[Kept]) -> list[int]:
    """Return the number of rows of each partition; of a file only the footer is read.

    >>> few, more = pd.DataFrame({"Price": [5.0]}), pd.DataFrame({"Price": [6.0, 7.0]})
    >>> write(more, Path("more.parquet"))
    >>> rows([few, Path("more.parquet")])
    [1, 2]
    """
    return [
        pyarrow.parquet.read_metadata(part).num_rows if isinstance(part, Path) else len(part)
        for part in parts
    ]


def read(parts: Sequence[Kept], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a whole table, by default with all its columns."""
    tables = [kept(part, columns) for part in parts]
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)


def head(parts: Sequence[Kept], count: int) -> pd.DataFrame:
    """Return the first rows, at most `count`."""
    return take(parts, np.arange(min(count, sum(rows(parts)))))


def take(
    parts: Sequence[Kept], positions: np.ndarray, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the rows of these numbers, counted from 0 over all partitions, as they are asked for.

    One partition is read at a time, and only if a row of it is wanted.
    """
    found, order = [], []
    counts = rows(parts)
    for part, count, stop in zip(parts, counts, accumulate(counts), strict=True):
        at = np.flatnonzero((positions >= stop - count) & (positions < stop))
        if len(at):
            found.append(kept(part, columns).iloc[positions[at] - (stop - count)])
            order.append(at)
    if not found:
        return kept(parts[0], columns).iloc[:0]
    back = np.argsort(np.concatenate(order))
    return pd.concat(found).iloc[back].reset_index(drop=True)


def keep(table: pd.DataFrame, path: Path | None) -> Kept:
    """Return the table, or where there is a path, the path to which it was written."""
    if path is None:
        return table
    write(table, path)
    return path


def kept(part: Kept, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a partition, by default with all its columns."""
    wanted = None if columns is None else list(columns)
    if isinstance(part, Path):
        return pd.read_parquet(part, columns=wanted)
    return part if wanted is None else part[wanted]


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as one Parquet file, whole or not at all, into a folder that is there.

    It is not made here: a worker that goes on when its run has ended would bring the folder back.

    >>> write(pd.DataFrame({"Price": [5.0, 6.0]}), Path("prices.parquet"))
    >>> read([Path("prices.parquet")])["Price"].tolist()
    [5.0, 6.0]
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    table.to_parquet(beside, compression="zstd", index=False)
    beside.replace(path)
