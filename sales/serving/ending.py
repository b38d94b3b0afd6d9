"""How a server ends whose models cannot be loaded: one line, exit code 1, no worker started again.

BentoML starts a worker that fails anew, for ever. The worker therefore asks its parent to end.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TypeVar

import psutil

from sales.errors import PipelineError
from sales.serving.following import LOG, RETRY_SECONDS, Promoted

ASKED = signal.SIGUSR1
Result = TypeVar("Result")


def let_workers_ask() -> None:
    """End this process, the parent of the workers, with exit code 1 as soon as one asks for it."""
    signal.signal(ASKED, _end)


def told(begin: Callable[[], Result]) -> Result:
    """Return what `begin` does; where that fails, end this process with a line and exit code 1."""
    try:
        return begin()
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


def start_or_ask(promoted: Promoted, *, first: bool) -> None:
    """Load the models; where that fails, ask the parent to end, as nothing could answer.

    A worker that is started again while others answer tries until it can. So do all but the
    `first`, which tells what is wrong for all of them.
    """
    while True:
        try:
            promoted.start()
        except Exception as error:  # whatever it is, the next start would meet it again
            why = " ".join(f"{error}".split()) or type(error).__name__
            if first and not promoted.active.has_answered:
                sys.stderr.write(f"error: {why}\n")
                sys.stderr.flush()
                os.kill(os.getppid(), ASKED)
                time.sleep(RETRY_SECONDS)
                os._exit(1)  # nobody heard
            if first or promoted.active.has_answered:
                LOG.error("this worker cannot load the promoted models: %s", why)
            time.sleep(RETRY_SECONDS)
        else:
            return


def _end(_: int, __: FrameType | None) -> NoReturn:
    for worker in psutil.Process().children():
        worker.kill()
    sys.exit(1)
