"""Answers that wait: none is lost, none torn, and no more wait than there is room for."""

import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from sales.serving.answering import Answer
from sales.watching import singles
from sales.watching.singles import Singles

ROLES = {"Quantity": "numeric", "Tax": "numeric", "City": "categorical", "Day": "date"}


def answer(quantity, *, interval=None, outside=None, **more):
    told = {"predicted_amount": 2.0 * quantity}
    if interval:
        told["prediction_interval"] = dict(zip(("low", "high"), interval, strict=True))
    return Answer(told, {"Quantity": [quantity], **more}, outside)


def model():
    fields = {name: SimpleNamespace(role=role) for name, role in ROLES.items()}
    featuriser = SimpleNamespace(fields=fields)
    return SimpleNamespace(
        answer_key="predicted_amount",
        model=SimpleNamespace(featuriser=featuriser),
        schema=SimpleNamespace(parts={"DayOfWeek": "day_of_week"}),
    )


@pytest.fixture
def served():
    return model()


@pytest.fixture
def lost():
    return []


@pytest.fixture
def waiting(lost):
    return Singles(lambda *told: lost.append(told))


def ids(waiting):
    return [group.request_ids.to_pylist() for group in waiting.take()]


def test_answers_are_told_by_column_and_what_was_read_beside(served, waiting):
    assert waiting.add("a", served, answer(1), b"{}", 9)
    assert waiting.add("bß", served, answer(2, interval=(3.0, 5.0), outside=object()), b"{ }", 9)
    [group] = waiting.take()
    assert group.served is served
    assert group.rows == 2
    assert group.request_ids.to_pylist() == ["a", "bß"]
    assert group.prediction.to_pylist() == [2.0, 4.0]
    assert group.low.to_pylist() == [None, 3.0]
    assert group.high.to_pylist() == [None, 5.0]
    assert group.outside.to_pylist() == [False, True]
    assert group.bodies[:] == [b"{}", b"{ }"]
    assert 0 < group.time[0] <= group.time[1] <= time.time_ns()
    assert {name: column.tolist() for name, column in group.orders.items()} == {"Quantity": [1, 2]}
    assert waiting.take() == []


def test_each_model_and_each_set_of_fields_is_a_group_of_its_own(served, waiting):
    other = model()
    for one, more in ((served, {}), (other, {}), (served, {"City": ["Boston"]}), (served, {})):
        waiting.add("a", one, answer(1, **more), b"", 9)
    found = [(group.served, sorted(group.orders), group.rows) for group in waiting.take()]
    assert found == [
        (served, ["Quantity"], 2),
        (served, ["City", "Quantity"], 1),
        (other, ["Quantity"], 1),
    ]


def test_what_was_read_comes_back_to_the_last_bit(served, waiting):
    day = np.array(["2024-02-29T12:34:56.789"], "datetime64[ms]")
    read = [
        {"Day": day, "Tax": [0.1 + 0.2], "City": ["Zürich"], "DayOfWeek": [3]},
        {"Day": np.array(["NaT"], "datetime64[ms]"), "Tax": np.array([5e-324]), "City": [None]},
        {"Day": day.astype("datetime64[s]"), "Tax": [np.nan], "City": [""]},
        {"Day": [None], "Tax": [3], "City": np.array(['"\n'], object)},
    ]
    for orders in read:
        assert waiting.add("a", served, answer(-0.0, **{"DayOfWeek": [6], **orders}), b"", 9)
    [group] = waiting.take()
    found = group.orders
    days = np.array([day[0], "NaT", day[0].astype("datetime64[s]"), "NaT"], "datetime64[ms]")
    np.testing.assert_array_equal(found["Day"], days)
    np.testing.assert_array_equal(found["Tax"], [0.1 + 0.2, 5e-324, np.nan, 3])
    assert found["City"].to_pylist() == ["Zürich", None, "", '"\n']
    assert found["DayOfWeek"].tolist() == [3, 6, 6, 6]
    assert np.signbit(found["Quantity"]).all()


def test_what_finds_no_room_is_refused_until_the_others_are_taken(served, waiting, lost):
    assert [waiting.add(name, served, answer(1), b"", 2) for name in "abc"] == [True, True, False]
    assert ids(waiting) == [["a", "b"]]
    assert waiting.add("d", served, answer(1), b"", 2)
    assert lost == []


def test_bodies_that_are_large_find_no_room_sooner(served, waiting, monkeypatch):
    monkeypatch.setattr(singles, "MOST_BYTES", 10_000)
    added = [waiting.add(name, served, answer(1), b" " * 6_000, 9) for name in "abc"]
    assert added == [True, True, False]
    assert ids(waiting) == [["a", "b"]]
    assert waiting.add("d", served, answer(1), b"", 9)


@pytest.mark.parametrize("unfit", ["one", 2**64, 1j, [1.0]])
def test_what_cannot_be_kept_is_lost_and_told_and_costs_no_other(
    served, waiting, lost, caplog, unfit
):
    for name, tax, body in (("a", 1.0, b"{}"), ("b", unfit, b"{ }"), ("c", 2.0, b"{  }")):
        assert waiting.add(name, served, answer(1, Tax=[tax]), body, 3)
    [group] = waiting.take()
    assert lost == [(1, "failed")]
    assert "cannot be kept" in caplog.text
    assert group.request_ids.to_pylist() == ["a", "c"]
    assert group.orders["Tax"].tolist() == [1.0, 2.0]
    assert group.bodies[:] == [b"{}", b"{  }"]
    assert waiting.add("d", served, answer(1, Tax=["one"]), b"", 3)
    assert waiting.take() == []
    assert lost == [(1, "failed")] * 2
    assert [waiting.add(name, served, answer(1), b"", 3) for name in "efgh"][-2:] == [True, False]


def test_a_defect_costs_what_waits_and_no_more(served, waiting, lost, caplog, monkeypatch):
    def defect(_):
        raise KeyError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(singles, "_alike", defect)
        assert all(waiting.add(name, served, answer(1), b"", 9) for name in "ab")
        assert waiting.take() == []
    assert lost == [(2, "failed")]
    assert "2 answered rows cannot be kept" in caplog.text
    assert waiting.add("c", served, answer(1), b"", 9)
    assert ids(waiting) == [["c"]]


def test_none_is_lost_or_torn_while_they_are_taken(served, waiting):
    before, ended, found = sys.getswitchinterval(), threading.Event(), []

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
        pair
        for group in found
        for pair in zip(
            group.request_ids.to_pylist(), group.orders["Quantity"].tolist(), strict=True
        )
    ]
    assert pairs == [(f"{number}", number) for number in range(5_000)]
