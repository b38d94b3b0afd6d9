"""Marks split the rows that they are of as they say."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sales.judging.marks import MARKED, Marks


def test_so_many_are_above():
    found = Marks.of(np.array([*range(-50, 0), *range(51, 101)], float))
    assert [round(size, 2) for size in found.sizes] == [67, 95, 100]
    assert (found.rows, found.above) == (100, (33, 5, 0))
    many = Marks.of(np.arange(1.0, 1001))
    assert many.above == (333, 50, 0)
    assert Marks.read(json.loads(json.dumps(many.told()))) == many


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_no_more_than_was_asked_for_are_above_and_none_above_the_last(errors):
    found = Marks.of(np.array(errors))
    for share, above in zip(MARKED, found.above, strict=True):
        assert above <= share * len(errors)
    assert list(found.sizes) == sorted(found.sizes)


def test_the_last_bits_of_an_error_change_nothing():
    errors = np.random.default_rng(1).normal(size=500)
    assert Marks.of(errors * (1 + 1e-13)) == Marks.of(errors)
