"""What is made once for a whole run of the tests, by whichever of its processes needs it first.

The processes that share the suite have a folder in common. What is made there lies in the place it
was made for, as a project knows where it lies; whoever changes it takes a copy.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = "TESTS_ONCE"  # variable: where that is, for a process that a test starts
_common: list[Path] = []


def within(factory: pytest.TempPathFactory) -> None:
    """Let this process, and those that it starts, know the folder of the run."""
    base = factory.getbasetemp()
    common = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"
    common.mkdir(exist_ok=True)
    os.environ[FOLDER] = str(common)
    join()


def join() -> None:
    """Let a process that a test has started share what is made there; it does not by itself."""
    _common[:] = [Path(os.environ[FOLDER])] if FOLDER in os.environ else []


def is_shared() -> bool:
    """Return whether this process shares what is made."""
    return bool(_common)


def made(name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of that name, which `make` fills if nobody has done so.

    Who comes meanwhile waits. Where `make` raises, the next one makes it anew.
    """
    [common] = _common
    folder, done = common / name, common / f"{name}.made"
    with (common / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
