"""Feather, which is Arrow's own form on disk: read batch by batch, or measured before it is.

Its messages are read one after another, not by the index at its end: what was measured is then what
is read.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sales.errors import PipelineError

BEGINS, ENDS = b"ARROW1\0\0", b"ARROW1"
DICTIONARY, BATCH = 2, 3  # kinds of a message's header, in Arrow's Message.fbs
AS_IT_IS = -1  # stands for the length of a buffer that is not compressed after all


class Size(NamedTuple):
    """How many rows a file has, and no less than the bytes that they take unpacked."""

    rows: int
    bytes: int


def batches(file: pa.NativeFile, name: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows, at most so many at once. Raises PipelineError for a file that is broken."""
    size = file.size()
    file.seek(max(0, size - len(ENDS)))
    if file.read() != ENDS:
        raise PipelineError(f"{name}: not a Feather file, or cut short")
    file.seek(len(BEGINS))
    try:
        with pa.ipc.open_stream(file) as reader:
            for batch in reader:
                batch.validate(full=True)  # Arrow takes offsets on trust
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows)
    except pa.ArrowInvalid as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(f"{name}: not a Feather file, or broken: {reason}") from None


def measured(body: bytes, most: float, name: str) -> Size:
    """Return the size of a Feather file before it is unpacked; the bytes only up to `most`.

    Each buffer that is compressed says how long it will be. What texts come to that stand once in a
    dictionary, for many rows, is counted after all else is known to fit. Raises PipelineError, by
    the file's name, for what is broken.
    """
    try:
        return _measured(pa.py_buffer(memoryview(body)[len(BEGINS) :]), most)
    except MemoryError:
        raise
    except (struct.error, pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(f"{name}: not a Feather file, or broken: {reason}") from None


def _measured(body: pa.Buffer, most: float) -> Size:
    rows = total = 0
    for message in pa.ipc.MessageReader.open_stream(body):
        own = _message(bytes(message.metadata), message.body)
        rows, total = rows + own.rows, total + own.bytes
    if total > most:
        return Size(rows, total)
    with pa.ipc.open_stream(body) as reader:
        for batch in reader:
            batch.validate(full=True)
            total += sum(_repeated(column) for column in batch.columns)
            if total > most:
                break
    return Size(rows, total)


def _repeated(column: pa.Array) -> int:
    """Return how long a column's texts are that are held once for many rows."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(column) if _is_text(kind.value_type) else 8 * len(column)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        lengths = np.frombuffer(column.buffers()[1] or b"", np.int32)[::4]  # each view begins so
        lengths = lengths[column.offset : column.offset + len(column)]
        return int(
            lengths.sum(where=column.is_valid().to_numpy(zero_copy_only=False), dtype=np.int64)
        )
    return 0


def _of_dictionary(column: pa.DictionaryArray) -> int:
    lengths = pc.binary_length(column.dictionary)
    return pc.sum(lengths.take(column.indices)).as_py() or 0


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            *(pa.types.is_string, pa.types.is_large_string),
            *(pa.types.is_binary, pa.types.is_large_binary),
        )
    )


def _message(header: bytes, body: pa.Buffer | None) -> Size:
    """Return what a message holds: rows of a batch, and bytes of all its buffers unpacked."""
    table = _Table(header, _Table.root(header))
    kind = table.number(1, "B")
    inner = table.table(2)
    if kind == DICTIONARY and inner:
        inner = inner.table(1)
    if kind not in (DICTIONARY, BATCH) or not inner:
        return Size(0, 0)
    packed = inner.table(3) is not None
    total = 0
    for start, length in inner.pairs(2):
        if packed and length >= 8:
            [told] = struct.unpack_from("<q", body or b"", start)
            length = length - 8 if told == AS_IT_IS else told
        if length < 0:
            raise struct.error
        total += length
    return Size(inner.number(0, "q") if kind == BATCH else 0, total)


class _Table:
    """A table of a FlatBuffer: fields by number, those that are not written None or 0."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - struct.unpack_from("<i", data, at)[0]

    @staticmethod
    def root(data: bytes) -> int:
        return struct.unpack_from("<I", data, 0)[0]

    def _place(self, field: int) -> int:
        """Return where a field is; 0: nowhere."""
        if self._fields < 0 or self._at < 0:
            raise struct.error
        [size] = struct.unpack_from("<H", self._data, self._fields)
        where = 4 + 2 * field
        if where + 2 > size:
            return 0
        [offset] = struct.unpack_from("<H", self._data, self._fields + where)
        return self._at + offset if offset else 0

    def number(self, field: int, form: str) -> int:
        at = self._place(field)
        return struct.unpack_from(f"<{form}", self._data, at)[0] if at else 0

    def table(self, field: int) -> "_Table | None":
        at = self._place(field)
        return _Table(self._data, at + struct.unpack_from("<I", self._data, at)[0]) if at else None

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """Return a vector of pairs of whole numbers."""
        at = self._place(field)
        if not at:
            return []
        begin = at + struct.unpack_from("<I", self._data, at)[0]
        [count] = struct.unpack_from("<I", self._data, begin)
        return [struct.unpack_from("<qq", self._data, begin + 4 + 16 * n) for n in range(count)]
