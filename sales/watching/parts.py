"""A folder of Parquet parts by day, to which many add without meeting: `day=2026-11-26/<part>`.

A part is whole or not there. Whoever writes one writes it again with what came since, for some
minutes, so that there are few of them though each row is on disk within seconds.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from fsspec import AbstractFileSystem

from sales.data import addresses

# The kinds: what was answered, what came true, and counts of what was refused.
ROWS, TRUTHS, REFUSED = "rows", "truths", "refused"
KINDS = (ROWS, TRUTHS, REFUSED)
DAY = "day="
# Statistics of times alone: the others would cost as much as all the rest of the writing.
HOW: dict[str, Any] = {"compression": "zstd", "write_statistics": ["time"]}
MOST_ROWS = 10_000  # of a part, about: above them, or after some time, the next one begins
SECONDS = 300.0


class Part(NamedTuple):
    """A part that is there: its kind, day, name and size in bytes."""

    kind: str
    day: str
    name: str
    size: int


class _Open(NamedTuple):
    """A part that is still added to: what it holds, and what the disk told of it then."""

    name: str
    table: pa.Table
    since: float
    told: tuple[Any, ...]


class Parts:
    """The parts of one kind at an address, and those that this process adds to. For any thread."""

    def __init__(
        self,
        address: str,
        kind: str,
        most_rows: int = MOST_ROWS,
        seconds: float = SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._address, self._kind = address, kind
        self._most_rows, self._seconds, self._now = most_rows, seconds, now
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()

    def add(self, day: str, rows: pa.Table) -> int:
        """Put a day's rows on disk; return how many bytes were written.

        Raises whatever the file system does: then none of them is there.
        """
        with self._lock:
            return self._add(day, rows)

    def _add(self, day: str, rows: pa.Table) -> int:
        there, root = self._there
        before = self._open.pop(day, None)
        now = self._now()
        if before and before.told == self._told(day, before.name):
            name, since = before.name, before.since
            whole = together([before.table, rows])
        else:  # none, or somebody else has changed it: what he took out must not come back
            name, since, whole = f"{int(now * 1000):013d}.{secrets.token_hex(6)}", now, rows
        path = f"{root}/{self._kind}/{DAY}{day}/{name}.parquet"
        # In memory first: a file of Python's own takes Python's lock for each piece of a column.
        made = pa.BufferOutputStream()
        pa.parquet.write_table(whole, made, use_dictionary=_repeating(whole.schema), **HOW)
        part = made.getvalue()
        with addresses.replacing(there, path) as file:
            file.write(part)
        if whole.num_rows < self._most_rows and now - since < self._seconds:
            self._open = {day: _Open(name, whole, since, self._told(day, name))}
        return part.size

    def _told(self, day: str, name: str) -> tuple[Any, ...]:
        """Return what differs when somebody else has written a part; nothing where it is gone."""
        there, root = self._there
        path = f"{root}/{self._kind}/{DAY}{day}/{name}.parquet"
        try:
            there.invalidate_cache(path.rpartition("/")[0])
            told = there.info(path)
        except FileNotFoundError:
            return ()
        return tuple(str(told.get(key)) for key in ("size", "mtime", "ino", "ETag", "LastModified"))

    @cached_property
    def _there(self) -> tuple[AbstractFileSystem, str]:
        return addresses.resolve(self._address)


def _repeating(schema: pa.Schema) -> list[str] | bool:
    """Return the columns whose values come again: a dictionary of numbers or ids is no gain."""
    texts = (field.name for field in schema if pa.types.is_string(field.type))
    return [name for name in texts if name != "request_id"] or False


def listed(address: str, kind: str, first: str = "", last: str = "~") -> Iterator[Part]:
    """Yield the parts of a kind from a first day to a last one, the oldest first."""
    there, root = addresses.resolve(address)
    for folder in addresses.listed(there, f"{root}/{kind}"):
        day = folder.removeprefix(DAY)
        if not folder.startswith(DAY) or not first <= day <= last:
            continue
        path = f"{root}/{kind}/{folder}"
        there.invalidate_cache(path)
        try:
            found = there.ls(path, detail=True)
        except FileNotFoundError:  # just removed
            continue
        for told in sorted(found, key=lambda each: each["name"]):
            name = told["name"].rpartition("/")[2]
            if name.endswith(".parquet") and not name.startswith("."):
                yield Part(kind, day, name, int(told["size"] or 0))


def path_of(root: str, part: Part) -> str:
    """Return where a part lies below the root of an address."""
    return f"{root}/{part.kind}/{DAY}{part.day}/{part.name}"


def together(tables: list[pa.Table]) -> pa.Table:
    """Return tables one after the other; what one of them lacks is null there.

    A field may have become another type with another model: then the wider one, or text, is it.
    """
    try:
        return pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        kinds: dict[str, pa.DataType] = {}
        for table in tables:
            for field in table.schema:
                same = kinds.setdefault(field.name, field.type) == field.type
                kinds[field.name] = field.type if same else pa.string()
        return pa.concat_tables(
            [
                table.cast(pa.schema({name: kinds[name] for name in table.column_names}))
                for table in tables
            ],
            promote_options="default",
        )


def by_day(table: pa.Table) -> list[tuple[str, pa.Table]]:
    """Return a table's rows by the day of their time, in UTC."""
    days = table["time"].to_numpy().astype("datetime64[D]")
    found = np.unique(days)
    if len(found) == 1:
        return [(str(found[0]), table)]
    return [(str(day), table.filter(pa.array(days == day))) for day in found]
