"""When memory is given back: after a lull, and in the end without one."""

import asyncio

import pytest

from sales.serving import memory
from sales.serving.memory import LONGEST, SECONDS, Lightening
from sales.serving.request import RequestError


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time is told to it."""

    now = 0.0

    def time(self):
        return self.now


def begun(calls):
    """Return when memory was given back, of a Lightening called at these seconds."""
    found = []
    loop = Clock()

    async def run():
        lighten = Lightening()
        lighten._begin = lambda _: (setattr(lighten, "_timer", None), found.append(loop.now))
        for tenth in range(round(calls[-1] * 10) + 100):
            loop.now = tenth / 10
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if loop.now in calls:
                lighten()

    loop.run_until_complete(run())
    loop.close()
    return found


def test_it_comes_once_a_lull_after_the_last_of_several():
    assert begun([1.0, 2.0, 2.5]) == [pytest.approx(2.5 + SECONDS)]


def test_what_comes_without_a_lull_does_not_put_it_off_for_ever():
    assert begun([1.0 + second for second in range(40)])[0] == pytest.approx(1.0 + LONGEST)


def test_a_refusal_lets_go_of_what_it_was_about():
    def refuse():
        raise RequestError([])

    with pytest.raises(RequestError) as refused:
        memory.released(refuse)
    frames = [frame.name for frame in refused.traceback]
    assert "refuse" not in frames


def test_the_result_is_handed_on():
    assert memory.released(max, 1, 2) == 2
