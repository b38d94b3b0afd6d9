"""How error grows with age: known onsets are found, and nothing where there is nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data.months import later
from sales.judging import ageing, staleness, tallies
from sales.judging.staleness import MONTHLY, NEVER, ON_DRIFT, BacktestParams
from sales.judging.tallies import Tally

SETTINGS = BacktestParams(
    window_months=12, horizon_months=6, origins=None, confidence=0.95, false_alarm_pct=1.0
)
FIRST = "2022-01"
MONTHS = [later(FIRST, number) for number in range(1, 25)]
ORIGINS = [later(FIRST, number) for number in range(24)]


def errors(size: float, rows: int, rng: np.random.Generator) -> Tally:
    return of(rng.normal(0, size, rows))


def of(errors: np.ndarray) -> Tally:
    return replace(Tally.of(np.zeros(len(errors)), errors), sizes=tallies.sizes(errors))


class World:
    """Models whose error on a month is `size(origin, month)`, by numbers from FIRST on."""

    def __init__(self, size, rows: int = 1000, seed: int = 0) -> None:
        self.size, self.rows, self.seed = size, rows, seed
        self.own = {month: self.tally(month, month, own=True) for month in ORIGINS}

    def tally(self, origin: str, month: str, *, own: bool = False) -> Tally:
        at, now = (staleness.apart(FIRST, each) for each in (origin, month))
        rng = np.random.default_rng([self.seed, at, now, own])
        return errors(self.size(at, now), self.rows, rng)

    def score(self, origin: str, month: str) -> Tally:
        return self.tally(origin, month)

    def curve(self) -> list[staleness.Aged]:
        return staleness.curve(ORIGINS, MONTHS, self.score, SETTINGS)

    def policies(self, age: int | None = None):
        return staleness.policies(ORIGINS, MONTHS, self.score, self.own, SETTINGS, 1.0, age)


def always(size: float) -> Tally:
    return Tally.of(np.zeros(10), np.full(10, size))


def steady(origin: int, month: int) -> float:
    return 2.0


def broken(onset: int):
    """A month from which on all is different: who has not learnt from it errs twice as much."""
    return lambda origin, month: 2.0 if origin >= onset or month < onset else 4.0


def test_without_a_change_the_curve_is_flat_within_its_interval():
    found = World(steady).curve()
    assert [one.age for one in found] == [1, 2, 3, 4, 5, 6]
    assert [one.months for one in found] == [24, 23, 22, 21, 20, 19]
    assert (found[0].growth_pct, found[0].low, found[0].high) == (0, 0, 0)
    assert all(one.low <= 0 <= one.high for one in found)
    assert staleness.too_old(found, 1.0) is None


def test_an_error_that_grows_with_age_is_found_at_its_size():
    found = World(lambda origin, month: 2.0 * 1.05 ** (month - origin - 1), rows=5000).curve()
    for one in found:
        expected = 100 * (1.05 ** (one.age - 1) - 1)
        assert one.growth_pct == pytest.approx(expected, abs=1.5)
        assert one.low <= expected <= one.high
    assert staleness.too_old(found, 1.0) == 2
    assert staleness.too_old(found, 12.0) == 4
    assert staleness.too_old(found, 90.0) is None


def test_the_hard_months_are_hard_for_all():
    """A season that doubles everybody's error makes nobody old."""
    found = World(lambda _, month: 2.0 * (1 + month % 2), rows=3000).curve()
    assert all(one.low <= 0 <= one.high for one in found)


def test_of_steady_worlds_few_find_an_age():
    """All ages hold together: not more than one of twenty, and hardly any beyond one percent."""
    curves = [World(steady, rows=200, seed=seed).curve() for seed in range(60)]
    moved = sum(any(one.low > 0 or one.high < 0 for one in found[1:]) for found in curves)
    assert moved <= 0.05 * 60 + 2 * math.sqrt(0.05 * 0.95 * 60)
    assert sum(staleness.too_old(found, 1.0) is not None for found in curves) <= 1


@pytest.mark.parametrize("onset", [1, 5, 12, 23])
def test_the_policy_trains_anew_after_the_known_month_and_never_else(onset):
    found, _ = World(broken(onset)).policies()
    [drift] = [one for one in found if one.name == ON_DRIFT]
    assert drift.trained == (ORIGINS[0], later(FIRST, onset))


def test_without_a_change_no_policy_is_better_and_drift_trains_once():
    found, by_month = World(steady).policies()
    by_name = {one.name: one for one in found}
    assert [*by_name] == [MONTHLY, NEVER, ON_DRIFT]
    assert by_name[ON_DRIFT].trained == (ORIGINS[0],)
    assert (by_name[MONTHLY].trainings, by_name[NEVER].trainings) == (24, 1)
    assert (by_name[MONTHLY].excess_pct, by_name[MONTHLY].low) == (0, 0)
    assert by_name[NEVER].low < 0 < by_name[NEVER].high
    assert [*by_month] == MONTHS
    assert by_name[NEVER].rmse == pytest.approx(2.0, rel=0.02)


def test_what_each_habit_costs_is_counted_over_all_months():
    exact = World(broken(12))
    exact.own = {month: always(2.0) for month in ORIGINS}
    exact.score = lambda origin, month: always(
        exact.size(*(staleness.apart(FIRST, each) for each in (origin, month)))
    )
    found, by_month = exact.policies(age=4)
    by_name = {one.name: one for one in found}
    assert by_name[MONTHLY].rmse == pytest.approx(math.sqrt((23 * 4 + 16) / 24), rel=1e-5)
    assert by_name[NEVER].rmse == pytest.approx(math.sqrt((11 * 4 + 13 * 16) / 24), rel=1e-5)
    assert by_name["every 3 months"].trained == tuple(ORIGINS[::3])
    assert by_name["every 3 months"].rmse == by_name[MONTHLY].rmse  # month 12 is one of them
    assert by_month[MONTHS[11]] == {MONTHLY: 4, NEVER: 4, ON_DRIFT: 4, "every 3 months": 4}
    assert by_month[MONTHS[12]] == {MONTHLY: 2, NEVER: 4, ON_DRIFT: 2, "every 3 months": 2}


def test_no_model_is_used_at_the_age_that_is_too_old():
    used = []

    def score(origin: str, month: str) -> Tally:
        used.append(staleness.apart(origin, month))
        return Tally.of(np.zeros(2), np.ones(2))

    own = dict.fromkeys(ORIGINS, Tally.of(np.zeros(2), np.ones(2)))
    staleness.policies(ORIGINS, MONTHS, score, own, SETTINGS, 1.0, 4)
    walked = used[3 * len(MONTHS) :]  # after the three habits that are always there
    assert max(walked) == 3


def normal(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.normal(0, 1, rows)


def heavy(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.standard_t(3, rows)


@pytest.mark.parametrize("draw", [normal, heavy])
@pytest.mark.parametrize("rows", [100, 1000])
def test_false_alarms_are_at_most_as_many_as_was_asked(rows, draw):
    rng = np.random.default_rng(7)
    tries = 600
    fired = sum(
        staleness.drifted(of(draw(rng, 2 * rows)), of(draw(rng, rows)), 0.0, 5.0)
        for _ in range(tries)
    )
    assert fired / tries <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / tries)
    assert fired / tries >= 0.01


def test_few_errors_that_are_very_large_are_counted_where_their_mean_tells_nothing():
    """As where a tree must go beyond its data: some rows farther off, and one very far."""
    rng = np.random.default_rng(3)
    own, month = rng.normal(0, 1, 4000), rng.normal(0, 1, 1600)
    month[:130], month[130] = 2.5, 60.0
    own, month = of(own), of(month)
    assert staleness.larger(own, month) > 0.01
    assert staleness.farther(own, month) < 1e-6
    assert staleness.drifted(own, month, 1.0, 1.0)


@given(
    own=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    month=st.lists(st.integers(1, 9), min_size=1, max_size=8),
)
def test_the_exceedance_is_that_of_counted_orders(own, month):
    """Every order of both is as probable; ties count as not beyond."""
    found = staleness.farther(of(np.array(own, float)), of(np.array(month, float)))
    limit = max(own)  # the largest of so few own errors is the FAR largest
    beyond = sum(error > limit for error in month)
    many = len(own) + len(month)
    # All of `beyond` month's errors come before the first own one.
    expected = math.comb(many - beyond, len(own)) / math.comb(many, len(own))
    assert found == pytest.approx(expected if beyond else 1.0)


def test_a_larger_error_is_an_alarm_where_it_is_large_and_beyond_chance():
    rng = np.random.default_rng(1)
    own = errors(1, 4000, rng)
    assert staleness.drifted(own, errors(1.2, 2000, rng), 1.0, 1.0)
    assert not staleness.drifted(own, errors(1.05, 20, rng), 1.0, 1.0)  # chance
    assert not staleness.drifted(own, errors(1.2, 2000, rng), 25.0, 1.0)  # small
    assert not staleness.drifted(own, errors(0.5, 2000, rng), 1.0, 1.0)  # better


def test_models_without_an_error():
    none, some = Tally.of(np.zeros(9), np.zeros(9)), Tally.of(np.zeros(9), np.ones(9))
    assert staleness.drifted(none, some, 1.0, 1.0)
    assert not staleness.drifted(none, none, 1.0, 1.0)
    assert not staleness.drifted(some, none, 1.0, 1.0)
    found = staleness.curve(ORIGINS, MONTHS, lambda *_: none, SETTINGS)
    assert {one.growth_pct for one in found} == {0}


def test_predictions_that_are_not_finite_are_an_alarm_and_no_number():
    wild = Tally.of(np.zeros(9), np.full(9, np.inf))
    assert staleness.drifted(always(1.0), wild, 1.0, 1.0)
    own = dict.fromkeys(ORIGINS, always(1.0))
    found, by_month = staleness.policies(ORIGINS, MONTHS, lambda *_: wild, own, SETTINGS, 1.0)
    assert by_month[MONTHS[0]] == {MONTHLY: None, NEVER: None, ON_DRIFT: None}
    assert staleness.told(found)[0]["rmse"] is None


def test_months_without_rows_are_passed_over():
    months = [month for month in MONTHS if month not in ("2022-06", "2022-07")]
    found = staleness.curve(ORIGINS, months, World(steady).score, SETTINGS)
    assert [one.months for one in found] == [22, 21, 20, 19, 18, 18]


def result(world: World) -> dict:
    aged = world.curve()
    age = staleness.too_old(aged, 1.0)
    return {
        "model": "xgboost",
        "window_months": 12,
        "trained": [ORIGINS[0], ORIGINS[-1]],
        "judged": [MONTHS[0], MONTHS[-1]],
        "rows": 24_000,
        "beyond_pct": 1.0,
        "confidence": 0.95,
        "too_old_at": age,
        "flat": all(one.low <= 0 <= one.high for one in aged),
        "ages": staleness.told(aged),
        "policies": staleness.told(world.policies(age)[0]),
        "known": [{"since": "2023-01-01", "what": "prices rise"}],
    }


def test_it_is_told_in_words():
    steadily = ageing.conclusions(result(World(steady)))
    assert steadily == [
        "no age up to 6 months is told from a month: nothing calls for training anew",
        "in no month did the errors leave the level that chance allows",
        "known: from 2023-01-01 on prices rise",
    ]
    old = ageing.conclusions(result(World(lambda o, m: 1.2 ** (m - o), rows=5000)))
    assert old[0].endswith("by more than 1 %, for sure: train anew each month")
    found = ageing.conclusions(result(World(broken(12))))
    assert found[1] == "errors left the level that chance allows in 2023-01"


def test_the_tables_hold_every_age_and_habit():
    text = ageing.as_text(result(World(broken(12))))
    lines = text.splitlines()
    assert lines[0].startswith("xgboost, each learnt from 12 months, judged by 24,000 rows of")
    assert sum(line.strip()[:2] in {"1 ", "2 ", "3 ", "4 ", "5 ", "6 "} for line in lines) == 6
    assert {"monthly", "never", "on drift"} <= {line.strip().split("  ")[0] for line in lines}


def test_what_is_infinite_is_none_in_json():
    none, some = Tally.of(np.zeros(9), np.zeros(9)), Tally.of(np.zeros(9), np.ones(9))
    score = {True: none, False: some}
    found = staleness.curve(
        ORIGINS, MONTHS, lambda o, m: score[staleness.apart(o, m) == 1], SETTINGS
    )
    assert staleness.told(found)[1]["growth_pct"] is None
