"""Addresses: whatever fsspec knows, a path, `s3://bucket/orders/`, `gs://...`.

Credentials, and the package that a kind of address needs (s3fs, gcsfs), are fsspec's business.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

import pyarrow.fs
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from sales.errors import PipelineError

UNFINISHED = ".part"  # how a file ends that is being written


def resolve(address: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of an address, and the path there, without a slash at its end.

    Raises PipelineError for a kind that is not known, or needs a package that is not installed.

    >>> filesystem, path = resolve("memory://bucket/orders/")
    >>> filesystem.protocol, path
    ('memory', '/bucket/orders')
    """
    try:
        filesystem, path = url_to_fs(address)
    except ImportError as error:
        package = getattr(error.__cause__, "name", None)
        advice = f": .venv/bin/uv pip install {package}" if package else ""
        raise PipelineError(f"{address}: {error}{advice}") from None
    except (OSError, ValueError) as error:
        raise PipelineError(f"{address}: cannot be opened: {_line(error)}") from None
    return filesystem, path.rstrip("/") or path


def absolute(address: str) -> str:
    """Return the address so that it means the same in another folder of this machine."""
    filesystem, path = resolve(address)
    return path if isinstance(filesystem, LocalFileSystem) else address


def arrow(filesystem: AbstractFileSystem) -> pyarrow.fs.FileSystem:
    """Return the file system as Arrow reads from it: this machine's without a detour."""
    if isinstance(filesystem, LocalFileSystem):
        return pyarrow.fs.LocalFileSystem()
    return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(filesystem))


@contextmanager
def replacing(filesystem: AbstractFileSystem, path: str) -> Iterator[IO[bytes]]:
    """Yield a file beside `path` to write to; it takes the place of `path` when the block succeeds.

    If the block raises, `path` is untouched; if the process dies, the file beside it stays, for
    `sweep`.
    """
    folder, _, name = path.rpartition("/")
    filesystem.makedirs(folder, exist_ok=True)
    beside = f"{folder}/.{name}.{secrets.token_hex(4)}{UNFINISHED}"
    try:
        with filesystem.open(beside, "wb") as file:
            yield file
        filesystem.mv(beside, path)
    except BaseException:
        with suppress(Exception):  # what went wrong first is what counts
            filesystem.rm(beside)
        raise


def listed(filesystem: AbstractFileSystem, folder: str) -> list[str]:
    """Return the names in a folder, in order; none where there is no folder."""
    filesystem.invalidate_cache(folder)  # others write there too
    try:
        return sorted(path.rpartition("/")[2] for path in filesystem.ls(folder, detail=False))
    except FileNotFoundError:
        return []


def sweep(filesystem: AbstractFileSystem, folder: str) -> None:
    """Remove the files of a folder that a process left unfinished when it died."""
    for name in listed(filesystem, folder):
        if name.startswith(".") and name.endswith(UNFINISHED):
            filesystem.rm(f"{folder}/{name}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
