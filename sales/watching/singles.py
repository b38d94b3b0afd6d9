"""Answers to single rows, as they wait to be kept: as JSON, each as it comes.

As Python's own objects, as the request left them, those of many rows would take the thread that
writes longer than all else it does, while who answers waits for it; a few already are cold memory
for each request that comes meanwhile; and when they go, they leave Python's heap in pieces, so that
all answers take longer from then on. JSON is written in one step, and read as a table by Arrow
without Python's lock.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json as pa_json

from sales.serving.answering import Answer, Served

MOST_BYTES = 50_000_000  # that wait: whoever pads his rows is not to fill the memory
AS_LINE = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
# By the role of a field, else a number; a date's JSON has microseconds.
TYPES = {"categorical": pa.string(), "date": pa.timestamp("us")}
NUMBER = pa.float64()
LINE = {
    "request_id": pa.string(),
    "time": pa.int64(),  # nanoseconds since 1970
    "prediction": NUMBER,
    "interval": pa.struct({"low": NUMBER, "high": NUMBER}),
    "outside": pa.bool_(),
    "at": pa.int64(),  # of the bodies' bytes
    "bytes": pa.int64(),
}
LOG = logging.getLogger("bentoml.amazon_sales")


class Bodies(Sequence[bytes]):
    """Stretches of `packed`, one behind the other: each is cut out when it is asked for.

    >>> Bodies(b"{}{ }", np.array([0, 2]), np.array([2, 5]))[:]
    [b'{}', b'{ }']
    """

    def __init__(self, packed: bytes | bytearray, starts: np.ndarray, ends: np.ndarray) -> None:
        self.packed, self._starts, self._ends = packed, starts.tolist(), ends.tolist()

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return bytes(memoryview(self.packed)[self._starts[at] : self._ends[at]])


class Group(NamedTuple):
    """Answers of one model to rows that had the same fields, by column.

    `time` in nanoseconds since 1970; an interval's ends are null where there is none; `outside`
    whether it is so of what training saw; `orders` are the values that were read.
    """

    served: Served
    request_ids: pa.StringArray
    time: np.ndarray
    prediction: pa.DoubleArray
    low: pa.DoubleArray
    high: pa.DoubleArray
    outside: pa.BooleanArray
    orders: dict[str, Any]
    bodies: Bodies

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.time)


class Waiting:
    """Answers of one model that wait: a line of JSON for each in `lines`, and the bodies."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.lines, self.bodies = bytearray(), bytearray()

    @property
    def rows(self) -> int:
        """How many they are."""
        return self.lines.count(b"\n")

    def groups(self, lost: Callable[[int], None]) -> Iterator[Group]:
        """Yield them by the fields that they had; `lost` is told how many cannot be read again."""
        types = self._types()
        try:
            rows = _table(self.lines, types)
        except pa.ArrowInvalid as error:  # a defect of ours: the others are kept
            LOG.error("answered rows cannot be kept: %s", error)
            rows = pa.concat_tables([types.empty_table(), *self._sound(types)])
            lost(self.rows - len(rows))
            if not len(rows):
                return
        orders = _parts(rows["orders"])
        there = {name: np.asarray(column.is_valid()) for name, column in orders.items()}
        for names, which in _alike(there):
            found = rows.take(which)
            interval = _parts(found["interval"])
            start, length = (found[name].to_numpy() for name in ("at", "bytes"))
            yield Group(
                self.served,
                _whole(found["request_id"]),
                found["time"].to_numpy(),
                _whole(found["prediction"]),
                *(interval["low"], interval["high"], _whole(found["outside"])),
                {name: _values(orders[name].take(which).flatten()) for name in names},
                Bodies(self.bodies, start, start + length),
            )

    def _types(self) -> pa.Schema:
        """Return the types of what a line tells."""
        fields, parts = self.served.model.featuriser.fields, self.served.schema.parts
        types = {name: TYPES.get(column.role, NUMBER) for name, column in fields.items()}
        types |= dict.fromkeys(parts, NUMBER)
        orders = {name: pa.list_(one) for name, one in types.items()}
        return pa.schema({**LINE, "orders": pa.struct(orders)})

    def _sound(self, types: pa.Schema) -> Iterator[pa.Table]:
        for line in self.lines.splitlines(keepends=True):
            with contextlib.suppress(pa.ArrowInvalid):
                yield _table(line, types)


class Singles:
    """Those that wait. For the thread that answers and the one that takes them.

    `lost` is told of those that cannot be kept, and why: a defect of ours, which costs no answer.
    """

    def __init__(self, lost: Callable[[int, str], None]) -> None:
        self._lost = lost
        self._rows = self._bytes = 0
        self._waiting: dict[int, Waiting] = {}
        self._last: Waiting | None = None  # of the model that answered last
        self._lock = threading.Lock()

    def add(self, request_id: str, served: Served, answer: Answer, body: bytes, most: int) -> bool:
        """Let an answer wait; False where so many do.

        In one function, and no object stays: what is out of the processor's reach by the time that
        it is needed again costs a request more than a loop of nothing else would show.
        """
        told = answer.told
        with self._lock:
            if self._rows >= most or self._bytes >= MOST_BYTES:
                return False
            waiting = self._last
            if waiting is None or waiting.served is not served:
                waiting = self._last = self._of(served)
            line = {
                "request_id": request_id,
                "time": time.time_ns(),
                "prediction": told[served.answer_key],
                "interval": told.get("prediction_interval"),
                "outside": answer.outside is not None,
                "at": len(waiting.bodies),
                "bytes": len(body),
                "orders": answer.orders,
            }
            try:
                packed = _line(line)
            except orjson.JSONEncodeError as error:
                LOG.error("an answered row cannot be kept: %s", error)
                self._fail(1)
                return True
            waiting.lines += packed
            waiting.bodies += body
            self._rows += 1
            self._bytes += len(packed) + len(body)
        return True

    def take(self) -> list[Group]:
        """Return what waits; nothing does any more."""
        with self._lock:
            found, self._waiting, self._last = [*self._waiting.values()], {}, None
            self._rows = self._bytes = 0
        groups: list[Group] = []
        for waiting in filter(lambda one: one.rows, found):
            try:
                groups += waiting.groups(self._fail)
            except Exception:  # it must not end the thread that writes
                LOG.exception("%d answered rows cannot be kept", waiting.rows)
                self._fail(waiting.rows)
        return groups

    def _fail(self, count: int) -> None:
        self._lost(count, "failed")

    def _of(self, served: Served) -> Waiting:
        if id(served) not in self._waiting:  # it holds its model, so that no other has its id
            self._waiting[id(served)] = Waiting(served)
        return self._waiting[id(served)]


def _line(told: dict[str, Any]) -> bytes:
    """Return what is told of an answer as a line. Raises JSONEncodeError for what is no JSON."""
    try:
        return orjson.dumps(told, option=AS_LINE)
    except orjson.JSONEncodeError:  # of NumPy's, a date that is none, and objects
        orders = told["orders"].items()
        plain = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in orders}
        return orjson.dumps({**told, "orders": plain}, option=AS_LINE)


def _table(lines: bytes | bytearray, types: pa.Schema) -> pa.Table:
    """Return a table of JSON objects by line. Raises ArrowInvalid where one is of other types."""
    return pa_json.read_json(
        pa.BufferReader(lines),
        pa_json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
        pa_json.ParseOptions(explicit_schema=types, unexpected_field_behavior="ignore"),
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _parts(column: pa.ChunkedArray) -> dict[str, pa.Array]:
    """Return the parts of a column of structs, null where it is."""
    whole = _whole(column)
    return dict(zip((field.name for field in whole.type), whole.flatten(), strict=True))


def _alike(there: dict[str, np.ndarray]) -> Iterator[tuple[list[str], pa.Array]]:
    """Yield the names that are there together, and the numbers of the rows where they are.

    >>> there = {"a": np.array([True, False, True]), "b": np.array([True, True, True])}
    >>> [(names, which.to_pylist()) for names, which in _alike(there)]
    [(['a', 'b'], [0, 2]), (['b'], [1])]
    """
    mixed = [has for has in there.values() if has.any() and not has.all()]
    rows = len(next(iter(there.values())))
    codes = np.packbits(mixed, axis=0) if mixed else np.zeros((1, rows), np.uint8)
    _, first, of_row = np.unique(codes, axis=1, return_index=True, return_inverse=True)
    for at in sorted(first):
        which = np.flatnonzero(of_row.ravel() == of_row.ravel()[at])
        yield [name for name, has in there.items() if has[at]], pa.array(which)


def _values(column: pa.Array) -> Any:
    """Return a column as the featuriser takes it: texts as Arrow's, else NumPy's."""
    if pa.types.is_string(column.type):
        return column
    found = column.to_numpy(zero_copy_only=False)
    return found.astype("datetime64[ms]") if found.dtype.kind == "M" else found
