"""Memory that a large answer took goes back to the machine: allocators would keep it for later."""

import asyncio
import ctypes

import pyarrow as pa

SECONDS = 1.0  # after an answer was sent; other answers of that second are dealt with together


class Lightening:
    """Gives memory back soon after it is called, in a thread of its own."""

    def __init__(self) -> None:
        self._planned = False

    def __call__(self) -> None:
        """Plan it, where it is not planned already."""
        if not self._planned:
            self._planned = True
            loop = asyncio.get_running_loop()
            loop.call_later(SECONDS, self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._planned = False
        loop.run_in_executor(None, give_back)


def use_the_heap() -> None:
    """Let Arrow allocate as all others do: its own pools keep what another thread had of them."""
    pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Return what is free in the heap to the machine, where the C library can do that: glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
