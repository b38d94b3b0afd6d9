"""A text file's bytes as UTF-8, whatever encoding it is in, as they stream by."""

import codecs
import io
import threading
from typing import IO

from sales.data.reading import dialects

ASCII = bytes(range(128))
AHEAD = 1 << 16  # bytes after the first that is not ASCII, by which an encoding is told


class Recoded(io.RawIOBase):
    """A stream as UTF-8. Without an encoding it is told by the first bytes that are not ASCII.

    Reading raises UnicodeDecodeError where the encoding does not know a byte; what is UTF-8 by
    name goes through as it is, for whoever parses it looks at each byte again.

    It is to be closed before the stream beneath: Arrow, which reads ahead, may still be reading
    after it has found an error, and a file that is opened next may get the closed one's number.
    """

    def __init__(self, stream: IO[bytes], encoding: str | None, first: bytes = b"") -> None:
        self._stream, self._first = stream, first
        self._encoding: str | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready = b""
        self._ended = False
        self._reading = threading.RLock()
        if encoding:
            self._settle(encoding)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return as many bytes as are asked for, fewer only at the end.

        Arrow takes what comes for a block, and a line may not be longer than one.
        """
        with self._reading:
            return b"" if self.closed else self._read(size)

    def close(self) -> None:
        """Read no more, as soon as a read that goes on in another thread has ended."""
        with self._reading:
            super().close()

    def _read(self, size: int) -> bytes:
        parts, left = [self._ready], size - len(self._ready)
        while not self._ended and (left > 0 or size < 0):
            parts.append(self._next(max(left, AHEAD)))
            left -= len(parts[-1])
        found = parts[0] if len(parts) == 1 else b"".join(parts)
        if size < 0:
            size = len(found)
        self._ready = found[size:]
        return found if len(found) == size else found[:size]

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; return how many bytes there were."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _next(self, size: int) -> bytes:
        block = self._block(size)
        self._ended = not block
        if self._encoding is None and not block.isascii():
            block = self._told(block)
        if self._decoder:
            block = self._decoder.decode(block, self._ended).encode("utf-8", "replace")
        return block

    def _block(self, size: int) -> bytes:
        if self._first:
            block, self._first = self._first[:size], self._first[size:]
            return block
        return bytes(self._stream.read(size))

    def _told(self, block: bytes) -> bytes:
        """Return the block with what follows, after the encoding is settled by them."""
        begin = len(block) - len(block.lstrip(ASCII))
        while len(block) - begin < AHEAD and (more := self._block(AHEAD)):
            block += more
        whole = len(block) - begin < AHEAD
        self._settle(dialects.encoding_of(block[begin : begin + AHEAD], whole=whole) or "utf-8")
        return block

    def _settle(self, encoding: str) -> None:
        self._encoding = encoding
        if encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)()

    @property
    def encoding(self) -> str:
        """Which encoding it is in, as far as it was read."""
        return self._encoding or "utf-8"


def unknown(stream: IO[bytes], encoding: str) -> tuple[int, int] | None:
    """Return the line of the first byte that an encoding does not know, and it; None: none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    while True:
        block = bytes(stream.read(dialects.SAMPLE))
        try:
            line += decoder.decode(block, not block).count("\n")
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n"), error.object[error.start]
        if not block:
            return None
