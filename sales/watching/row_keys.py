"""By what rows can be found again: the contract's id, and its private columns, as far as sent.

No model reads them, so that they are looked for in what came, and only where their names occur.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import orjson
import pyarrow as pa

from sales.contract import cells
from sales.serving.keys import marks, parsed
from sales.serving.keys import text as text
from sales.watching.secret import Secret
from sales.watching.singles import Bodies

T = TypeVar("T")
Rest = Callable[[], None]  # lets other threads have their turn
PREFIX = "key."  # of their columns
PIECE = 500  # rows that are looked through before another thread has its turn
FIRST = 65_536  # bytes of a list in which keys must occur to be looked for in all of it


@dataclass(frozen=True)
class RowKeys:
    """The columns, and which of them are private; `id` is the contract's, where it has one."""

    id: str | None
    private: frozenset[str]

    @classmethod
    def of(cls, picture: Mapping[str, Any]) -> "RowKeys":
        """Return them from what an export tells of its data; an older one tells of none."""
        told = picture.get("keys", {})
        return cls(told.get("id"), frozenset(told.get("private", ())))

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, the id first."""
        return (*((self.id,) if self.id else ()), *sorted(self.private - {self.id}))

    def kept(
        self, name: str, texts: pa.StringArray, secret: Secret | None, rest: Rest = lambda: None
    ) -> pa.StringArray:
        """Return a key's texts as they are kept: their hashes where the key is private."""
        return hashed(name, texts, secret, rest) if name in self.private else texts

    def in_json(
        self, bodies: Bodies, without: Callable[[str], bool], rest: Rest = lambda: None
    ) -> dict[str, list]:
        """Return the keys of JSON objects, by name: those that any of them has.

        `without` tells of a name that it is kept by another way.
        """
        found: dict[str, list] = {}
        for name in self.names:
            own = marks(name)
            if not without(name) and any(mark in bodies.packed for mark in own):
                own_of = (_own(body, name, own) for each in pieces(bodies, rest) for body in each)
                found[name] = [*own_of]
        return found

    def in_list(
        self, body: bytes, numbers: np.ndarray, count: int, without: Callable[[str], bool]
    ) -> dict[str, list]:
        """Return the keys of some of a JSON list's `count` objects, by name; they count from 0."""
        names = [name for name in self.names if not without(name)]
        first = body[:FIRST]
        if not any(mark in first for n in names for mark in marks(n)):
            return {}
        rows = _objects(body, numbers, count)
        found = {name: [row.get(name) for row in rows] for name in names}
        return {
            name: values for name, values in found.items() if any(v is not None for v in values)
        }

    def in_table(
        self, table: pa.Table, numbers: np.ndarray, without: Callable[[str], bool]
    ) -> dict[str, list]:
        """Return the keys of some rows of a file, by name, for their numbers from 0."""
        names = [n for n in self.names if not without(n) and table.column_names.count(n) == 1]
        of = pa.array(numbers)
        return {n: [cells.shown(cell) for cell in table[n].take(of)] for n in names}


def texts(values: Sequence[Any], rest: Rest = lambda: None) -> pa.StringArray:
    """Return values of a key as text."""
    return pa.array([text(one) for piece in pieces(values, rest) for one in piece], pa.string())


def hashed(
    name: str, texts: pa.StringArray, secret: Secret | None, rest: Rest = lambda: None
) -> pa.StringArray:
    """Return the hash of each text of a private column; nothing without a secret."""
    if secret is None:
        return pa.nulls(len(texts), pa.string())
    known: dict[str | None, str | None] = {None: None}
    every = texts.to_pylist()
    for piece in pieces(every, rest):
        known |= {
            one: secret.hashed(name, one) for one in {*piece} - known.keys() if one is not None
        }
    return pa.array([known[one] for one in every], pa.string())


def pieces(values: Sequence[T], rest: Rest) -> Iterator[Sequence[T]]:
    """Yield a few values after the others, and rest before each."""
    for start in range(0, len(values), PIECE):
        rest()
        yield values[start : start + PIECE]


def _objects(body: bytes, numbers: np.ndarray, count: int) -> list[dict[str, Any]]:
    """Return some of the objects in a JSON list of `count`.

    Where there are no more braces than objects, none stands in another one nor in a text: each is
    found without reading the others.
    """
    starts = np.flatnonzero(np.frombuffer(body, np.uint8) == ord("{"))
    if len(starts) == count:
        ends = np.append(starts[1:], len(body))
        places = zip(starts[numbers].tolist(), ends[numbers].tolist(), strict=True)
        return [parsed(body[start : body.rindex(b"}", start, end) + 1]) for start, end in places]
    try:
        rows = orjson.loads(body)
    except ValueError:  # NaN, say, which pydantic reads
        return [{} for _ in numbers]
    return [rows[number] for number in numbers]


def _own(body: bytes, name: str, own: set[bytes]) -> Any:
    return parsed(body).get(name) if any(mark in body for mark in own) else None
