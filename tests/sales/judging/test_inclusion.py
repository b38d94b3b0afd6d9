"""Inclusion: worked out by hand, held to what it promises by simulation, and seen to add up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.judging import inclusion
from sales.judging.tallies import Tally


def tally(errors):
    errors = np.asarray(errors, float)
    return Tally.of(np.zeros(len(errors)), errors)


def of(levels, fewest=3):
    """Return what is told of levels, each a list of errors."""
    keys = {(0, name, f"City={name}"): tally(errors) for name, errors in levels.items()}
    whole = tally(np.concatenate([*levels.values()]))
    return inclusion.told(whole, keys, fewest)


def test_nothing_is_told_where_no_column_is_named():
    assert inclusion.told(tally([1.0, 2.0]), {}, 3) == {}


def test_the_lower_end_is_the_one_worked_out_by_hand():
    """Squared errors 4, 4, 16 of a level and 1, 1 of the others.

    Means 8 and 26/5; the level's mean has the variance 48 / 3 = 16, the others' none. The weight
    of its mean in the logarithm of the ratio is 1/8 - (3/5)/(26/5) = 1/104. Student's quantile of
    0.95 at 2 degrees of freedom is 2.919986.
    """
    whole, level = tally([2, 2, 4, 1, 1]), tally([2, 2, 4])
    ratio = math.sqrt(8 / (26 / 5))
    expected = ratio * math.exp(-2.919986 * (4 / 104) / 2)
    assert inclusion.beyond_chance(whole, level) == pytest.approx(expected, rel=1e-6)
    found = of({"Austin": [2, 2, 4], "Dallas": [1, 1]})
    assert found["measured"] == pytest.approx(ratio, rel=1e-5)
    assert found["ratio"] < found["measured"]
    assert (found["level"], found["rows"], found["levels"]) == ("City=Austin", 3, 2)
    assert found["few_rows"] == "City=Dallas"


def test_all_levels_together_are_allowed_more_than_one_alone():
    whole, level = tally([2, 2, 4, 1, 1]), tally([2, 2, 4])
    ends = [inclusion.beyond_chance(whole, level, levels) for levels in (1, 2, 20)]
    assert ends[0] > ends[1] > ends[2] > 0


@pytest.mark.parametrize(
    ("levels", "ratio"),
    [
        ({"a": [0.0, 0.0], "b": [0.0]}, 1.0),  # nobody errs
        ({"a": [1.0, -1.0], "b": [1.0, 1.0]}, 1.0),  # no sampling error to allow
        ({"a": [3.0], "b": [1.0, 1.0, 1.0]}, math.sqrt(1 / 3)),  # a single row tells nothing
        ({"a": [0.0, 0.0], "b": [2.0, 2.0]}, math.sqrt(2)),
    ],
)
def test_edges(levels, ratio):
    assert of(levels)["ratio"] == pytest.approx(ratio, rel=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_error_that_is_not_finite_has_no_ratio(bad):
    found = of({"a": [1.0, 2.0, 3.0], "b": [1.0, bad, 2.0]})
    assert math.isnan(found["ratio"])


@given(
    st.lists(st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3), min_size=2, max_size=30),
    st.lists(st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3), min_size=2, max_size=30),
    st.floats(0.01, 100),
)
def test_it_is_below_what_was_measured_and_knows_no_units(one, other, unit):
    whole, level = tally([*one, *other]), tally(one)
    found = inclusion.beyond_chance(whole, level, 5)
    assert 0 <= found <= level.rmse / whole.rmse * (1 + 1e-9)
    scaled = [np.array(one) * unit, np.array(other) * unit]
    again = inclusion.beyond_chance(tally(np.concatenate(scaled)), tally(scaled[0]), 5)
    assert again == pytest.approx(found, rel=1e-6)


def test_levels_that_are_served_alike_are_found_fault_with_by_chance_at_most_as_promised():
    """25 levels of 8 to 800 rows, the errors of one distribution: in 5 of 100 runs at most."""
    rng = np.random.default_rng(0)
    sizes = np.geomspace(8, 800, 25).astype(int)
    faults, runs = 0, 200
    for _ in range(runs):
        levels = {f"{i}": rng.normal(size=rows) for i, rows in enumerate(sizes)}
        faults += of(levels)["ratio"] > 1.0
    assert faults <= 0.05 * runs + 2 * math.sqrt(0.05 * 0.95 * runs)


def test_a_level_that_is_served_twice_as_badly_is_found():
    rng = np.random.default_rng(1)
    levels = {f"{i}": rng.normal(size=400) for i in range(20)}
    levels["worse"] = 2 * rng.normal(size=100)
    found = of(levels)
    assert found["level"] == "City=worse"
    assert found["ratio"] > 1.25
