"""Time cut into windows."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.errors import PipelineError
from sales.watching.windows import cuts

HOUR = 3600 * cuts.SECOND


def at(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def test_days_and_weeks_in_utc():
    times = np.array([at("2026-11-25T00:00:00"), at("2026-11-25T23:59:59.999999")])
    day = cuts.by_time(cuts.asked("day"))
    assert [cuts.told(start) for start in day.of(times)] == ["2026-11-25T00:00:00+00:00"] * 2
    week = cuts.by_time(cuts.asked("week"))
    [start, _] = week.of(times)
    assert cuts.told(start) == "2026-11-23T00:00:00+00:00"  # a Monday
    assert cuts.told(week.end(start)) == "2026-11-30T00:00:00+00:00"
    assert day.is_open(at("2026-11-25"), at("2026-11-25T12:00"))
    assert not day.is_open(at("2026-11-25"), at("2026-11-26"))


def test_rows_that_are_asked_for_and_the_last_window_is_open_until_it_has_them():
    seconds = Counter({10: 20, 11: 15, 12: 30, 15: 5})
    cut = cuts.by_rows(cuts.asked("35"), seconds)
    assert cut.starts.tolist() == [10 * cuts.SECOND, 12 * cuts.SECOND]
    assert cut.of(np.array([10, 11, 12, 15]) * cuts.SECOND).tolist() == [
        *(10 * cuts.SECOND, 10 * cuts.SECOND, 12 * cuts.SECOND, 12 * cuts.SECOND)
    ]
    assert not cut.is_open(10 * cuts.SECOND, 0)
    assert cut.is_open(12 * cuts.SECOND, 0) is False
    assert cut.end(12 * cuts.SECOND) == 16 * cuts.SECOND
    later = cuts.by_rows(cuts.asked("36"), seconds)
    assert later.starts.tolist() == [10 * cuts.SECOND, 15 * cuts.SECOND]
    assert later.is_open(15 * cuts.SECOND, 0)
    assert not later.is_open(10 * cuts.SECOND, 0)


@given(st.lists(st.integers(0, 500), min_size=1), st.integers(30, 60))
def test_each_window_of_rows_has_at_least_so_many_but_the_last(seconds, many):
    times = np.sort(np.array(seconds)) * cuts.SECOND
    half = len(times) // 2
    counted = cuts.per_second(times[:half]) + cuts.per_second(times[half:])
    cut = cuts.by_rows(cuts.asked(str(many)), counted)
    _, rows = np.unique(cut.of(times), return_counts=True)
    assert (rows[:-1] >= many).all()
    assert rows.sum() == len(times)
    assert cut.full == (rows[-1] >= many)


@pytest.mark.parametrize("window", ["", "month", "0", "29", "1.5", "-100", "days"])
def test_what_is_no_window_is_told(window):
    with pytest.raises(PipelineError, match="day, week or a number of rows from 30 on is meant"):
        cuts.asked(window)
