"""Memory that a large answer took goes back to the machine: allocators would keep it for later."""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa

from sales.serving.request import RequestError

Result = TypeVar("Result")
SECONDS = 2.0  # without another large answer: such ones use it again, as fresh pages cost time
LONGEST = 30.0  # seconds that they may put it off


class Lightening:
    """Gives memory back soon after it was last called, in a thread of its own."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0  # when it is to be done whatever comes, in the loop's time

    def __call__(self) -> None:
        """Plan it, or put it off."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer:
            self._timer.cancel()
        else:
            self._last = now + LONGEST
        self._timer = loop.call_at(min(now + SECONDS, self._last), self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        loop.run_in_executor(None, give_back)


def released(work: Callable[..., Result], *given: Any) -> Result:
    """Return what `work` does, and give back what Arrow's pool keeps of it.

    The pool keeps memory by thread, so that this is to be called in the thread that works. A
    refusal comes without its traceback, whose frames would hold on to the tables.
    """
    try:
        return work(*given)
    except RequestError as error:
        raise error.with_traceback(None) from None
    finally:
        pa.default_memory_pool().release_unused()


def give_back() -> None:
    """Return what is free in the heap to the machine, where the C library can do that: glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
