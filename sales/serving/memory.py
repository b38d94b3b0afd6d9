"""Memory that a large answer took goes back to the machine: allocators would keep it for later."""

import asyncio
import contextvars
import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pyarrow as pa

from sales.serving.request import RequestError

Result = TypeVar("Result")
LULLS = 5  # that further large answers may put it off
# Settings of glibc, by their numbers in its malloc.h (man 3 mallopt), and ours for them, in bytes.
GLIBCS = {
    "M_TRIM_THRESHOLD": (-1, 256 << 20),  # free at the heap's end before it is given back
    "M_TOP_PAD": (-2, 16 << 20),  # more than is asked for
    "M_MMAP_THRESHOLD": (-3, 32 << 20),  # above it each has a mapping of its own, gone when freed
}


class LargeWork:
    """Threads for what takes much memory; it goes back soon after the last of several answers.

    Allocators keep memory by thread, Arrow's and the C library's alike, and give it to the next
    answer: pages fresh from the machine, for each answer anew, cost a large file much time (see
    bench/two_trees.py). So the threads end after a lull of `seconds` without a large answer, and
    leave what they kept to be given back.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(thread_name_prefix="large")
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0  # when it is to be done whatever comes, in the loop's time

    async def done(self, work: Callable[..., Result], *given: Any) -> Result:
        """Return what `work` does, in one of the threads."""
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()
        return await loop.run_in_executor(self._threads, context.run, _without_frames, work, *given)

    def lighten(self) -> None:
        """Plan that memory goes back, or put it off."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer:
            self._timer.cancel()
        else:
            self._last = now + LULLS * self._seconds
        self._timer = loop.call_at(min(now + self._seconds, self._last), self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        ended, self._threads = self._threads, ThreadPoolExecutor(thread_name_prefix="large")
        loop.run_in_executor(None, give_back, ended)


def keep_until_given_back() -> None:
    """Let the C library keep what an answer let go of, for the next one, in this process for good.

    By itself glibc gives the end of its heap back as soon as some megabytes are free there, as
    after each large answer, and the next one asks for each page anew. What is kept beside goes back
    with `give_back`. Another C library is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for setting, wanted in GLIBCS.values():
            mallopt(setting, wanted)


def give_back(threads: ThreadPoolExecutor) -> None:
    """Let threads end, when they are done, and return what is free to the machine."""
    threads.shutdown()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # where the C library is glibc
    if trim:
        trim(0)


def _without_frames(work: Callable[..., Result], *given: Any) -> Result:
    """Return what `work` does; a refusal's traceback, which holds on to tables, goes."""
    try:
        return work(*given)
    except RequestError as error:
        raise error.with_traceback(None) from None
