"""Which proposal waits, by the history alone; and when a promotion is only proposed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.registry import clock, proposals
from sales.registry.promotion import Compared, Decision, Incumbent, Move
from tests.histories import day, event, who

COMPARED = Compared(95.0, 100.0, 4.0, 6.0, 1000, "all 1,000 test rows")
BETTER = Decision(True, "replaced", "is 5 % better", COMPARED)
STANDS = Incumbent("linear_regression", "hash1", COMPARED)


@pytest.mark.parametrize(
    ("decision", "stands", "approval", "outcome"),
    [
        (BETTER, STANDS, "auto", "replaced"),
        (BETTER, STANDS, "manual", "proposed"),
        (BETTER, Incumbent("old", "hash1", failed_rules=("min_test_r2",)), "manual", "proposed"),
        (BETTER, Incumbent("old", "hash1", unloadable="gone"), "manual", "replaced"),
        (Decision(True, "first", "the first"), None, "manual", "first"),
        (Decision(False, "kept", "no better"), STANDS, "manual", "kept"),
        (Decision(False, "unchanged", "the same"), STANDS, "manual", "unchanged"),
    ],
)
def test_a_person_is_asked_where_a_champion_that_answers_would_go(
    decision, stands, approval, outcome
):
    held = proposals.held(decision, stands, approval)
    assert held.outcome == outcome
    assert held.promote == (decision.promote and outcome != "proposed")
    assert (held.reason, held.compared) == (decision.reason, decision.compared)


PROPOSED = event("proposed", 2, 1, until=day(14).isoformat())
NEWER = event("proposed", 3, 1, on=3, until=day(17).isoformat())


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ([], None),
        ([PROPOSED], 2),
        ([PROPOSED, event("challenger", 2)], 2),
        ([PROPOSED, NEWER], 3),
        ([PROPOSED, event("refused", 4, 1)], 2),  # another candidate, of another day
        ([PROPOSED, event("refused", 2, 1)], None),  # the same one, on newer rows
        ([PROPOSED, event("refused", None, 1)], 2),  # nobody has passed a gate
        ([PROPOSED, event("promoted", 2, 1, by="person")], None),
        ([PROPOSED, event("promoted", 5, 1)], None),
        ([PROPOSED, event("rolled back", 6, 1, by="person")], None),
        ([PROPOSED, event("expired", 2, 1)], None),
        ([PROPOSED, event("expired", 2, 1), NEWER], 3),
        ([PROPOSED, event("retrained", outcome="proposed"), event("not due")], 2),
    ],
)
def test_one_waits_until_something_ends_it(events, waits):
    found = proposals.waiting(events)
    assert (found.to if found else None) == (who(waits) if waits else None)


@given(
    st.lists(st.sampled_from([PROPOSED, NEWER, event("promoted", 2, 1), event("lifted", 9)])),
)
def test_the_fold_goes_step_by_step(events):
    assert proposals.waiting(events) == (
        proposals.following(proposals.waiting(events[:-1]), events[-1]) if events else None
    )


@pytest.mark.parametrize(("on", "over"), [(13.9, False), (14, True), (15, True)])
def test_it_waits_so_long_and_no_longer(monkeypatch, on, over):
    assert proposals.expired(PROPOSED, day(on)) == over
    monkeypatch.setenv(clock.NOW, day(on).isoformat())
    assert proposals.lapsed([PROPOSED]) == (PROPOSED if over else None)
    assert proposals.lapsed([PROPOSED, event("expired", 2, 1)]) is None
    assert proposals.end(1.5) == day(on + 1.5).isoformat(timespec="seconds")


def test_the_same_one_against_the_same_champion_is_known():
    move = Move("proposed", who(2), who(1), who(1), None, "better")
    assert proposals.known([PROPOSED], move)
    assert not proposals.known([], move)
    assert not proposals.known([PROPOSED], move._replace(to=who(3)))
    assert not proposals.known([PROPOSED], move._replace(from_=who(4)))
