"""Distances against SciPy's own, and what their units promise."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sales.judging import shapes
from sales.watching.windows import chance, distances

WHOLE = st.lists(st.integers(0, 20).map(float), min_size=1, max_size=60)


def counts(shape, values) -> np.ndarray:
    return np.bincount(shape.place(values), minlength=shape.bins + 1)[:-1]


@given(WHOLE.filter(lambda values: len(set(values)) > 1), WHOLE)
def test_of_few_numbers_it_is_scipys_within_the_reference_range(before, now):
    shape = shapes.of_numbers("x", "number", np.array(before))
    known = np.unique(before)
    # A value that the reference has not counts as the next lower one that it has.
    held = [known[max(np.searchsorted(known, one, side="right") - 1, 0)] for one in now]
    expected = stats.wasserstein_distance(before, held) / shape.spread
    found = distances.distance(shape, counts(shape, np.array(now)))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("by", [0.1, 0.5, -0.3])
def test_a_shift_by_a_tenth_of_a_standard_deviation_is_a_tenth(by):
    rng = np.random.default_rng(0)
    values = rng.normal(50, 7, 100_000)
    shape = shapes.of_numbers("x", "number", values)
    moved = distances.distance(shape, counts(shape, values + by * 7))
    assert moved == pytest.approx(abs(by), abs=0.01)


def test_one_row_in_ten_with_another_level_is_a_tenth():
    shape = shapes.of_levels("Brand", pd.Series(["a"] * 50 + ["b"] * 50))
    assert distances.distance(shape, np.array([40.0, 60, 0, 0])) == pytest.approx(0.1)
    assert distances.distance(shape, np.array([45.0, 45, 0, 10])) == pytest.approx(0.1)


def test_a_level_that_is_new_is_like_a_rare_one():
    rows = [f"L{number:02d}" for number in range(40) for _ in range(40 - number)]
    shape = shapes.of_levels("Brand", pd.Series(rows))
    own = distances.own(shape)
    moved = own.copy()
    moved[-1], moved[-2] = own[-2], 0
    assert distances.distance(shape, moved) == 0


def test_levels_chosen_by_other_rows_do_not_seem_to_have_moved():
    """Thirty even levels, of which each has about as many rows as it needs to count by itself."""
    rng, found = np.random.default_rng(2), {True: [], False: []}
    for _ in range(60):
        rows, others, window = (rng.integers(0, 30, many) for many in (300, 300, 3000))
        for chosen, by in ((True, others), (False, rows)):
            shape = shapes.of_levels("x", *(pd.Series(each.astype(str)) for each in (rows, by)))
            counts = np.bincount(shape.place(window.astype(str)), minlength=shape.bins + 1)[:-1]
            limits = chance.simulate([shape], 3000, 5.0, rounds=200)
            threshold = limits.threshold("x", 3000, 300)
            found[chosen].append(distances.distance(shape, counts) > threshold)
    assert np.mean(found[True]) <= 0.15  # 0.05 are asked for
    assert np.mean(found[False]) > 0.4


def test_many_windows_at_once_and_none():
    shape = shapes.of_numbers("x", "number", np.arange(1000.0))
    own = distances.own(shape)
    found = distances.distance(shape, np.array([own, own[::-1], np.zeros_like(own)]))
    assert found[0] == 0
    assert np.isnan(found[2])
    one = shapes.of_numbers("x", "number", np.ones(5))
    assert distances.distance(one, np.array([3.0])) == 0
