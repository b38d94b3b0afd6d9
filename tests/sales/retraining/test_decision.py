"""Whether to retrain now."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.retraining import course
from sales.retraining.decision import Decision, decide, told_before
from sales.retraining.triggers import RetrainParams, Trigger
from tests.histories import day, event

SETTINGS = RetrainParams(
    new_rows=1,
    new_rows_pct=None,
    age_days=None,
    drift=None,
    live_error=None,
    cooldown_days=7,
    max_hours=6,
)
FIRES = Trigger("new_rows", True, "many")
QUIET = Trigger("age_days", False, "not asked for")
BEGUN = event("retraining", 0, on=1, due=("new_rows",), at="here")
ENDED = event("retrained", on=1, outcome="kept")
FAILED = event("retrained", on=1, outcome="failed")


def decided(triggers, events, on, here="here"):
    return decide(SETTINGS, triggers, events, day(on), here)


@pytest.mark.parametrize(
    ("triggers", "events", "on", "what", "reason"),
    [
        ([QUIET], [], 0, "not due", "no trigger fires"),
        ([FIRES, QUIET], [], 0, "retraining", "new_rows: fires: many"),
        ([FIRES], [BEGUN, ENDED], 7.9, "waiting", "not before 2027-01-09T03:00:00+00:00; new_"),
        ([FIRES], [BEGUN, ENDED], 8, "retraining", "new_rows: fires"),
        ([QUIET], [BEGUN, ENDED], 8, "not due", "no trigger"),
        ([FIRES], [BEGUN, FAILED], 1, "retraining", "new_rows: fires"),
        # cut here, where nobody can be at it any more
        ([QUIET], [BEGUN], 1, "retraining", "goes on with that of 2027-01-02T03:00:00+00:00"),
    ],
)
def test_the_decision(triggers, events, on, what, reason):
    found = decided(triggers, events, on)
    assert found.what == what
    assert found.reason.startswith(reason)
    assert found.due == (("new_rows",) if what in ("waiting", "retraining") else ())


@pytest.mark.parametrize(("hours", "what"), [(5.9, "under way"), (6, "retraining")])
def test_another_machine_is_left_at_it_for_so_long(hours, what):
    found = decided([FIRES], [BEGUN], 1 + hours / 24, here="there")
    assert found.what == what


@pytest.mark.parametrize("here", ["here", "there"])
def test_one_that_had_decided_when_it_was_cut_is_only_told_of(here):
    promoted = event("promoted", 2, 1, on=1, reason="better")
    found = decided([FIRES], [BEGUN, promoted], 1, here)
    assert (found.what, found.outcome, found.due) == ("retrained", "promoted", ("new_rows",))
    assert found.reason == "xgboost, version 2: better (cut short after that)"


@pytest.mark.parametrize(
    ("decision", "events", "before"),
    [
        (Decision("not due", ""), [], False),
        (Decision("not due", ""), [event("not due")], True),
        (Decision("not due", ""), [event("not due"), event("refused", 2, 1)], True),
        (Decision("not due", ""), [event("waiting", due=("drift",))], False),
        (Decision("not due", ""), [event("not due"), BEGUN, ENDED], False),
        (Decision("waiting", "", ("a",)), [event("waiting", due=("a",))], True),
        (Decision("waiting", "", ("a", "b")), [event("waiting", due=("a",))], False),
        (Decision("retraining", "", ("a",)), [event("retraining", due=("a",))], False),
        (Decision("retrained", "", (), "kept"), [event("retrained", outcome="kept")], False),
    ],
)
def test_what_changes_nothing_is_told_once(decision, events, before):
    assert told_before(decision, events) == before


STEPS = st.lists(
    st.tuples(
        st.floats(0, 4),  # days until the next call
        st.booleans(),  # whether a trigger fires
        st.sampled_from(["ends", "fails", "cut before", "cut after", "cut at its end"]),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_is_cut_no_cooldown_is_broken_and_every_retraining_gets_its_end(steps):
    """The loop of stages/retrain.py without its pipeline: a call may be cut at three places."""
    events, now, promotions = [], 0.0, []

    def end(outcome):
        events.append(event("retrained", on=now, outcome=outcome))

    for pause, fires, how in steps:
        now += pause
        found = decided([FIRES if fires else QUIET], events, now)
        if found.what == "retrained":
            end(found.outcome)
        if found.what != "retraining":
            continue
        events.append(event("retraining", on=now, due=found.due, at="here"))
        if how == "cut before":
            continue
        if how == "fails":
            end("failed")
            continue
        events.append(event("promoted", 2, 1, on=now))
        promotions.append(now)
        if how == "ends":
            end("promoted")
    apart = [b - a for a, b in pairwise(promotions)]
    assert all(days >= 7 - 1e-4 for days in apart)
    begun = [e for e in events if e.what == "retraining"]
    ended = [e for e in events if e.what == "retrained"]
    decided_ = [e for e in events if e.what == "promoted"]
    assert len(ended) <= len(begun)
    assert len([e for e in ended if e.outcome == "promoted"]) in (len(decided_), len(decided_) - 1)
    assert course.last(events) is None or begun
