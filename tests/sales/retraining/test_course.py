"""What the history tells of retrainings."""

import pytest

from sales.retraining import course
from sales.retraining.course import Learnt
from tests.histories import day, event

BEGUN = event("retraining", on=1, due=("age_days",), at="here")
FIRST = event("promoted", 1, champion=None, data_rows=100, data_hash="a")
KEPT = event("refused", 2, 1, on=2, data_rows=150, data_hash="b", reason="no better")
GATE = event("refused", None, 1, on=2, data_rows=150, data_hash="b", reason="nobody passed")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], None),
        ([event("registered", 1, data_rows=9)], None),
        ([FIRST], Learnt(day(0), 100)),
        ([FIRST, KEPT], Learnt(day(2), 150)),
        ([FIRST, GATE], Learnt(day(2), 150)),
        ([FIRST, event("proposed", 2, 1, on=3, data_rows=160)], Learnt(day(3), 160)),
        # a person's choice trains nothing
        ([FIRST, event("promoted", 2, 1, on=3, by="person", data_rows=170)], Learnt(day(0), 100)),
        ([FIRST, event("not due", on=3, data_rows=170)], Learnt(day(0), 100)),
        ([FIRST, BEGUN], Learnt(day(0), 100)),
        # all is as it was: the run has ended nevertheless
        (
            [FIRST, BEGUN, event("retrained", on=4, outcome="kept", data_rows=180)],
            Learnt(day(4), 180),
        ),
        (
            [FIRST, BEGUN, event("retrained", on=4, outcome="failed", data_rows=180)],
            Learnt(day(0), 100),
        ),
        # told of from a folder with other data in it, after the rule had spoken
        (
            [FIRST, BEGUN, KEPT, event("retrained", on=4, outcome="kept", data_rows=7)],
            Learnt(day(2), 150),
        ),
        # of before rows were noted
        ([event("promoted", 1, data_hash="c")], Learnt(day(0), 33)),
        ([event("promoted", 1, data_hash="d")], Learnt(day(0), None)),
    ],
)
def test_what_was_learnt_last(events, expected):
    assert course.learnt(events, {"c": 33}) == expected


PROMOTED = event("promoted", 3, 1, on=2, reason="is 5 % better")
BARRED = event("refused", 9, 1, on=2, reason="barred since")


@pytest.mark.parametrize(
    ("since", "succeeded", "expected"),
    [
        ([PROMOTED], True, ("promoted", "xgboost, version 3: is 5 % better")),
        ([PROMOTED, event("challenger", 1)], False, ("promoted", "xgboost, version 3: is 5 % be")),
        ([event("proposed", 3, 1, reason="is better")], True, ("proposed", "xgboost, version 3: ")),
        ([KEPT], True, ("kept", "no better")),
        ([BARRED, PROMOTED], True, ("promoted", "xgboost, version 3")),
        ([BARRED, KEPT], True, ("kept", "no better")),
        ([GATE], False, ("refused", "nobody passed")),
        ([event("registered", 3)], True, ("kept", "the run has changed nothing")),
        ([event("registered", 3)], False, ("failed", "the pipeline did not come")),
        ([event("promoted", 3, 1, by="person")], False, ("failed", "the pipeline did not come")),
        ([BEGUN, PROMOTED], False, ("failed", "the pipeline did not come")),  # it is the next one's
        (
            [event("retrained", outcome="kept", reason="told"), PROMOTED],
            False,
            ("kept", "told"),
        ),
    ],
)
def test_how_one_ended(since, succeeded, expected):
    attempt = course.last([FIRST, BEGUN])
    assert attempt
    outcome, reason = course.outcome(
        course.Attempt(attempt.event, tuple(since)), succeeded=succeeded
    )
    assert outcome == expected[0]
    assert expected[1] in reason or reason in expected[1] or reason.startswith(expected[1][:20])


def test_the_last_one_that_was_begun():
    assert course.last([FIRST]) is None
    later = event("retraining", on=5, at="there")
    found = course.last([FIRST, BEGUN, PROMOTED, later])
    assert found
    assert (found.event, found.since, found.ended, found.when) == (later, (), None, day(5))
    ended = event("retrained", on=6, outcome="kept")
    found = course.last([BEGUN, PROMOTED, ended])
    assert found
    assert found.ended == ended


@pytest.mark.parametrize(
    ("events", "until"),
    [
        ([FIRST], None),
        ([BEGUN], None),  # cut: nobody knows yet
        ([BEGUN, event("retrained", on=2, outcome="failed")], None),
        ([BEGUN, event("retrained", on=2, outcome="kept")], day(8)),
        ([BEGUN, PROMOTED], day(8)),
        ([BEGUN, GATE], day(8)),
        # the last that decided counts, not the tries after it
        (
            [
                BEGUN,
                PROMOTED,
                event("retraining", on=9),
                event("retrained", on=9, outcome="failed"),
            ],
            day(8),
        ),
        ([BEGUN, event("retraining", on=3), PROMOTED], day(10)),
    ],
)
def test_what_has_decided_cools_from_its_beginning(events, until):
    assert course.cools_until(events, 7) == until
