"""The rows that are farthest off."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ui import worst_rows

NUMBERS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6) | st.just(float("nan"))))


@given(rows=NUMBERS)
def test_no_row_that_is_left_out_is_worse_than_one_that_is_shown(rows):
    true, predicted = (np.array([row[end] for row in rows], float) for end in (0, 1))
    found = worst_rows.places(true, predicted)
    off = np.abs(predicted - true)
    known = np.isfinite(off)
    assert len(found) == min(worst_rows.MOST, known.sum())
    assert known[found].all()
    assert (np.diff(off[found]) <= 0).all()
    others = np.setdiff1d(np.flatnonzero(known), found)
    if len(others):
        assert off[others].max() <= off[found].min()
