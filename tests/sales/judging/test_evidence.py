"""Two models on the same rows: how much better one is, and how sure that is."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.judging.evidence import Comparison, Improvement, least_found

ROWS = 20_000
LEVEL = 0.95


def errors(rng, rows, ratio, correlation=0.0, heavy=False):
    """Return the errors of two models whose true RMSEs stand in this ratio."""
    draw = (lambda: rng.standard_t(6, rows)) if heavy else (lambda: rng.standard_normal(rows))
    shared, one, other = draw(), draw(), draw()
    mix = math.sqrt(correlation), math.sqrt(1 - correlation)
    return mix[0] * shared + mix[1] * one, ratio * (mix[0] * shared + mix[1] * other)


def test_exact_on_few_rows():
    found = Comparison.of(np.array([3.0, 1.0, -2.0]), np.array([1.0, -1.0, 2.0]))
    assert found == Comparison(3, 14.0, 6.0, 98.0, 18.0, 26.0)
    told = found.improvement()
    assert told.pct == pytest.approx(100 * (1 - math.sqrt(6 / 14)))
    # By hand: t of 2 degrees of freedom is 4.302653.
    shares = [(1 / 6, 9 / 14), (1 / 6, 1 / 14), (4 / 6, 4 / 14)]
    deviation = math.sqrt(1.5 * sum((b - a) ** 2 for b, a in shares)) / 2
    middle = math.log(6 / 14) / 2
    assert told.low == pytest.approx(100 * (1 - math.exp(middle + 4.302653 * deviation)), 1e-6)
    assert told.high == pytest.approx(100 * (1 - math.exp(middle - 4.302653 * deviation)), 1e-6)


@given(cut=st.integers(0, 50), seed=st.integers(0, 99))
def test_sums_of_parts_are_those_of_the_whole(cut, seed):
    first, second = errors(np.random.default_rng(seed), 50, 0.9)
    whole = Comparison.of(first, second)
    parts = Comparison.of(first[:cut], second[:cut]) + Comparison.of(first[cut:], second[cut:])
    assert parts.units == whole.units
    for name in ("a", "b", "aa", "bb", "ab"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name))


@given(seed=st.integers(0, 99), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_neither_units_nor_the_order_of_the_models_matter(seed, scale):
    first, second = errors(np.random.default_rng(seed), 200, 0.8, 0.5)
    told = Comparison.of(first, second).improvement()
    assert Comparison.of(scale * first, scale * second).improvement().low == pytest.approx(told.low)
    back = Comparison.of(second, first).improvement()
    assert 1 - back.pct / 100 == pytest.approx(1 / (1 - told.pct / 100))
    assert 1 - back.low / 100 == pytest.approx(1 / (1 - told.high / 100))


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ([1, 2], [0, 0], (100, 100, 100)),
        ([0, 0], [0, 0], (0, 0, 0)),
        ([0, 0], [1, 2], (-math.inf, -math.inf, -math.inf)),
        ([2], [1], (50, -math.inf, 100)),
        ([1, 2, 3], [1, 2, 3], (0, 0, 0)),
    ],
)
def test_at_the_edges(first, second, told):
    found = Comparison.of(np.array(first), np.array(second)).improvement()
    assert found == Improvement(*told)
    assert found.beyond_chance == (told[1] > 0)


@pytest.mark.parametrize(("correlation", "heavy"), [(0.0, False), (0.9, False), (0.5, True)])
def test_of_equally_good_models_few_are_taken_for_better(correlation, heavy):
    """500 pairs: at most 5 %, so at most 25 may be; 2.5 % are expected."""
    rng = np.random.default_rng(7)
    taken = sum(
        Comparison.of(*errors(rng, 2000, 1.0, correlation, heavy)).improvement(LEVEL).beyond_chance
        for _ in range(500)
    )
    assert taken <= 25


def test_of_models_three_percent_apart_nearly_all_are_found():
    """20,000 rows, errors that have nothing in common, which is the hardest; 95 % are promised."""
    rng = np.random.default_rng(7)
    found = sum(
        Comparison.of(*errors(rng, ROWS, 0.97)).improvement(LEVEL).beyond_chance for _ in range(200)
    )
    assert found >= 190


def test_what_is_said_to_be_found_is_found_that_often():
    """Models as far apart as 2,000 such rows are said to tell: 95 % of 400 pairs, within 3 %."""
    rng = np.random.default_rng(7)
    told = Comparison.of(*errors(rng, 2000, 1.0, 0.5)).improvement()
    least = least_found(told.low, told.high)
    found = sum(
        Comparison.of(*errors(rng, 2000, 1 - least / 100, 0.5)).improvement().beyond_chance
        for _ in range(400)
    )
    assert 0.92 * 400 <= found <= 0.98 * 400
    assert least_found(-math.inf, 100.0) is None


@pytest.mark.parametrize("rows", [30, 200, 2000])
def test_the_interval_holds_what_is_true(rows):
    """400 pairs: 95 % are promised; below 92 % would be three standard errors away."""
    rng = np.random.default_rng(rows)
    held = 0
    for _ in range(400):
        told = Comparison.of(*errors(rng, rows, 0.9, 0.5)).improvement(LEVEL)
        held += told.low <= 10 <= told.high
    assert held >= 0.92 * 400


def test_rows_of_one_group_count_once():
    """Each group's rows share their error; rows taken for independent would see differences."""
    rng = np.random.default_rng(7)
    by_row = by_group = 0
    for _ in range(300):
        first, second = errors(rng, 100, 1.0)
        groups = np.repeat(np.arange(100), 20)
        pair = np.repeat(first, 20), np.repeat(second, 20)
        by_row += Comparison.of(*pair).improvement().beyond_chance
        by_group += Comparison.of(*pair, groups).improvement().beyond_chance
    assert by_group <= 15
    assert by_row > 60
