"""Shapes: bins that are the same everywhere, cells for whatever comes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.judging import shapes

FINITE = st.floats(-1e9, 1e9, allow_nan=False)


def test_few_different_numbers_have_a_bin_each():
    shape = shapes.of_numbers("Quantity", "number", np.array([1.0, 2, 2, 5, np.nan]))
    assert shape.discrete
    assert shape.edges.tolist() == [1, 2, 5]
    assert shape.counts.tolist() == [1, 2, 1]
    assert (shape.missing, shape.least, shape.most, shape.mean) == (1, 1, 5, 2.5)
    placed = shape.place(np.array([0.0, 1, 1.5, 2, 4.9, 5, 99, np.nan]))
    assert placed.tolist() == [0, 0, 0, 1, 1, 2, 2, 3]


def test_many_are_cut_where_the_rows_are_and_finer_at_the_ends():
    values = np.arange(10_000.0)
    shape = shapes.of_numbers("Price", "number", values)
    assert not shape.discrete
    assert shape.edges[[0, -1]].tolist() == [0, 9999]
    assert shape.bins == 24
    assert shape.counts.sum() == 10_000
    assert shape.counts[4:-4].tolist() == [500] * 16
    # Of few rows the fine ends are left out: there is nothing in them.
    assert shapes.of_numbers("Price", "number", np.arange(120.0)).bins == 20


def test_the_range_is_that_of_all_rows_where_these_are_a_part():
    shape = shapes.of_numbers("Price", "number", np.arange(1000.0), (-5.0, 2000.0))
    assert (shape.least, shape.most) == (-5, 2000)
    assert shape.edges[[0, -1]].tolist() == [-5, 2000]


@pytest.mark.parametrize("values", [[], [np.nan], [1.0, np.inf]])
def test_without_numbers_there_is_no_shape(values):
    assert shapes.of_numbers("x", "number", np.array(values, float)) is None


@given(st.lists(FINITE, min_size=1, max_size=200), st.lists(FINITE | st.just(np.nan), max_size=50))
def test_each_number_has_a_cell_and_the_order_of_rows_is_nothing(values, others):
    shape = shapes.of_numbers("x", "number", np.array(values))
    again = shapes.of_numbers("x", "number", np.array(values[::-1]))
    assert shape.edges.tolist() == again.edges.tolist()
    assert shape.counts.tolist() == again.counts.tolist()
    assert shape.counts.sum() == len(values)
    placed = shape.place(np.array(others, float))
    assert ((placed == shape.bins) == np.isnan(np.array(others, float))).all()
    assert ((placed >= 0) & (placed <= shape.bins)).all()
    assert shapes.read(shape.told()).told() == shape.told()


def test_levels_the_frequent_first_the_rare_together_new_ones_apart():
    names = [f"L{number:02d}" for number in range(40)]
    rows = [name for number, name in enumerate(names) for _ in range(40 - number)]
    shape = shapes.of_levels("Brand", pd.Series([*rows, None], dtype="category"))
    assert shape.levels == tuple(names[:30])
    assert shape.counts.tolist() == list(range(40, 10, -1))
    assert (shape.others, shape.missing, shape.once) == (sum(range(1, 11)), 1, 1)
    assert shape.names == tuple(names[30:])
    assert shape.place(["L00", "L35", "new", None]).tolist() == [0, 30, 31, 32]
    assert shapes.read(shape.told()).told() == shape.told()


def test_one_level_too_many_stands_by_itself():
    rows = [f"L{number:02d}" for number in range(31)] * shapes.LEAST_ROWS
    shape = shapes.of_levels("Brand", pd.Series(rows))
    assert len(shape.levels) == 31
    assert shape.others == 0


def test_levels_are_chosen_by_other_rows_and_counted_in_these():
    rows = ["a"] * 60 + ["b"] * 30 + ["c"] * 8 + ["d", "e", "e"]
    others = ["b"] * 4 + ["a"] * 5 + ["c"] * 2 + ["new"] * 9 + ["d"]
    shape = shapes.of_levels("Brand", pd.Series(rows), pd.Series(others))
    # Of 21 rows two stand for nearly ten of 101, and one for five; a new one is none that was seen.
    assert shape.levels == ("a", "b")
    assert shape.counts.tolist() == [60, 30]
    assert (shape.others, shape.names) == (11, ("c", "d", "e"))
    assert (shape.once, shape.twice) == (1, 2)
    more = shapes.of_levels("Brand", pd.Series(rows), pd.Series([*others, "c"]))
    assert more.levels == ("a", "b", "c")
    assert shape.place(["a", "c", "new"]).tolist() == [0, 2, 3]


def test_of_very_many_levels_a_new_one_counts_with_the_rare():
    rows = [f"L{number}" for number in range(shapes.MOST_NAMES + shapes.MOST_LEVELS + 1)]
    shape = shapes.of_levels("Customer", pd.Series(rows))
    assert shape.names is None
    assert shape.place(["strange"]).tolist() == [0]
