"""What /metrics tells: many predictions at once are counted as one by one."""

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sales.serving.meters import BOUNDS, Meters
from sales.serving.ranges import RangeWarning


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def meters(registry):
    return Meters(registry)


def lines(registry, alias):
    """Return what is told of an alias, by line, without the alias and the times of creation."""
    text = generate_latest(registry).decode()
    found = [line.replace(f'alias="{alias}"', "") for line in text.splitlines() if alias in line]
    return {line for line in found if "_created" not in line}


def test_many_at_once_are_counted_as_one_by_one(meters, registry):
    values = np.random.default_rng(0).normal(500, 2000, 300)
    values[:6] = [0, 1, 2, 50_000, 50_001, 1e9]  # a bound itself belongs below it
    values = np.round(values)  # so that the order of summation does not show
    meters.priced("together", values)
    for value in values:
        meters.priced("alone", [value])
    assert [meters.note("noted", value) for value in values] == [True] + [False] * 299
    assert lines(registry, "noted") == set()
    meters.count()
    meters.count()
    assert lines(registry, "together") == lines(registry, "alone") == lines(registry, "noted")
    assert "predicted_count{} 300.0" in lines(registry, "together")


def test_infinity_is_counted_in_the_last_bucket(meters, registry):
    meters.priced("champion", np.array([1.0, np.inf]))
    assert f'predicted_bucket{{,le="{BOUNDS[-1]:.1f}"}} 1.0' in lines(registry, "champion")
    assert 'predicted_bucket{,le="+Inf"} 2.0' in lines(registry, "champion")


def test_refused_requests_are_counted_by_reason(meters, registry):
    meters.refused("invalid")
    meters.refused("invalid")
    assert 'requests_refused_total{reason="invalid"} 2.0' in lines(registry, "invalid")


def test_warnings_of_values_outside_of_what_training_saw_are_counted(meters, registry):
    meters.warned("champion", [RangeWarning("Quantity: 50"), "Brand: 'x'", RangeWarning("Tax: 9")])
    meters.warned("champion", [RangeWarning("Quantity: 60")])
    meters.warned("fallback", ["Brand: 'x' was not in the training data"])
    assert lines(registry, "champion") == {"range_warnings_total{} 3.0"}
    assert lines(registry, "fallback") == set()
