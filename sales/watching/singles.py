"""Answers to single rows, as they wait to be kept: flat, as each request leaves some.

Those of one model with one set of fields stand in a single list, value after value. So a request
leaves nothing behind that Python's collector would have to look after, and a column is a slice.
"""

import threading
import time
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sales.serving.answering import Answer, Served

FIRST = itemgetter(0)
# What stands before the fields: `time` in nanoseconds since 1970, `body` the JSON that came.
TOLD = ("time", "request_id", "prediction", "low", "high", "outside", "body")


@dataclass
class Group:
    """Answers of one model to rows that had the same fields, `names` in their order."""

    served: Served
    names: tuple[str, ...]
    values: list[Any] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.values) // self._width

    @property
    def _width(self) -> int:
        return len(TOLD) + len(self.names)

    def told(self, name: str) -> list[Any]:
        """Return one of TOLD of every answer."""
        return self.values[TOLD.index(name) :: self._width]

    def orders(self) -> dict[str, list[Any]]:
        """Return what was read, by column."""
        return {
            name: self.values[at :: self._width] for at, name in enumerate(self.names, len(TOLD))
        }


class Singles:
    """Those that wait. For the thread that answers and the one that takes them."""

    def __init__(self) -> None:
        self._rows = 0
        self._groups: dict[tuple[int, tuple[str, ...]], Group] = {}
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
            group.values += (
                *(time.time_ns(), request_id, prediction, low, high, outside, body),
                *map(FIRST, orders.values()),
            )
            self._rows += 1
        return True

    def take(self) -> list[Group]:
        """Return what waits; nothing does any more."""
        with self._lock:
            found, self._groups, self._rows = [*self._groups.values()], {}, 0
        return found
