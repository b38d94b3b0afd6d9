"""Which trial runs, and how each ended, follows from the history alone."""

from datetime import timedelta
from typing import Any

import pytest

from sales.registry import trials
from sales.serving.on_trial import OnTrial, Told, Watch
from tests.histories import START, day, event, who

TERMS = {name: getattr(trials.TrialParams.model_validate({}), name) for name in trials.TERMS} | {
    "margin_pct": 1.0
}
PAIR: dict[str, Any] = {"champion": who(1), "challenger": who(2)}


def begun(name="spring", on=1.0, share=5.0, **facts):
    told = {**TERMS, "name": name, "share_pct": share}
    return event(trials.BEGUN, 2, 1, on, trial=told, **{**PAIR, **facts})


def ended(outcome, **facts):
    told = {"outcome": outcome, "reason": "so", "trial": {"name": "spring"}}
    return event(trials.ENDED, 2, 1, 2, **told, **{**PAIR, **facts})


def changed(share):
    return event(trials.CHANGED, 2, 1, 2, trial={"name": "spring", "share_pct": share}, **PAIR)


PROMOTED = event("promoted", 1, 3, 0, champion=who(1), challenger=who(2))


@pytest.mark.parametrize(
    ("events", "outcome", "share"),
    [
        ([begun()], "", 5.0),
        ([begun(), changed(20.0)], "", 20.0),
        ([begun(), event("refused", 3, 1, **PAIR), event("not due", None, 1, **PAIR)], "", 5.0),
        ([begun(), ended("worse")], "worse", 5.0),
        ([begun(), ended("better"), event("promoted", 2, 1, 2, champion=who(2))], "better", 5.0),
        ([begun(), event("promoted", 3, 1, champion=who(3), challenger=who(1))], "overtaken", 5.0),
        (
            [begun(), event("challenger", 3, 1, champion=who(1), challenger=who(3))],
            "overtaken",
            5.0,
        ),
        ([begun(), event("rolled back", 4, 1, champion=who(4))], "overtaken", 5.0),
        ([begun(), ended("equal"), changed(50.0)], "equal", 5.0),
    ],
)
def test_what_became_of_a_trial(events, outcome, share):
    [found] = trials.all_of([PROMOTED, *events])
    assert (found.name, found.outcome, found.share_pct) == ("spring", outcome, share)
    assert (found.champion, found.challenger) == (who(1), who(2))
    assert found.begun == START + timedelta(days=1)
    assert found.over == START + timedelta(days=31)
    assert (trials.running([PROMOTED, *events]) is not None) == (outcome == "")
    assert trials.holds_challenger(events) == (outcome == "")


def test_each_trial_is_there_and_the_last_one_counts():
    found = trials.all_of([begun(), ended("equal"), begun("june", 3.0, 7.0)])
    assert [(one.name, one.outcome) for one in found] == [("spring", "equal"), ("june", "")]
    told = trials.told([begun(), ended("equal"), begun("june", 3.0, 7.0)])
    assert told == Told(OnTrial("june", "hash1", "hash2", 7.0))
    assert trials.told([begun(share=5.0), ended("worse")]).trial == OnTrial(
        *("spring", "hash1", "hash2", 0.0, None, "worse")
    )


def test_without_a_trial_nothing_is_told():
    assert trials.told([PROMOTED]) == Told()
    assert trials.running([]) is None


def test_a_watch_is_over_the_champion_that_stands():
    until = day(7).isoformat()
    watch = event(trials.WATCH, 1, 3, 1, champion=who(1), until=until)
    assert trials.watched([PROMOTED, watch]) == watch
    assert trials.told([PROMOTED, watch]) == Told(watch=Watch("hash1", "hash3", until))
    other = event("promoted", 2, 1, 2, champion=who(2))
    assert trials.watched([PROMOTED, watch, other]) is None


def test_how_the_champion_came_to_be_it():
    assert trials.promoted([PROMOTED, begun()]) == PROMOTED
    assert trials.promoted([event("promoted", 1, None)]) is None  # nobody was before
    assert trials.promoted([PROMOTED, event("rolled back", 3, 1)]) is None


def test_a_cooldown_counts_from_the_last_rollback_that_went_by_itself():
    by_rule = event("rolled back", 3, 1, 1)
    by_person = event("rolled back", 3, 1, 5, by="person")
    assert trials.rolled_back_until([by_person], 2) is None
    assert trials.rolled_back_until([by_rule, by_person], 2) == START + timedelta(days=3)
