"""Conformal intervals: the bounds by hand, the promise by draws, and the public file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.errors import PipelineError
from sales.models import intervals
from sales.models.intervals import IntervalParams


def params(coverage=0.9, bands=1):
    return IntervalParams(coverage=coverage, bands=bands)


def test_the_bounds_are_order_statistics_of_the_residuals():
    residuals = np.arange(1.0, 40.0)  # 39 rows: ranks 0.05 * 40 = 2 and 0.95 * 40 = 38
    found = intervals.fit(
        100 + np.random.default_rng(0).permutation(residuals), np.full(39, 100.0), params()
    )
    assert (found.low.tolist(), found.high.tolist()) == ([2.0], [38.0])
    low, high = found.around(np.array([0.0, 10.0]))
    assert (low.tolist(), high.tolist()) == ([2.0, 12.0], [38.0, 48.0])


@pytest.mark.parametrize(("coverage", "rows"), [(0.9, 19), (0.8, 9), (0.95, 39)])
def test_just_enough_rows_give_the_extremes_and_one_less_is_an_error(coverage, rows):
    true = np.arange(float(rows))
    found = intervals.fit(true, np.zeros(rows), params(coverage))
    assert (found.low[0], found.high[0]) == (0.0, rows - 1)
    with pytest.raises(PipelineError, match=f"needs {rows} valid rows, there are {rows - 1}"):
        intervals.fit(true[1:], np.zeros(rows - 1), params(coverage))


def test_each_band_has_bounds_of_its_own():
    predicted = np.repeat([10.0, 1000.0], 50)
    off = np.concatenate([np.linspace(-1, 1, 50), np.linspace(-100, 100, 50)])
    found = intervals.fit(predicted + off, predicted, params(bands=2))
    low, high = found.around(np.array([10.0, 1000.0, 1e9]))
    assert np.all((high - low)[0] < 2)
    assert np.all((high - low)[1:] > 150)


def test_a_band_with_too_few_rows_takes_the_bounds_of_all():
    predicted = np.concatenate([np.zeros(95), np.arange(1.0, 6.0)])
    true = predicted + np.linspace(-1, 1, 100)
    found = intervals.fit(true, predicted, params(bands=20))
    every = intervals.fit(true, predicted, params(bands=1))
    assert found.high[-1] == every.high[0]


def test_a_diverged_model_has_no_intervals():
    assert intervals.fit(np.arange(30.0), np.array([np.nan] + [0.0] * 29), params()) is None


@given(st.integers(0, 2**32), st.sampled_from([0.5, 0.8, 0.9]), st.integers(1, 5))
def test_the_promise_is_kept_whatever_the_errors_look_like(seed, coverage, bands):
    """Learnt from 4,000 rows, tried on 20,000, with errors that grow with the price."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(1, 100, 24_000)
    true = predicted + predicted * rng.gamma(1.0, 1.0, 24_000) - 7
    found = intervals.fit(true[:4000], predicted[:4000], params(coverage, bands))
    low, high = found.around(predicted[4000:])
    held = np.mean((low <= true[4000:]) & (true[4000:] <= high))
    assert abs(held - coverage) < 0.05  # six standard deviations


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(1)
    found = intervals.fit(rng.normal(size=200), rng.normal(size=200), params(bands=4))
    found.save(tmp_path / "i.json")
    back = intervals.load(tmp_path / "i.json")
    assert back is not None
    for name in ("edges", "low", "high"):
        assert getattr(back, name).tobytes() == getattr(found, name).tobytes()
    assert back.coverage == found.coverage
    assert intervals.load(tmp_path / "none.json") is None


def test_a_damaged_file_is_an_error(tmp_path):
    (tmp_path / "i.json").write_text('{"coverage": 0.9, "edges": [1], "low": [1], "high": [1]}')
    with pytest.raises(PipelineError, match="a band has no bounds"):
        intervals.load(tmp_path / "i.json")
