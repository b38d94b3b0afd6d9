"""A slice alarms where more of its errors are large than were, and by no more than chance else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench import watching as simulation
from sales.judging.marks import Marks
from sales.watching.windows import came_true, slice_error
from sales.watching.windows.came_true import Rows
from tests import watched
from tests.watched import SETTINGS

NAME = "Brand=Apex"
REFERENCE = watched.made()


def sums(rows, times=1.0, seed=3, weight=1.0):
    error = np.random.default_rng(seed).normal(0, 10 * times, rows)
    weights, there = np.full(rows, weight), np.ones(rows, bool)
    found = Rows(error, weights, np.zeros(rows, int), there, there)
    sliced = pd.DataFrame({"Brand": ["Apex"] * rows})
    [(_, name, own)] = came_true.of_slices(found, sliced, REFERENCE, 1)
    assert name == NAME
    return own


def judged(own, settings=SETTINGS, whole=0.0, part=1.0, reference=REFERENCE):
    return slice_error.judged(NAME, own, reference, settings, part, whole)


def test_errors_as_they_were_are_no_alarm_and_twice_as_large_ones_are():
    calm, worse = judged(sums(300)), judged(sums(300, 2.0))
    assert (calm["more_than_chance"], calm["alarm"]) == (False, False)
    assert (worse["more_than_chance"], worse["alarm"]) == (True, True)
    assert worse["worse_pct"] == pytest.approx(100, abs=15)


def test_of_few_rows_a_slice_says_less():
    assert judged(sums(1000, 1.3))["alarm"]
    assert not judged(sums(40, 1.3, seed=5))["more_than_chance"]
    # Rows that stand for others tell what their number tells, not their weight.
    assert judged(sums(40, 1.3, weight=25.0)) == judged(sums(40, 1.3))


def test_more_than_chance_and_small_is_no_alarm():
    found = judged(
        sums(50_000, 1.08),
        reference=replace(
            REFERENCE, slice_marks={NAME: Marks.of(np.random.default_rng(9).normal(0, 10, 50_000))}
        ),
    )
    assert (found["more_than_chance"], found["alarm"]) == (True, False)


def test_where_all_rows_are_worse_a_slice_alarms_by_what_it_is_worse_than_they():
    own = sums(300, 2.0)
    assert judged(own, whole=50.0)["alarm"]
    assert not judged(own, whole=95.0)["alarm"]


def test_a_quiet_column_and_a_slice_without_marks_do_not_alarm():
    own = sums(300, 2.0)
    quiet = judged(own, SETTINGS.model_copy(update={"quiet": ("Brand",)}))
    assert (quiet["more_than_chance"], quiet["alarm"]) == (True, False)
    none = judged(own, reference=replace(REFERENCE, slice_marks={}))
    assert none == {"worse_pct": None, "more_than_chance": False, "alarm": False}


def test_one_large_error_of_many_is_seen_by_the_last_mark():
    own = sums(300)
    beyond = replace(own, above_all=8.0, squares=own.squares * 3)
    assert judged(beyond)["alarm"]


def test_by_simulation_slices_alarm_in_fewer_windows_than_is_asked_for():
    """Twenty slices, unlike in size and error, with heavy tails; `make bench-watch` has more."""
    rng, hits = np.random.default_rng(11), 0
    shares = np.arange(1, 21) / 210

    def drawn(rows):
        group = rng.choice(20, rows, p=shares)
        return group, rng.standard_t(4, rows) * (1 + group)

    for _ in range(40):
        group, error = drawn(1000)
        there = [n for n in range(20) if np.count_nonzero(group == n) >= slice_error.FEWEST]
        marks = {f"Brand={n}": Marks.of(error[group == n]) for n in there}
        of = replace(REFERENCE, slice_marks=marks, slice_rmse=dict.fromkeys(marks, 1e-9))
        for _ in range(15):
            group, error = drawn(500)
            every = np.ones(500, bool)
            rows = Rows(error, np.ones(500), np.zeros(500, int), every, every)
            sliced = pd.DataFrame({"Brand": group.astype(str)})
            hits += any(
                slice_error.judged(name, own, of, simulation.ANY, 1.0, 0.0)["alarm"]
                for _, name, own in came_true.of_slices(rows, sliced, of, 1)
                if own.rows >= slice_error.FEWEST
            )
    assert hits <= 3  # of 600, where 0.1 in a hundred are allowed
