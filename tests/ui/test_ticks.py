"""Round marks from end to end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.ticks import ticks


@pytest.mark.parametrize(
    ("low", "high", "most", "whole", "marks"),
    [
        (5.05, 599.9, 4, False, [0, 200, 400, 600]),
        (0, 0.3, 5, False, [0, 0.1, 0.2, 0.3]),
        (1, 5, 4, True, [1, 2, 3, 4, 5]),
        (1, 2, 5, True, [1, 2]),
        (0, 3, 5, True, [0, 1, 2, 3]),
        (-20, 16, 5, False, [-20, -10, 0, 10, 20]),
        (7, 7, 5, False, [2, 4, 6, 8, 10, 12]),
        (0, 0, 5, False, [-1, -0.5, 0, 0.5, 1]),
        (0, 5e-324, 2, False, [-1, 0, 1]),
    ],
)
def test_the_marks(low, high, most, whole, marks):
    assert ticks(low, high, most, whole=whole) == marks


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.integers(2, 6), st.booleans())
def test_they_hold_all_that_is_drawn_and_are_few(low, span, most, whole):
    marks = ticks(low, low + span, most, whole=whole)
    room = 1e-6 * max(1.0, abs(low), span)
    assert marks[0] <= low + room
    assert marks[-1] >= low + span - room
    assert 2 <= len(marks) <= most + 1
    assert not whole or all(mark % 1 == 0 for mark in marks)


def test_what_is_no_number_has_marks_all_the_same():
    assert ticks(float("nan"), float("inf"))[0] == 0
