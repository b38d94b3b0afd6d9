"""All that is kept of one id, a person's or a row's, taken out of answered rows and truths.

A part is written again without its rows. Workers that answer meanwhile see that it is another one,
and do not write it from memory; what they had not yet brought to disk comes within SERVED_SECONDS,
so that one looks again until nothing is found.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from sales.data import addresses
from sales.watching import joined, parts, row_keys
from sales.watching.parts import ROWS, TRUTHS, Part
from sales.watching.rows import FIELD
from sales.watching.secret import Secret

MOST_LOOKS = 100


@dataclass(frozen=True)
class Erased:
    """How many rows and truths were taken out."""

    rows: int
    truths: int


def erase(address: str, wanted: str, secret: Secret | None, pause: Callable[[], object]) -> Erased:
    """Take out each row that has an id among its ids and keys, and the truths of these rows.

    The id is looked for as it is, and as the hash of private columns. `pause` waits until what was
    answered before is on disk; it is called before each look but the first. Raises OSError as the
    file system does: then what was not yet taken out is there still, and one begins again.
    """
    rows = truths = 0
    gone: dict[str, set[str]] = {}  # the ids by which truths may know the rows that were taken out
    for look in range(MOST_LOOKS):
        if look:
            pause()
        found = 0
        for part in parts.listed(address, ROWS):
            table = joined.read(address, part)
            if table is None:
                continue
            theirs = _has_key(table, wanted, secret)
            out = theirs | _has_request(table, {wanted})
            if out.any():
                _note(gone, table, theirs, out)
                _without(address, part, table, out)
                found += int(out.sum())
        rows += found
        for part in parts.listed(address, TRUTHS):
            table = joined.read(address, part)
            if table is None:
                continue
            out = _has_key(table, wanted, secret) | _has_request(table, {wanted})
            for name, known in gone.items():
                out |= _among(table, name, known)
            if out.any():
                _without(address, part, table, out)
                truths += int(out.sum())
                found += int(out.sum())
        if look and not found:
            break
    return Erased(rows, truths)


def _note(gone: dict[str, set[str]], table: pa.Table, theirs: np.ndarray, out: np.ndarray) -> None:
    """Note by what truths know the rows that go: the request's id, and the keys of a person's.

    Where one request was asked for, others with the same key keep the truth that came by it.
    """
    for name in table.column_names:
        rows = theirs if name.startswith(row_keys.PREFIX) else out
        if name == "request_id" or name.startswith(row_keys.PREFIX):
            found = table[name].filter(pa.array(rows)).drop_null().to_pylist()
            gone.setdefault(name, set()).update(found)


def _has_request(table: pa.Table, wanted: set[str]) -> np.ndarray:
    return _among(table, "request_id", wanted)


def _has_key(table: pa.Table, wanted: str, secret: Secret | None) -> np.ndarray:
    """Return which rows have a value among their keys and private fields."""
    found = np.zeros(table.num_rows, bool)
    for name in table.column_names:
        for prefix in (row_keys.PREFIX, FIELD):
            if name.startswith(prefix):
                told = {wanted} if prefix == row_keys.PREFIX else set[str]()
                if secret:
                    told.add(secret.hashed(name.removeprefix(prefix), wanted))
                found |= _among(table, name, told)
    return found


def _among(table: pa.Table, name: str, values: set[str]) -> np.ndarray:
    if name not in table.column_names or not pa.types.is_string(table[name].type):
        return np.zeros(table.num_rows, bool)
    return pc.is_in(table[name], pa.array(sorted(values), pa.string())).to_numpy()


def _without(address: str, part: Part, table: pa.Table, out: np.ndarray) -> None:
    """Write a part again without some rows; one that has no others goes."""
    there, root = addresses.resolve(address)
    path = parts.path_of(root, part)
    if out.all():
        there.rm(path)
        return
    with addresses.replacing(there, path) as file:
        pa.parquet.write_table(table.filter(pa.array(~out)), file, **parts.HOW)
