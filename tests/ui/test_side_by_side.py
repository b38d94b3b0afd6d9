"""Questions are under way at the same time."""

import threading

import pytest

from ui import side_by_side
from ui.client import ServiceError

SECONDS = 60  # after which those who wait for one another give up


def test_all_are_asked_before_any_is_answered():
    others = threading.Barrier(3, timeout=SECONDS)

    def asked(answer):
        others.wait()
        return answer

    found = side_by_side.answers(*(lambda answer=answer: asked(answer) for answer in "abc"))
    assert found == ["a", "b", "c"]


def test_a_failure_is_raised_when_all_have_ended():
    ended = []

    def fails():
        raise ServiceError("slow")

    with pytest.raises(ServiceError, match="slow"):
        side_by_side.answers(fails, lambda: ended.append(1))
    assert ended == [1]


def test_there_may_be_nothing_to_ask():
    assert side_by_side.answers() == []
