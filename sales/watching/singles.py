"""Answers to single rows, as they wait to be kept: packed, as each request leaves some.

Each is some hundred bytes behind the last one's, and not a score of Python's objects: those of many
rows, when they go, leave Python's heap in pieces, and a list of rows takes longer to answer from
then on. So they are unpacked `MOST` at a time as well, and those are gone before the next.
"""

import marshal
import threading
import time
from array import array
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np

from sales.serving.answering import Answer, Served

FIRST = itemgetter(0)
EXACT = frozenset((int, float, str, bool, bytes, type(None)))  # what marshal knows
# What stands before the fields: `time` in nanoseconds since 1970, `body` the JSON that came.
TOLD = ("time", "request_id", "prediction", "low", "high", "outside", "body")
MOST = 1_000  # rows of a group: so many are unpacked at once, a megabyte of objects
PLAIN = 2  # marshal's format without references between objects: half the time


@dataclass
class Group:
    """Answers of one model to rows that had the same fields, `names` in their order.

    `dates` are those fields that hold instants, `ends` where each answer ends among the packed.
    """

    served: Served
    names: tuple[str, ...]
    packed: bytearray = field(default_factory=bytearray)
    ends: "array[int]" = field(default_factory=lambda: array("L"))
    dates: set[str] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.ends)

    def add(self, told: tuple[Any, ...], orders: dict[str, Any]) -> None:
        """Pack an answer; `told` as in TOLD, `orders` the columns of one row that it is to."""
        row = (*told, *map(FIRST, orders.values()))
        if not EXACT.issuperset(map(type, row)):
            row = (*told, *(self._exact(name, column[0]) for name, column in orders.items()))
        self.packed += marshal.dumps(row, PLAIN)
        self.ends.append(len(self.packed))

    def _exact(self, name: str, value: Any) -> Any:
        """Return what marshal brings back: of what is NumPy's it would take the bytes."""
        if isinstance(value, np.datetime64):
            self.dates.add(name)
            return int(value.astype("datetime64[ms]").astype(np.int64))
        return value.item() if isinstance(value, np.generic) else value

    def told(self, name: str) -> list[Any]:
        """Return one of TOLD of every answer."""
        return self._columns[TOLD.index(name)]

    def orders(self) -> dict[str, Any]:
        """Return what was read, by column: lists, of instants arrays."""
        read = dict(zip(self.names, self._columns[len(TOLD) :], strict=True))
        return {
            name: np.array(values, "datetime64[ms]") if name in self.dates else values
            for name, values in read.items()
        }

    @cached_property
    def _columns(self) -> list[list[Any]]:
        packed, begins = memoryview(self.packed), [0, *self.ends]
        own = (marshal.loads(packed[a:b]) for a, b in pairwise(begins))  # noqa: S302
        return [[*column] for column in zip(*own, strict=True)]


class Singles:
    """Those that wait. For the thread that answers and the one that takes them."""

    def __init__(self) -> None:
        self._rows = 0
        self._groups: dict[tuple[int, tuple[str, ...]], Group] = {}
        self._full: list[Group] = []
        self._lock = threading.Lock()

    def add(self, request_id: str, served: Served, answer: Answer, body: bytes, most: int) -> bool:
        """Let an answer wait; False where so many do."""
        told, orders = answer.told, answer.orders
        bounds = told.get("prediction_interval")
        low, high = (bounds["low"], bounds["high"]) if bounds else (None, None)
        outside, prediction = answer.outside is not None, told[served.answer_key]
        key = id(served), tuple(orders)  # a group holds its model, so that no other has its id
        with self._lock:
            if self._rows >= most:
                return False
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = Group(served, key[1])
            group.add(
                (time.time_ns(), request_id, prediction, low, high, outside, bytes(body)), orders
            )
            self._rows += 1
            if group.rows == MOST:
                self._full.append(self._groups.pop(key))
        return True

    def take(self) -> list[Group]:
        """Return what waits; nothing does any more."""
        with self._lock:
            found = [*self._full, *self._groups.values()]
            self._groups, self._full, self._rows = {}, [], 0
        return found
