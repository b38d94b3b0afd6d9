"""Which models the test rows tell apart, whatever the partitions."""

import functools
import operator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sales.judging.pairs import Pairs

RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 10, 2000)
ERRORS = [NOISE, NOISE + RNG.normal(0, 3, 2000), -NOISE, NOISE * np.inf]


def test_an_error_that_both_make_hides_no_difference():
    pairs = Pairs.of(ERRORS[:2])
    assert pairs.told_apart(0, 1)
    # Each model's own interval is as wide as their common noise: 10 and 10.4 would overlap.
    alone = Pairs.of([RNG.normal(0, 10, 500), RNG.normal(0, 10.4, 500)])
    assert not alone.told_apart(1, 0)


def test_equal_models_are_alike_and_a_diverged_one_is_like_none():
    pairs = Pairs.of(ERRORS)
    assert not pairs.told_apart(0, 2)
    assert pairs.alike(0, 4) == [2]
    assert pairs.alike(3, 4) == []


def test_it_is_the_paired_test_of_squared_errors():
    one, other = ERRORS[:2]
    for factor in (1.0, 1.001, 1.02, 1.05):
        found = stats.ttest_rel(np.square(one * factor), np.square(other))
        assert Pairs.of([one * factor, other]).told_apart(0, 1) == (found.pvalue < 0.05)


@given(stops=st.lists(st.integers(0, 2000), max_size=4))
def test_partitions_add_up(stops):
    parts = zip(*(np.split(errors, sorted(stops)) for errors in ERRORS[:3]), strict=True)
    found = functools.reduce(operator.add, map(Pairs.of, parts))
    whole = Pairs.of(ERRORS[:3])
    assert found.rows == whole.rows
    for pair, total in whole.sums.items():
        assert np.isclose(found.sums[pair], total)
        assert np.isclose(found.squares[pair], whole.squares[pair])


def test_equal_models_are_told_apart_five_times_of_a_hundred():
    rng = np.random.default_rng(1)
    apart = [Pairs.of([*rng.normal(size=(2, 200))]).told_apart(0, 1) for _ in range(1000)]
    assert 20 <= sum(apart) <= 80
