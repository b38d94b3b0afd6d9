"""Thresholds follow from sampling noise. bench/watching.py simulates more than a test can."""

import numpy as np
import pytest

from bench import watching as simulation
from sales.watching.windows import chance
from tests import watched

REFERENCE = watched.made()


def test_windows_without_a_change_alarm_at_most_once_in_a_hundred():
    """However small an alarm may be. Of few windows more may; `make bench-watch` has many."""
    world = simulation.normal()
    found = simulation.share(world, 500, 400, 1, simulation.ANY, train=20_000, test=5000)
    assert found <= 2
    few = simulation.share(simulation.mixed(), 200, 200, 2, simulation.ANY, train=3000, test=2000)
    assert few <= 2.5


def test_a_quarter_of_a_standard_deviation_is_found_within_500_rows():
    world, moved = simulation.normal(), simulation.shifted("x0", 0.25)
    found = simulation.share(
        world, 500, 400, 1, simulation.SETTINGS, moved, "x0", train=20_000, test=5000
    )
    assert found >= 93  # 95 and more by bench.watching; of 400 windows two less may be


def test_the_threshold_falls_as_windows_and_references_grow():
    limits = chance.simulate(REFERENCE.fields, 256, 0.7, rounds=1000)
    told = [limits.threshold("Price", rows, 5000) for rows in (256, 500, 5000)]
    assert told == sorted(told, reverse=True)
    assert limits.threshold("Price", 500, 5000, chance.OPEN) > told[1]
    again = chance.simulate(REFERENCE.fields, 256, 0.7, rounds=1000)
    assert again == limits
    assert chance.read(limits.told()) == limits


@pytest.mark.parametrize("rows", [100, 300, 900])
def test_between_simulated_sizes_it_is_what_simulating_them_gives(rows):
    near = chance.simulate(REFERENCE.fields, chance.size(rows), 0.7, rounds=4000)
    own = chance.simulate(REFERENCE.fields, rows, 0.7, rounds=4000)
    for name, of in (("Price", 5000), ("Brand", 5000)):
        assert near.threshold(name, rows, of) == pytest.approx(
            own.threshold(name, rows, of), rel=0.12
        )


def test_chance_lifts_the_error_of_few_rows_further():
    few, many = (chance.error_ratio(REFERENCE.errors, rows, 0.07, 4000) for rows in (64, 2048))
    assert 1 < many[0] < few[0] < 1.6
    assert few[1] >= few[0]
    none = REFERENCE.errors.__class__(**{**vars(REFERENCE.errors), "sizes": np.zeros(1)})
    none = none.__class__(**{**vars(none), "counts": np.array([5])})
    assert chance.error_ratio(none, 64, 0.07) == (1.0, 1.0)
