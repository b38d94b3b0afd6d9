"""When memory is given back: after a lull, and in the end without one; nothing is lost by it."""

import asyncio
import contextvars
import ctypes
import subprocess
import sys
import threading

import pytest

from sales.serving.memory import LULLS, LargeWork
from sales.serving.request import RequestError

SECONDS = 5.0


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time is told to it."""

    now = 0.0

    def time(self):
        return self.now


def begun(calls):
    """Return when memory was given back, of large work planned at these seconds."""
    found = []
    loop = Clock()

    async def run():
        large = LargeWork(SECONDS)
        large._begin = lambda _: (setattr(large, "_timer", None), found.append(loop.now))
        for tenth in range(round(calls[-1] * 10) + 100):
            loop.now = tenth / 10
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if loop.now in calls:
                large.lighten()

    loop.run_until_complete(run())
    loop.close()
    return found


def test_it_comes_once_a_lull_after_the_last_of_several():
    assert begun([1.0, 2.0, 2.5]) == [pytest.approx(2.5 + SECONDS)]


def test_what_comes_without_a_lull_does_not_put_it_off_for_ever():
    assert begun([1.0 + second for second in range(40)])[0] == pytest.approx(1.0 + LULLS * SECONDS)


def test_a_refusal_lets_go_of_what_it_was_about():
    def refuse():
        raise RequestError([])

    with pytest.raises(RequestError) as refused:
        asyncio.run(LargeWork(SECONDS).done(refuse))
    frames = [frame.name for frame in refused.traceback]
    assert "refuse" not in frames


def test_the_result_and_the_request_s_context_are_handed_on():
    name = contextvars.ContextVar("name")
    name.set("mine")
    assert asyncio.run(LargeWork(SECONDS).done(lambda end: name.get() + end, "!")) == "mine!"


def test_what_is_at_work_when_memory_goes_back_ends_well_and_its_thread_then_ends():
    may_end, threads = threading.Event(), []

    def work():
        threads.append(threading.current_thread())
        may_end.wait()
        return "done"

    async def run():
        large = LargeWork(SECONDS)
        slow = asyncio.ensure_future(large.done(work))
        await asyncio.sleep(0)
        large._begin(asyncio.get_running_loop())
        assert await large.done(lambda: "the next one does not wait")
        may_end.set()
        return await slow

    assert asyncio.run(run()) == "done"
    [thread] = threads
    thread.join()


def test_pages_that_an_answer_let_go_of_serve_the_next_and_go_back_in_the_end():
    """Counted by the machine: each page that is new to a process is a minor fault."""
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("the C library is not glibc")
    counted = """
import resource, sys
import numpy as np, psutil
from concurrent.futures import ThreadPoolExecutor
from sales.serving import memory

if sys.argv[1] == "kept":
    memory.keep_until_given_back()

def answer():
    return sum(map(len, [np.ones(125_000) for _ in range(16)]))  # of a megabyte each

for _ in range(5):
    answer()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    answer()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
resident = psutil.Process().memory_info().rss
memory.give_back(ThreadPoolExecutor())
print(faults, (resident - psutil.Process().memory_info().rss) / 1e6)
"""
    found = {
        how: subprocess.run(
            [sys.executable, "-c", counted, how], check=True, capture_output=True, text=True
        ).stdout.split()
        for how in ("kept", "not")
    }
    faults, given_back = (float(each) for each in found["kept"])
    assert 5 * faults < float(found["not"][0]), found  # fewer, and larger, where pages are huge
    assert given_back > 10, found
