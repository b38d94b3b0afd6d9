"""The registry's lock: who changes the standing, one process at a time."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sales.errors import PipelineError

LOCK_SECONDS = 120.0
IN_USE = "the registry in {folder} is in use by {holder}"


@contextmanager
def locked(folder: Path, seconds: float = LOCK_SECONDS, in_use: str = IN_USE) -> Iterator[int]:
    """Hold the registry's lock, and yield its file.

    Raises PipelineError, naming the holder, when it stays taken.

    `in_use` is how that is said, where something else is locked. The operating system frees it when
    the process ends, however it ends, and with it all to which it has handed the file.

    >>> with locked(Path("state")) as held:
    ...     Path("state", ".lock").is_file(), held > 0
    (True, True)
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as lock:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.seek(0)
                    holder = lock.read().strip() or "an unknown process"
                    said = in_use.format(folder=folder, holder=holder)
                    raise PipelineError(f"{said}; try again when it is done") from None
                time.sleep(0.1)
        lock.truncate(0)
        since = time.strftime("%H:%M:%S")
        lock.write(f"process {os.getpid()} ({Path(sys.argv[0]).stem or 'python'}) since {since}")
        lock.flush()
        yield lock.fileno()
