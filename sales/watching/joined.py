"""Answered rows with what came true of them, a day at a time: what `make watch` and trials read.

Days are read by parts, so that a window may hold more rows than the memory does; the truths of it
are an index of ids. A truth counts for each answered row that has its id, as a price may be asked
for again before it comes true; of several truths for a row, the last that came.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from sales.data import addresses
from sales.watching import parts
from sales.watching.parts import ROWS, TRUTHS, Part
from sales.watching.row_keys import PREFIX
from sales.watching.truths import SCHEMA


@dataclass(frozen=True)
class Known:
    """The truths that count, by id of each kind (`request_id`, `key.OrderID`).

    `given` is how many came, `corrected` how many of them another one replaced.
    """

    by: dict[str, pd.DataFrame]  # `truth` and `time`, indexed by the id, each once
    given: int
    corrected: int

    def of(self, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """Return the truth of each row and when it came; NaN and NaT where there is none yet."""
        values = np.full(table.num_rows, np.nan)
        times = np.full(table.num_rows, "NaT", "datetime64[us]")
        for name, truths in self.by.items():
            if name not in table.column_names or not len(truths):
                continue
            ids = table[name].to_pandas()
            at = truths.index.get_indexer(pd.Index(ids))
            at[ids.isna().to_numpy()] = -1
            there = at >= 0
            came = np.full(len(at), "NaT", "datetime64[us]")
            came[there] = truths["time"].to_numpy()[at[there]]
            later = there & (np.isnat(times) | (came > times))
            values[later] = truths["truth"].to_numpy()[at[later]]
            times[later] = came[later]
        return values, times


@dataclass(frozen=True)
class Window:
    """What an address keeps from a first day to a last one, both in UTC and among them."""

    address: str
    first: str = ""
    last: str = "~"

    @cached_property
    def truths(self) -> Known:
        """The truths that came since the first day: of rows of the window, or of later ones."""
        columns = ("time", "request_id", "truth")
        tables = [
            read(self.address, part, columns, prefix=PREFIX)
            for part in parts.listed(self.address, TRUTHS, self.first)
        ]
        whole = parts.together(
            [table for table in tables if table is not None] or [SCHEMA.empty_table()]
        )
        return known(whole)

    def days(self, columns: Sequence[str] = ()) -> Iterator[tuple[str, pa.Table]]:
        """Yield each day with a part of its rows, and their `truth` and `truth_time`.

        A day comes in as many pieces as it has parts; `columns` are those that are wanted, empty
        for all. A part that is broken, or just removed, is left out.
        """
        ids = ("request_id", *self.truths.by)
        for part in parts.listed(self.address, ROWS, self.first, self.last):
            wanted = (*dict.fromkeys((*columns, *ids)),) if columns else ()
            table = read(self.address, part, wanted)
            if table is None:
                continue
            values, times = self.truths.of(table)
            if columns:
                table = table.select([name for name in columns if name in table.column_names])
            truth = pa.array(values, from_pandas=True)
            table = table.append_column("truth", truth)
            yield part.day, table.append_column("truth_time", pa.array(times))

    def unknown(self) -> int:
        """Return how many truths that count name no row of the window."""
        left = {name: set(truths.index) for name, truths in self.truths.by.items()}
        both = self.truths.by
        for part in parts.listed(self.address, ROWS, self.first, self.last):
            table = read(self.address, part, (*both,))
            if table is None:
                continue
            for name in both:
                if name in table.column_names:
                    left[name].difference_update(table[name].to_pylist())
        return sum(map(len, left.values()))


def window(address: str, first: date | None = None, last: date | None = None) -> Window:
    """Return what is kept at an address, from a day to another, or all of it."""
    return Window(
        addresses.absolute(address),
        first.isoformat() if first else "",
        last.isoformat() if last else "~",
    )


def known(truths: pa.Table) -> Known:
    """Return which truths count, of all in a table; its order is that in which they came."""
    table = truths.sort_by([("time", "ascending")]) if truths.num_rows else truths
    frame = table.to_pandas()
    by: dict[str, pd.DataFrame] = {}
    corrected = 0
    unnamed = frame["request_id"].isna()
    for name in ["request_id", *(n for n in frame.columns if n.startswith(PREFIX))]:
        # With a request id it is of that row alone, whatever else it says.
        own = frame[frame[name].notna() & (unnamed | (name == "request_id"))]
        last = own.drop_duplicates(name, keep="last").set_index(name)[["truth", "time"]]
        corrected += len(own) - len(last)
        by[name] = last.assign(time=last["time"].dt.tz_localize(None))
    return Known(by, len(frame), corrected)


def read(
    address: str, part: Part, columns: Sequence[str] = (), prefix: str = ""
) -> pa.Table | None:
    """Return a part's columns, those asked for that it has, and all that begin with `prefix`.

    None where it is just removed, or broken: a machine that lost its power leaves such.
    """
    there, root = addresses.resolve(address)
    path = parts.path_of(root, part)
    try:
        with there.open(path, "rb") as file:
            names = pa.parquet.ParquetFile(file).schema_arrow.names
            wanted = [n for n in names if n in columns or (prefix and n.startswith(prefix))]
            return pa.parquet.read_table(file, columns=wanted if columns else None)
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
