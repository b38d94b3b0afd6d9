"""What each trigger says of what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.retraining.course import Learnt
from sales.retraining.findings import Finding, Findings
from sales.retraining.triggers import RetrainParams, Seen, looked_at
from tests.histories import day, who

ALL = {"new_rows": 500, "new_rows_pct": 10.0, "age_days": 30.0, "drift": 0.2, "live_error": 5.0}
LATER = {"cooldown_days": 1.0, "max_hours": 6.0}


def settings(**asked) -> RetrainParams:
    return RetrainParams(**{**dict.fromkeys(ALL), **LATER, **asked})


LEARNT, CHAMPION = Learnt(day(0), 2000), who(1)


def seen(rows=2000, on=10.0, learnt=LEARNT, found=None, champion=CHAMPION) -> Seen:
    return Seen(day(on), champion, learnt, rows, "in 3 files of data/incoming", found)


def watched(on=5.0, of=1, **found) -> Findings:
    return Findings(when=day(on).isoformat(), content_hash=who(of).content_hash, **found)


def told(asked: dict, **there) -> tuple[bool, str]:
    [name] = asked
    [one] = [each for each in looked_at(settings(**asked), seen(**there)) if each.name == name]
    return one.fires, one.why


def test_without_a_champion_it_is_time():
    [only] = looked_at(settings(**ALL), seen(champion=None, learnt=None))
    assert only.line == "champion: fires: there is none yet"


def test_one_that_is_null_is_not_asked_for():
    found = looked_at(settings(), seen(rows=10**9, on=10_000))
    assert [one.name for one in found] == list(ALL)
    assert {(one.fires, one.why) for one in found} == {(False, "not asked for")}


THERE = "rows in 3 files of data/incoming"
THEN = "the 2,000 of 2027-01-01"


@pytest.mark.parametrize(
    ("asked", "rows", "fires", "why"),
    [
        ({"new_rows": 500}, 2500, True, f"2,500 {THERE}, 500 more than {THEN}; 500 are asked for"),
        ({"new_rows": 500}, 2499, False, f"2,499 {THERE}, 499 more than {THEN}; 500 are asked for"),
        ({"new_rows": 500}, 1500, False, f"1,500 {THERE}, 500 fewer than {THEN}; 500 are asked fo"),
        (
            {"new_rows_pct": 10.0},
            2200,
            True,
            f"2,200 {THERE}, 200 more than {THEN}, 10.00 %; 10 % are asked for",
        ),
        ({"new_rows_pct": 10.0}, 2199, False, f"199 more than {THEN}, 9.95 %; 10 % are asked for"),
        ({"new_rows_pct": 10.0}, 0, False, f"2,000 fewer than {THEN}, 0.00 %; 10 % are asked for"),
    ],
)
def test_new_rows(asked, rows, fires, why):
    found = told(asked, rows=rows)
    assert found[0] == fires
    assert why in found[1]


@pytest.mark.parametrize("asked", [{"new_rows": 1}, {"new_rows_pct": 0.1}])
@pytest.mark.parametrize("learnt", [None, Learnt(day(0), None)])
def test_how_many_are_new_is_not_known_of_a_run_of_before(asked, learnt):
    assert told(asked, rows=10**6, learnt=learnt) == (
        False,
        f"1,000,000 {THERE}; how many were learnt from is not told of a run of before",
    )


@pytest.mark.parametrize(("on", "fires"), [(29.9, False), (30, True), (31.04, True)])
def test_age(on, fires):
    found = told({"age_days": 30.0}, on=on)
    why = f"the last run was {on:.1f} days ago, on 2027-01-01; 30 are asked for"
    assert found == (fires, why)
    assert told({"age_days": 30.0}, on=on, learnt=None) == (False, "the history tells of no run")


@pytest.mark.parametrize(
    ("asked", "found", "fires", "why"),
    [
        ({"drift": 0.2}, None, False, "not watched"),
        ({"drift": 0.2}, watched(live_error=Finding(value=9)), False, "not watched"),
        (
            {"drift": 0.2},
            watched(drift=Finding(value=0.2, what="UnitPrice")),
            True,
            "0.2 (UnitPrice) on 2027-01-06; 0.2 are asked for",
        ),
        ({"drift": 0.2}, watched(drift=Finding(value=0.19)), False, "0.19 on 2027-01-06; 0.2 are"),
        (
            {"drift": 0.2},
            watched(of=2, drift=Finding(value=9)),
            False,
            "not watched of xgboost, version 1: of another one",
        ),
        (
            {"drift": 0.2},
            watched(on=-1, drift=Finding(value=9)),
            False,
            "not watched since the last run; before, on 2026-12-31",
        ),
        (
            {"live_error": 5.0},
            watched(live_error=Finding(value=12.5)),
            True,
            "12.5 % on 2027-01-06; 5 % are asked for",
        ),
        ({"live_error": 5.0}, watched(live_error=Finding(value=-3)), False, "-3 % on 2027-01-06"),
    ],
)
def test_what_was_watched(asked, found, fires, why):
    fired, reason = told(asked, found=found)
    assert (fired, reason[: len(why)]) == (fires, why)


@given(rows=st.integers(0, 10**9), more=st.integers(0, 10**6), asked=st.integers(1, 10**6))
def test_more_rows_never_make_it_less_due(rows, more, asked):
    fires = [told({"new_rows": asked}, rows=count)[0] for count in (rows, rows + more)]
    assert fires != [True, False]
