"""Sums add up whatever their order, and verdicts are what the interval says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import trials
from sales.trials import confidence_sequence, losses, paired_sums, verdict
from sales.trials.paired_sums import PairedSums
from sales.trials.verdict import Rules

RULES = Rules(alpha=0.05, margin_pct=1.0, least_units=300, tightest_at=2_000)
numbers = st.integers(-1000, 1000)
rows = st.lists(st.tuples(st.sampled_from("abcdef"), numbers, st.integers(0, 1000)), max_size=12)


def units(told) -> PairedSums:
    """Return the sums of rows by the name of their unit, whatever their order."""
    found: dict[str, np.ndarray] = {}
    for name, d, lost in told:
        found[name] = found.get(name, np.zeros(3)) + np.array([1, d, lost])
    return paired_sums.of_units(*np.array([*found.values()] or np.zeros((0, 3)), float).T)


@given(rows, rows)
def test_units_that_are_apart_add_up(one, other):
    other = [(name.upper(), *rest) for name, *rest in other]
    assert units(one) + units(other) == units([*one, *other])


@given(rows)
def test_rows_that_are_a_unit_each_have_the_sums_of_rows(told):
    apart = [(number, *rest) for number, (_, *rest) in enumerate(told)]
    d, lost = (np.array([one[at] for one in told], float) for at in (1, 2))
    assert units(apart) == PairedSums.of(d, lost)


def test_the_deviation_of_rows_apart_is_theirs_and_of_copies_as_of_one():
    d = np.array([1.0, 2.0, 4.0, -3.0])
    alone = PairedSums.of(d, np.ones(4))
    assert alone.mean == 1.0
    assert alone.deviation == pytest.approx(np.std(d), rel=1e-12)
    copied = units([(name, each, 1) for name, each in zip("abcd", d, strict=True)] * 7)
    assert (copied.units, copied.rows, copied.mean) == (4, 28, 1.0)
    assert copied.deviation == pytest.approx(np.std(d), rel=1e-12)


def test_units_of_different_sizes_weigh_by_their_rows():
    # By hand: a has two rows of sum 6, b one of 0: mean 2, shares (6 - 2·2, 0 - 2·1).
    found = units([("a", 5, 9), ("b", 0, 3), ("a", 1, 0)])
    assert (found.mean, found.champion_loss) == (2.0, 4.0)
    assert found.deviation == pytest.approx(math.sqrt((2**2 + 2**2) * 2) / 3, rel=1e-12)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ((5.0, 0.1, 9.9), "better"),
        ((0.9, 0.1, 9.9), "not yet"),  # above zero, and not worth it
        ((0.9, 0.1, 1.0), "equal"),
        ((1.0, -0.1, 2.1), "not yet"),
        ((-0.5, -1.0, -0.1), "equal"),
        ((-0.6, -1.1, -0.1), "worse"),
        ((-5.0, -9.0, 0.0), "not yet"),
        ((0.0, -1.0, 1.0), "equal"),
        ((math.nan, math.nan, math.nan), "not yet"),
    ],
)
def test_what_an_interval_says(told, what):
    assert verdict.decided(*told, 1.0) == what


def test_it_does_not_speak_below_its_least_number_of_units():
    d = np.tile([99.0, 101.0], 500)
    few, enough = (PairedSums.of(d[:many], np.full(many, 1000.0)) for many in (298, 300))
    assert verdict.of(few, RULES).what == "not yet"
    assert verdict.of(few, RULES).rows_needed == 2
    found = verdict.of(enough, RULES)
    assert (found.what, found.rows_needed) == ("better", None)
    assert found.improvement_pct == pytest.approx(100 * (1 - math.sqrt(0.9)), rel=1e-12)
    assert verdict.of(PairedSums.of(-d[:300], np.full(300, 1000.0)), RULES).what == "worse"
    assert verdict.of(PairedSums.of(d[:300] - 100, np.full(300, 1000.0)), RULES).what == "equal"


def test_no_truths_and_one_say_nothing():
    for many in (0, 1):
        found = verdict.of(PairedSums.of(np.ones(many), np.ones(many)), RULES)
        assert (found.what, found.rows, found.rows_needed) == ("not yet", many, 300 - many)
        assert (found.low_pct, found.high_pct) == (-math.inf, math.inf)


@pytest.mark.parametrize("mean", [4.0, 0.3, -3.0])
def test_the_rows_that_are_needed_are_enough(mean):
    def sums(many: int) -> PairedSums:
        spread = np.where(np.arange(many) % 2, 40.0, -40.0)
        return PairedSums.of(spread + mean, np.full(many, 100.0))

    more = verdict.of(sums(400), RULES).rows_needed
    assert more is not None
    assert more > 0
    assert verdict.of(sums(400 + more - more % 2 + 2), RULES).what != "not yet"
    assert verdict.of(sums(400 + more // 2 // 2 * 2), RULES).what == "not yet"


def test_the_rows_needed_are_unknown_where_it_stands_on_the_margin():
    d = np.where(np.arange(400) % 2, 40.0, -40.0) + losses.saved_by(1.0, 100.0, "squared")
    found = verdict.of(PairedSums.of(d, np.full(400, 100.0)), RULES)
    assert found.what == "not yet"
    assert found.rows_needed is None or found.rows_needed > 0


@pytest.mark.parametrize("kind", ["squared", "absolute"])
@given(pct=st.floats(-90, 90), champion=st.floats(1e-6, 1e6))
def test_percents_and_mean_losses_say_the_same(kind, pct, champion):
    saved = losses.saved_by(pct, champion, kind)
    assert losses.improvement_pct(np.array(saved), champion, kind) == pytest.approx(pct, abs=1e-6)


def test_of_a_champion_that_never_errs_any_error_is_infinitely_worse():
    told = losses.improvement_pct(np.array([-1.0, 0.0]), 0.0, "squared").tolist()
    assert told == [-math.inf, 0.0]


def test_errors_above_the_bound_count_as_the_bound():
    errors = np.array([-7.0, 2.0, 1e9])
    assert losses.of(errors, "squared", 5.0).tolist() == [25.0, 4.0, 25.0]
    assert losses.of(errors, "absolute", None).tolist() == [7.0, 2.0, 1e9]


@given(st.floats(0.001, 0.5), st.floats(10, 1e6), st.floats(1e-4, 0.5))
def test_the_interval_narrows_and_the_units_until_are_the_first(alpha, tightest_at, wanted):
    rate = confidence_sequence.rate(alpha, tightest_at)
    many = confidence_sequence.units_until(wanted, alpha, rate)
    assert math.isfinite(many)
    around = np.array([max(many - 2, 1), many, 2 * many], float)
    before, at, later = confidence_sequence.width(around, alpha, rate)
    assert later < at <= wanted * (1 + 1e-9)
    assert many <= 2 or before > wanted * (1 - 1e-9)


def test_the_sequence_is_wider_than_the_usual_interval_and_tightest_where_it_was_told():
    many = np.array(2_000.0)
    own = confidence_sequence.width(many, 0.05, RULES.rate)
    others = [
        confidence_sequence.width(many, 0.05, confidence_sequence.rate(0.05, at))
        for at in (200, 20_000)
    ]
    assert 1.96 / math.sqrt(2_000) < own < min(others)


def test_the_simulation_looks_as_a_trial_is_judged():
    rng = np.random.default_rng(5)
    champion, challenger = trials.NORMAL(rng, (3, 900))
    told = trials.course(champion, 0.9 * challenger, RULES)
    for trial, many in ((0, 300), (1, 555), (2, 900)):
        lost = champion[trial, :many] ** 2
        d = lost - (0.9 * challenger[trial, :many]) ** 2
        found = verdict.of(PairedSums.of(d, lost), RULES)
        at = trial, many - 300
        own = (told.improvement[at], told.low[at], told.high[at])
        expected = (found.improvement_pct, found.low_pct, found.high_pct)
        assert own == pytest.approx(expected, rel=1e-9)
        flags = {"better": told.better, "worse": told.worse, "equal": told.equal}
        said = [what for what, holds in flags.items() if holds(RULES)[at]]
        assert said == ([] if found.what == "not yet" else [found.what])


def test_equal_models_looked_at_after_every_truth_are_seldom_told_apart():
    """A sample of `make bench-trials`: 200 trials of 3,000 truths, the usual test beside it."""
    found = trials.of_equal(trials.NORMAL, RULES, trials=200, truths=3_000)
    assert found.missed <= 0.05
    assert found.verdict <= found.missed
    assert found.usual > 0.15


def test_a_better_challenger_is_found():
    rows = trials.of_better(trials.NORMAL, RULES, trials=50, truths=10_000)
    assert np.isfinite(rows).mean() > 0.9
    assert rows.min() >= RULES.least_units


def test_rows_of_one_customer_are_no_independent_evidence():
    by_rows, by_customers = trials.of_customers(RULES, 20, trials=60, truths=4_000)
    assert by_customers <= 0.07 < by_rows
