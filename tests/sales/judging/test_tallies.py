"""What errors sum up to: exact on numbers worked out by hand, and whatever the partitions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from sales.judging import tallies
from sales.judging.tallies import Tally


def errors(true, predicted):
    return replace(Tally.of(true, predicted), sizes=tallies.sizes(predicted - true)).errors()


def test_errors_by_hand():
    assert errors(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 5.0])) == {
        "rmse": 1.29099,  # sqrt((0 + 4 + 1) / 3)
        "mae": 1.0,
        "r2": 0.642857,  # 1 - 5 / 14
        "max_error": 2.0,
        "bias": 0.333333,
        "p50_error": 1.00391,  # the middle of 1 to 1 + 1/128
        "p90_error": 2.00781,
        "p99_error": 2.00781,
    }


def test_errors_are_scikit_learns():
    rng = np.random.default_rng(0)
    true = rng.normal(1000, 300, 500)
    predicted = true + rng.normal(1, 7, 500)
    found = errors(true, predicted)
    assert found["rmse"] == tallies.significant(metrics.root_mean_squared_error(true, predicted))
    assert found["mae"] == tallies.significant(metrics.mean_absolute_error(true, predicted))
    assert found["r2"] == tallies.significant(metrics.r2_score(true, predicted))
    assert found["max_error"] == tallies.significant(metrics.max_error(true, predicted))
    for name, share in tallies.QUANTILES.items():
        exact = np.quantile(np.abs(predicted - true), share, method="inverted_cdf")
        assert found[name] == pytest.approx(exact, rel=tallies.QUANTILE_ERROR)


@pytest.mark.parametrize("off", [0.0, 1.0])
def test_a_constant_target_has_scikit_learns_r2(off):
    true = np.full(5, 3.0)
    assert errors(true, true + off)["r2"] == metrics.r2_score(true, true + off)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.floats(-1e3, 1e3))
def test_a_constant_error_is_the_bias_the_rmse_and_the_mae(true, error):
    true = np.array(true)
    found = errors(true, true + error)
    size = pytest.approx(abs(error), rel=1e-4, abs=1e-6)
    assert (found["rmse"], found["mae"], abs(found["bias"])) == (size, size, size)
