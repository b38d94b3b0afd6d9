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


@pytest.mark.parametrize("rows", [100, 1000])
@pytest.mark.parametrize("draw", ["normal", "laplace"])
def test_the_rmse_of_all_lies_within_the_interval_of_some(rows, draw):
    """95 times of a hundred; a little less where errors have heavy tails and rows are few."""
    rng = np.random.default_rng(0)
    true, spread = np.zeros(rows), {"normal": 1.0, "laplace": np.sqrt(2)}[draw]
    held = 0
    for _ in range(600):
        low, high = Tally.of(true, getattr(rng, draw)(size=rows)).rmse_interval()
        held += low <= spread <= high
    assert 0.90 <= held / 600 <= 0.98


def test_the_interval_is_about_what_the_bootstrap_gives():
    rng = np.random.default_rng(0)
    error = rng.laplace(size=400)
    draws = rng.choice(np.square(error), (4000, 400)).mean(axis=1)
    expected = np.sqrt(np.quantile(draws, [0.025, 0.975]))
    assert Tally.of(np.zeros(400), error).rmse_interval() == pytest.approx(expected, rel=0.03)


def test_what_cannot_be_told_has_no_interval():
    assert Tally.of(np.zeros(3), np.zeros(3)).rmse_interval() == (0, 0)
    assert np.isnan(Tally.of(np.zeros(1), np.ones(1)).rmse_interval()).all()
    assert np.isnan(Tally.of(np.zeros(2), np.array([1.0, np.inf])).rmse_interval()).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(0, 30))
def test_the_sums_behind_the_interval_add_up(errors_, cut):
    error = np.array(errors_)
    true = np.arange(len(error)) - 3.0
    whole = Tally.of(true, true + error)
    parts = Tally.of(true[:cut], (true + error)[:cut]) + Tally.of(true[cut:], (true + error)[cut:])
    assert parts.least == whole.least == -3
    assert parts.fourth == pytest.approx(whole.fourth, rel=1e-9, abs=1e-9)
