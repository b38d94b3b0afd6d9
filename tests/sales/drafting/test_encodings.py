"""A category is drafted as one number where rows held out say that it tells more so."""

import numpy as np
import pandas as pd

from sales.drafting import encodings


def table(rows, levels, seed, *, spread=50.0):
    """Return streets with equally many rows, and prices that each of them moves."""
    rng = np.random.default_rng(seed)
    street = rng.integers(0, levels, rows)
    price = 500 + rng.normal(0, spread, levels)[street] + rng.normal(0, 10, rows)
    return pd.DataFrame({"street": [f"s{n}" for n in street], "price": price})


def chosen(rows):
    return encodings.chosen(rows, "price", ["street"], 50)


def test_levels_with_a_few_rows_each_tell_more_as_a_number():
    found = chosen(table(5000, 1000, 1))  # five rows each: by codes all are one
    assert [*found] == ["street"]
    assert found["street"].startswith("street: 9")
    assert "as a number" in found["street"]


def test_levels_with_many_rows_tell_as_much_by_codes():
    assert chosen(table(5000, 60, 2)) == {}


def test_levels_that_mean_nothing_are_a_number_that_says_so():
    """As codes they show a train row its own target, and a model learns what is not there."""
    rows = table(5000, 300, 3, spread=0.0)
    assert [*chosen(rows)] == ["street"]


def test_few_levels_are_not_tried():
    assert chosen(table(5000, 50, 4)) == {}


def test_rows_without_a_target_or_a_value_do_no_harm():
    rows = table(5000, 1000, 1)
    rows.loc[:99, "price"] = np.nan
    rows.loc[100:999, "street"] = None
    assert [*chosen(rows)] == ["street"]
    assert chosen(rows[:100]) == {}
    assert chosen(rows[:0]) == {}
