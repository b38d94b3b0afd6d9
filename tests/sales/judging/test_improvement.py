"""An improvement is told by its size and a word: no number of it has a sign."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.judging import improvement

ends = st.floats(-1e6, 100) | st.just(-math.inf)


@given(ends)
def test_what_is_told_says_how_much_and_which_way(pct):
    size, sign, word = improvement.told(pct).split()
    assert sign == "%"
    assert word == "better" if pct >= 0 else pct > -0.0051 or word == "worse"
    assert size == "any" if math.isinf(pct) else float(size) == pytest.approx(abs(pct), abs=0.0051)


@given(ends, ends)
def test_no_sign_stands_in_an_interval_and_both_ends_do(one, other):
    low, high = sorted([one, other])
    said = improvement.between(low, high)
    assert "-" not in said
    first, last = said.split(" to ")
    told = {improvement.told(low), improvement.told(high)}
    assert last in told
    assert first in told or f"{first} {' '.join(last.split()[1:])}" in told


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.0, 20.0, "0.00 to 20.00 % better"),
        (-0.001, 20.0, "0.00 to 20.00 % better"),
        (-20.0, -10.0, "10.00 to 20.00 % worse"),
        (-20.0, 10.0, "20.00 % worse to 10.00 % better"),
        (-math.inf, -10.0, "10.00 to any % worse"),
        (-math.inf, 100.0, "any % worse to 100.00 % better"),
    ],
)
def test_an_interval_in_words(low, high, said):
    assert improvement.between(low, high) == said
