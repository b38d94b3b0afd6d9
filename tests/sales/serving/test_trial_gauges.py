"""The canary and the last look at a trial, as a scrape of /metrics finds them."""

import json

import pytest

from sales.serving import trial_gauges
from tests.paired_rows import tried

LOOK = {
    **tried(),
    **{"units": 400, "rows": 450, "waiting": 12, "verdict": "not yet", "outcome": None},
    **{"improvement_pct": -0.5, "low_pct": None, "high_pct": 2.25},
}


def lines(text: bytes) -> list[str]:
    return [line for line in text.decode().splitlines() if not line.startswith("#")]


def test_the_share_and_what_goes_on():
    assert lines(trial_gauges.of_now(2.5, trial=True, watch=False)) == [
        *("canary_percent 2.5", "challenger_on_trial 1.0", "champion_watched 0.0")
    ]


def test_the_last_look_without_what_is_not_bounded():
    told = lines(trial_gauges.LastLook(lambda: json.dumps(LOOK).encode()).told())
    assert "trial_truths 450.0" in told
    assert "trial_waiting 12.0" in told
    assert "trial_improvement_pct -0.5" in told
    assert "trial_high_pct 2.25" in told
    assert not [line for line in told if line.startswith("trial_low_pct")]
    assert [line for line in told if line.endswith('"} 1.0')] == [
        'trial_verdict{verdict="not yet"} 1.0'
    ]


@pytest.mark.parametrize("outcome", trial_gauges.STATES[1:])
def test_how_a_trial_has_ended(outcome):
    found = trial_gauges.LastLook(lambda: json.dumps({**LOOK, "outcome": outcome}).encode()).told()
    ones = [line for line in lines(found) if line.endswith('"} 1.0')]
    assert ones == [f'trial_verdict{{verdict="{outcome}"}} 1.0']


def test_before_the_first_truth_nothing_is_said_of_an_improvement():
    told = lines(trial_gauges.LastLook(lambda: json.dumps(tried()).encode()).told())
    assert "trial_truths 0.0" in told
    assert not [line for line in told if "_pct" in line]


def test_it_is_read_now_and_then_and_what_cannot_be_read_takes_nothing_away():
    answers: list[bytes | None] = [None, json.dumps(LOOK).encode(), b"{"]
    asked = []

    def read() -> bytes | None:
        asked.append(1)
        if not answers:
            raise OSError("the bucket is away")
        return answers.pop(0)

    seldom = trial_gauges.LastLook(read, seconds=3_600)
    assert (seldom.told(), seldom.told(), len(asked)) == (b"", b"", 1)
    each = trial_gauges.LastLook(read, seconds=0)
    first = each.told()
    assert "trial_truths 450.0" in lines(first)
    assert (each.told(), each.told()) == (first, first)  # damaged, away
    assert len(asked) == 4
