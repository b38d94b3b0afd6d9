"""Answers to single rows, as they wait to be kept: packed by column, a few of them at a time.

Until then they are Python's own objects, as the request left them. Not for long: those of many rows
take the thread that writes longer than all else it does, while who answers waits for it; and when
they go, they leave Python's heap in pieces, so that all answers take longer from then on.
"""

import logging
import struct
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from sales.serving.answering import Answer, Served

FEW = 64  # answers that are packed at once
MOST_BYTES = 50_000_000  # of the bodies that wait: whoever pads his rows is not to fill the memory
FIRST = itemgetter(0)
NAN = float("nan")
NUMBER, TEXT, INSTANT, FLAG = "d", "i", "q", "b"  # as array and struct call how each is kept
# What is told of an answer; `time` in nanoseconds since 1970, an interval's ends NaN without one.
TOLD = {"time": INSTANT, "prediction": NUMBER, "low": NUMBER, "high": NUMBER, "outside": FLAG}
TYPES = {"categorical": TEXT, "date": INSTANT}  # of a field's role, where it is no number
LOG = logging.getLogger("bentoml.amazon_sales")

# The id and the body of a request, what is told of it as in TOLD, and the values that were read.
One = tuple[str, bytes, tuple[Any, ...], tuple[Any, ...]]


class Texts(dict[Any, int]):
    """Which of `levels` each of a field's texts is, in the order in which they first came.

    >>> texts = Texts()
    >>> [texts[text] for text in ("Austin", None, "Boston", "Austin")], texts.levels
    ([1, 0, 2, 1], [None, 'Austin', 'Boston'])
    """

    def __init__(self) -> None:
        super().__init__({None: 0})
        self.levels: list[Any] = [None]

    def __missing__(self, text: Any) -> int:
        self.levels.append(text)
        return self.setdefault(text, len(self.levels) - 1)


class Stretches(Sequence[bytes]):
    """Stretches of bytes, all of them in `packed`: each is cut out when it is asked for.

    >>> found = Stretches()
    >>> found.extend([b"{}", b"{ }"])
    >>> found[:], bytes(found.packed), found.ends
    ([b'{}', b'{ }'], b'{}{ }', array('i', [0, 2, 5]))
    """

    def __init__(self) -> None:
        self.packed, self.ends = bytearray(), array("i", [0])

    def extend(self, more: Sequence[bytes]) -> None:
        """Add some behind the others."""
        ends = accumulate(map(len, more), initial=len(self.packed))
        self.ends.extend([*ends][1:])
        self.packed += b"".join(more)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        return bytes(memoryview(self.packed)[self.ends[at] : self.ends[at + 1]])


class Group:
    """Answers of one model to rows that had the same fields, `names` in their order."""

    def __init__(self, served: Served, names: tuple[str, ...]) -> None:
        self.served, self.names = served, names
        fields = served.model.featuriser.fields  # what is none of them is a part of a date
        roles = [fields[name].role if name in fields else "" for name in names]
        self._told = {name: array(kind) for name, kind in TOLD.items()}
        self._read = {
            name: array(TYPES.get(role, NUMBER)) for name, role in zip(names, roles, strict=True)
        }
        self._texts = {n: Texts() for n, column in self._read.items() if column.typecode == TEXT}
        self._ids, self.bodies = Stretches(), Stretches()

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.bodies)

    def extend(self, some: Sequence[One]) -> None:
        """Pack answers. Raises struct.error for what is no number in its place: then none is."""
        ids, bodies, told, read = zip(*some, strict=True)
        names = [*self._told, *self._read]
        came = [*zip(*told, strict=True), *zip(*read, strict=True)]
        columns = [*self._told.values(), *self._read.values()]
        packed = [
            struct.pack(f"={len(some)}{column.typecode}", *self._plain(name, values))
            for name, column, values in zip(names, columns, came, strict=True)
        ]
        own = [one.encode() for one in ids]
        for column, more in zip(columns, packed, strict=True):
            column.frombytes(more)
        self._ids.extend(own)
        self.bodies.extend(bodies)

    def _plain(self, name: str, values: Sequence[Any]) -> Any:
        """Return what struct takes of what is told, or of what was read."""
        if name in self._texts:
            return map(self._texts[name].__getitem__, values)
        if name in self._read and self._read[name].typecode == INSTANT:
            return np.array(values, "datetime64[ms]").astype(np.int64).tolist()
        return values

    def told(self, name: str) -> np.ndarray:
        """Return one of TOLD of every answer."""
        return np.frombuffer(self._told[name], self._told[name].typecode)

    def request_ids(self) -> pa.StringArray:
        """Return each answer's id."""
        buffers = pa.py_buffer(self._ids.ends), pa.py_buffer(self._ids.packed)
        return pa.StringArray.from_buffers(self.rows, *buffers)

    def orders(self) -> dict[str, Any]:
        """Return what was read, by column."""
        read: dict[str, Any] = {}
        for name, values in self._read.items():
            if name in self._texts:
                levels = pa.array(self._texts[name].levels, from_pandas=True).cast(pa.string())
                which = None, pa.py_buffer(values)
                read[name] = levels.take(pa.Array.from_buffers(pa.int32(), self.rows, which))
            else:
                kind = "datetime64[ms]" if values.typecode == INSTANT else values.typecode
                read[name] = np.frombuffer(values, kind)
        return read


class Singles:
    """Those that wait. For the thread that answers and the one that takes them.

    `lost` is told of those that cannot be kept, and why: a defect of ours, which costs no answer.
    """

    def __init__(self, lost: Callable[[int, str], None]) -> None:
        self._lost = lost
        self._rows = self._bytes = 0
        self._fresh: list[tuple[Served, tuple[str, ...], One]] = []
        self._groups: dict[tuple[int, tuple[str, ...]], Group] = {}
        self._lock = threading.Lock()

    def add(self, request_id: str, served: Served, answer: Answer, body: bytes, most: int) -> bool:
        """Let an answer wait; False where so many do."""
        told = answer.told
        bounds = told.get("prediction_interval")
        low, high = (bounds["low"], bounds["high"]) if bounds else (NAN, NAN)
        said = time.time_ns(), told[served.answer_key], low, high, answer.outside is not None
        names, row = tuple(answer.orders), tuple(map(FIRST, answer.orders.values()))
        with self._lock:
            if self._rows >= most or self._bytes >= MOST_BYTES:
                return False
            self._rows += 1
            self._bytes += len(body)
            self._fresh.append((served, names, (request_id, body, said, row)))
            if len(self._fresh) >= FEW:
                self._pack()
        return True

    def take(self) -> list[Group]:
        """Return what waits; nothing does any more."""
        with self._lock:
            self._pack()
            found, self._groups = [*self._groups.values()], {}
            self._rows = self._bytes = 0
        return found

    def _pack(self) -> None:
        fresh, self._fresh = self._fresh, []
        alike: dict[tuple[int, tuple[str, ...]], list[One]] = {}
        for served, names, one in fresh:
            key = id(served), names  # a group holds its model, so that no other has its id
            if key not in self._groups:
                self._groups[key] = Group(served, names)
            alike.setdefault(key, []).append(one)
        for key, some in alike.items():
            try:
                self._groups[key].extend(some)
            except Exception:
                LOG.exception("%d answered rows cannot be kept", len(some))
                self._rows -= len(some)
                self._lost(len(some), "failed")
