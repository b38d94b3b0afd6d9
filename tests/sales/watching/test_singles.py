"""Answers that wait: none is lost, none torn, and no more wait than there is room for."""

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from sales.serving.answering import Answer
from sales.watching import singles
from sales.watching.singles import Singles


def answer(quantity, *, interval=None, outside=None, **more):
    told = {"predicted_amount": 2.0 * quantity}
    if interval:
        told["prediction_interval"] = dict(zip(("low", "high"), interval, strict=True))
    return Answer(told, {"Quantity": [quantity], **more}, outside)


@pytest.fixture
def served():
    return SimpleNamespace(answer_key="predicted_amount")


def test_answers_are_told_by_column_and_what_was_read_beside(served):
    waiting = Singles()
    assert waiting.add("a", served, answer(1), b"{}", 9)
    assert waiting.add("b", served, answer(2, interval=(3.0, 5.0), outside=object()), b"{ }", 9)
    [group] = waiting.take()
    assert group.served is served
    assert group.rows == 2
    assert group.told("request_id") == ["a", "b"]
    assert group.told("prediction") == [2.0, 4.0]
    assert (group.told("low"), group.told("high")) == ([None, 3.0], [None, 5.0])
    assert group.told("outside") == [False, True]
    assert group.told("body") == [b"{}", b"{ }"]
    assert sorted(group.told("time")) == group.told("time")
    assert group.orders() == {"Quantity": [1, 2]}
    assert waiting.take() == []


def test_each_model_and_each_set_of_fields_is_a_group_of_its_own(served):
    other, waiting = SimpleNamespace(answer_key="predicted_amount"), Singles()
    for model, more in ((served, {}), (other, {}), (served, {"City": ["Boston"]}), (served, {})):
        waiting.add("a", model, answer(1, **more), b"", 9)
    found = [(group.served, group.names, group.rows) for group in waiting.take()]
    assert found == [
        (served, ("Quantity",), 2),
        (other, ("Quantity",), 1),
        (served, ("Quantity", "City"), 1),
    ]


def test_a_group_has_so_many_rows_and_the_next_begins_another(served, monkeypatch):
    monkeypatch.setattr(singles, "MOST", 2)
    waiting = Singles()
    for name in "abcde":
        assert waiting.add(name, served, answer(1), b"", 9)
    taken = [group.told("request_id") for group in waiting.take()]
    assert taken == [["a", "b"], ["c", "d"], ["e"]]
    assert waiting.take() == []


def test_what_was_read_comes_back_to_the_last_bit(served):
    day = np.array(["2024-02-29T12:34:56.789"], "datetime64[ms]")
    read = [
        {"Day": day, "Tax": [0.1 + 0.2], "City": ["Zürich"], "Gift": [None]},
        {"Day": np.array(["NaT"], "datetime64[ms]"), "Tax": np.array([5e-324]), "City": [""]},
    ]
    read[1] |= {"Gift": [True]}
    waiting = Singles()
    for orders in read:
        assert waiting.add("a", served, answer(-0.0, **orders), "ü".encode(), 9)
    [group] = waiting.take()
    found = group.orders()
    np.testing.assert_array_equal(found.pop("Day"), [day[0], np.datetime64("NaT", "ms")])
    assert found == {
        "Quantity": [-0.0, -0.0],
        "Tax": [0.1 + 0.2, 5e-324],
        "City": ["Zürich", ""],
        "Gift": [None, True],
    }
    assert {type(value) for value in found["Tax"]} == {float}
    assert group.told("body") == ["ü".encode()] * 2


def test_what_finds_no_room_is_refused_until_the_others_are_taken(served):
    waiting = Singles()
    assert [waiting.add(name, served, answer(1), b"", 2) for name in "abc"] == [True, True, False]
    assert [group.told("request_id") for group in waiting.take()] == [["a", "b"]]
    assert waiting.add("d", served, answer(1), b"", 2)


def test_none_is_lost_or_torn_while_they_are_taken(served):
    before, ended, found = sys.getswitchinterval(), threading.Event(), []
    waiting = Singles()

    def taking():
        while not ended.is_set():
            found.extend(waiting.take())

    taker = threading.Thread(target=taking)
    sys.setswitchinterval(1e-6)
    try:
        taker.start()
        for number in range(5_000):
            assert waiting.add(f"{number}", served, answer(number), b"", 100_000)
    finally:
        ended.set()
        taker.join()
        sys.setswitchinterval(before)
    found += waiting.take()
    pairs = [
        (told, *read)
        for group in found
        for told, read in zip(
            group.told("request_id"), zip(*group.orders().values(), strict=True), strict=True
        )
    ]
    assert pairs == [(f"{number}", number) for number in range(5_000)]
