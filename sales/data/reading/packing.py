"""Files that come packed: gzip, bzip2, xz, Zstandard, or a zip with one file in it, as a stream.

Nothing is unpacked at once, so that a file may be larger than memory. Whoever takes files from
strangers sets a limit to what they may unpack to (`whole`).
"""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any

import pyarrow as pa

from sales.errors import PipelineError

MAGIC = {
    ".gz": b"\x1f\x8b",
    ".bz2": b"BZh",
    ".xz": b"\xfd7zXZ\x00",
    ".zst": b"\x28\xb5\x2f\xfd",
    ".zip": b"PK\x03\x04",
}
ARROWS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
CHUNK = 1 << 20
BROKEN = (
    *(OSError, EOFError, ValueError, RuntimeError),  # zipfile's, of what it does not know
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)


class TooLargeError(Exception):
    """A file unpacks to more than is allowed."""


class Budget:
    """How many bytes may still be taken; None: as many as there are."""

    def __init__(self, most: int | None) -> None:
        self._left = most

    def take(self, size: int) -> None:
        """Take some. Raises TooLargeError where they are not left."""
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise TooLargeError


def of(name: str) -> str | None:
    """Return in what a file of this name is packed; None: in nothing.

    >>> of("orders.CSV.gz"), of("orders.csv")
    ('.gz', None)
    """
    ending = PurePosixPath(name.lower()).suffix
    return ending if ending in MAGIC else None


def of_bytes(start: bytes) -> str | None:
    """Return in what a file is packed that begins so. A workbook, which is a zip, counts as one."""
    return next((kind for kind, magic in MAGIC.items() if start.startswith(magic)), None)


@contextmanager
def unpacked(file: pa.NativeFile, kind: str | None, name: str) -> Iterator[IO[bytes]]:
    """Yield a stream of what a file holds, which is opened for random access if it is a zip.

    Raises PipelineError, naming the file, for a zip of anything but one file; whatever is broken
    shows as it is read (`BROKEN`).
    """
    if kind is None:
        yield file
    elif kind == ".xz":
        with lzma.LZMAFile(file) as stream:
            yield stream
    elif kind == ".zip":
        with zipfile.ZipFile(file) as archive, archive.open(only(archive, name)) as member:
            yield member
    else:
        with pa.CompressedInputStream(file, ARROWS[kind]) as stream:
            yield stream


def only(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Return the one file that a zip holds. Raises PipelineError for none, several or a secret."""
    found = [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and not PurePosixPath(info.filename).name.startswith(".")
    ]
    if len(found) != 1:
        names = ", ".join(info.filename for info in found[:3])
        what = f"{len(found)} files ({names}…)" if found else "no file"
        raise PipelineError(
            f"{name}: the zip holds {what}, not one: unpack it, and take what counts"
        )
    if found[0].flag_bits & 1:
        raise PipelineError(f"{name}: the zip is locked by a password")
    return found[0]


def member(file: Any, name: str) -> str:
    """Return the name of the one file that a zip holds. Raises PipelineError."""
    try:
        with zipfile.ZipFile(file) as archive:
            return only(archive, name).filename
    except BROKEN:
        raise PipelineError(f"{name}: cannot be read: not a zip, or cut short") from None


def whole(body: bytes, kind: str, most: int, name: str) -> bytes:
    """Return what a packed file holds, within `most` bytes.

    Raises TooLargeError as soon as there is more, and PipelineError for what is broken.
    """
    parts: list[bytes] = []
    budget = Budget(most)
    try:
        with unpacked(pa.BufferReader(body), kind, name) as stream:
            while part := bytes(stream.read(CHUNK)):
                budget.take(len(part))
                parts.append(part)
    except BROKEN as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(f"{name}: broken, or cut short: {reason}") from None
    return b"".join(parts)
