"""What the workers of a server share on disk: a folder of the server's own, gone when it is.

Its files are mapped into memory. A mapped page that the disk has no room for ends the process
(SIGBUS) when it is touched, so that the room is taken when a file is made.
"""

import contextlib
import os
import platform
import shutil
from pathlib import Path

import psutil


def folder_of_server(state: Path, server: psutil.Process | None = None) -> Path:
    """Return the folder of a server: without a process, this one's, a worker's, whose parent it is.

    The server's start time tells it from an earlier process of the same number.
    """
    own = psutil.Process()
    server = server or own.parent() or own
    return state / f"{platform.node()}.{server.pid}.{_start(server)}"


def reserve(path: Path, size: int) -> None:
    """Make a file of zeros for which there is room on the disk; keep one that is there.

    Raises OSError where there is no room, and leaves no file then. Others may do it meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.posix_fallocate(file, 0, size)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(file)


def sweep(state: Path) -> None:
    """Remove the folders of this machine's servers that are no more, as far as one may."""
    for left in state.glob(f"{platform.node()}.*.*"):
        number, _, start = left.name.removeprefix(f"{platform.node()}.").partition(".")
        if number.isdigit() and start.isdigit() and not _runs(int(number), start):
            shutil.rmtree(left, ignore_errors=True)


def _runs(number: int, start: str) -> bool:
    try:
        return str(_start(psutil.Process(number))) == start
    except psutil.NoSuchProcess:
        return False


def _start(process: psutil.Process) -> int:
    return round(process.create_time() * 1000)
