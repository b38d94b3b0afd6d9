"""By what rows can be found again: the contract's id, and its private columns, as far as sent.

No model reads them, so that they are looked for in what came, and only where their names occur.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from sales.contract import cells
from sales.serving.keys import marks, parsed
from sales.serving.keys import text as text
from sales.watching.secret import Secret

PREFIX = "key."  # of their columns
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

    def kept(self, name: str, values: Sequence[Any], secret: Secret | None) -> list[str | None]:
        """Return values of a key as they are kept: text, or its hash where the key is private."""
        texts = [text(value) for value in values]
        if name not in self.private:
            return texts
        return hashed(name, texts, secret)

    def in_json(self, bodies: Sequence[bytes], without: Callable[[str], bool]) -> dict[str, list]:
        """Return the keys of JSON objects, by name: those that any of them has.

        `without` tells of a name that it is kept by another way.
        """
        found: dict[str, list] = {}
        for name in self.names:
            if without(name):
                continue
            own = marks(name)
            having = [any(mark in body for mark in own) for body in bodies]
            if any(having):
                found[name] = [
                    parsed(body).get(name) if has else None
                    for body, has in zip(bodies, having, strict=True)
                ]
        return found

    def in_list(
        self, body: bytes, numbers: np.ndarray, without: Callable[[str], bool]
    ) -> dict[str, list]:
        """Return the keys of some objects of a JSON list, by name, for their numbers from 0."""
        names = [name for name in self.names if not without(name)]
        first = body[:FIRST]
        if not any(mark in first for n in names for mark in marks(n)):
            return {}
        try:
            rows = orjson.loads(body)
        except ValueError:
            return {}
        found = {name: [rows[number].get(name) for number in numbers] for name in names}
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


def hashed(name: str, texts: Sequence[str | None], secret: Secret | None) -> list[str | None]:
    """Return the hash of each text of a private column; nothing without a secret."""
    if secret is None:
        return [None] * len(texts)
    known = {one: secret.hashed(name, one) for one in set(texts) if one is not None}
    return [None if one is None else known[one] for one in texts]
