"""What one look at a trial says, and how it ends by that."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from sales.registry.trials import Trial
from sales.trials import look, verdict
from sales.trials.evidence import Evidence
from tests.histories import START, who
from tests.paired_rows import errors

TERMS = {
    **{"alpha": 0.05, "margin_pct": 1.0, "least_rows": 300, "tightest_at": 2_000},
    **{"most_rows": 5_000, "most_days": 3.0, "loss": "squared", "bound": None, "customer": None},
}
TRIAL = Trial("spring", who(1), who(2), START, TERMS, 5.0)


def seen(better_pct, rows, terms=TERMS, waiting=0, alone=0):
    champion, challenger = errors(rows, better_pct)
    found = Evidence(champion, challenger, np.arange(rows), np.zeros(rows), waiting, alone)
    rules = look.rules(terms)
    return look.Look(found, rules, verdict.of(found.sums(rules), rules))


def test_a_challenger_that_is_worse_is_said_to_be_worse():
    said = seen(-15, 2_000).said
    assert said.startswith("RMSE ")
    assert " % worse (" in said
    assert " % worse, 95 % sure at any time), 2,000 truths" in said
    assert "-" not in said


def test_one_that_is_better_and_one_of_which_that_is_not_known():
    assert " % better, 95 % sure at any time), 2,000 truths" in seen(15, 2_000).said
    said = seen(0, 2_000).said
    assert said.startswith("not yet: RMSE ")
    assert " % worse to " in said
    assert said.endswith(" more truths") or look.FOREVER in said


def test_how_sure_it_is_follows_from_alpha_and_the_score_from_the_loss():
    said = seen(15, 2_000, {**TERMS, "alpha": 0.001, "loss": "absolute"}).said
    assert said.startswith("MAE ")
    assert "99.9 % sure" in said


def test_rows_that_wait_and_those_without_a_second_prediction_are_told():
    assert seen(0, 40, waiting=1_200, alone=7).lines[0] == (
        "40 truths of 40 customers or requests; 1,200 rows wait for theirs, 7 have no prediction "
        "of the other model"
    )
    assert seen(0, 0).lines == [
        "0 truths of 0 customers or requests; 0 rows wait for theirs",
        "not yet: about 300 more truths are needed to begin with",
    ]


@pytest.mark.parametrize(
    ("better_pct", "rows", "days", "outcome", "why"),
    [
        (15, 2_000, 0, "better", "RMSE "),
        (-15, 2_000, 9, "worse", "RMSE "),
        (0, 400, 2.9, None, ""),
        (0, 400, 3, "undecided", "after 3 days: not yet: RMSE "),
        (0, 5_000, 0, "undecided", "after 5,000 truths: not yet: RMSE "),
    ],
)
def test_a_trial_ends_by_its_verdict_its_rows_or_its_days(better_pct, rows, days, outcome, why):
    found = look.outcome(TRIAL, seen(better_pct, rows), START + timedelta(days=days))
    assert (found and found[0]) == outcome
    assert found is None or found[1].startswith(why)


def test_what_is_told_of_one_that_has_ended():
    ended = replace(TRIAL, outcome="worse", reason="so it was")
    told = look.told(ended, seen(-15, 2_000), START)
    assert (told["runs"], told["outcome"], told["reason"]) == (False, "worse", "so it was")
    assert told["share_pct"] == 0.0  # the canary goes to 0 at once
    assert told["terms"] == TERMS
