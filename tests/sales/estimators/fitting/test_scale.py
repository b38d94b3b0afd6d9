"""Targets that are learnt by their logarithm: answered in their units, never below their least."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales import estimators, files
from sales.errors import PipelineError
from sales.estimators import Contributions, TrainingData
from sales.estimators.fitting import scale
from sales.estimators.fitting.scale import Scale, Scaled
from sales.models import intervals
from sales.models.intervals import IntervalParams
from tests.sales.estimators.test_estimators import settings

LOG = Scale("log1p", 0.0)


class Fixed:
    """An estimator that answers the sum of a row, and says so."""

    def predict(self, X):
        return X.sum(axis=1)

    def contributions(self, row):
        return Contributions(0.5, row - 0.5 / len(row), terms=(((0, 1), 0.25),))


def rows(count, seed):
    """Return a length and a kind, and amounts that vary by powers of ten."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.uniform(0, 4, count), rng.integers(0, 3, count).astype(float)])
    return X, np.exp(2 * X[:, 0] + X[:, 1] + rng.normal(0, 0.2, count))


@pytest.fixture(scope="module")
def data():
    return TrainingData(("length", "kind"), (0, 3), *rows(1500, 0), *rows(300, 1))


@given(st.lists(st.floats(-0.999, 1e12), min_size=1, max_size=20))
def test_there_and_back_is_the_target(targets):
    y = np.array(targets)
    found = Scale("log1p").back(LOG.forward(y))
    assert found == pytest.approx(y, rel=1e-9, abs=1e-9)


def test_a_target_as_it_is_stays_the_same_object():
    y, plain = np.array([-5.0, 3.0]), Scale("none", 0.0)
    assert plain.forward(y) is y
    assert plain.back(y) is y
    assert plain.told() == {}
    assert plain.answering(Fixed()).__class__ is Fixed
    assert scale.of({}) == Scale("none")
    assert scale.of(LOG.told()) == LOG


def test_a_target_without_a_logarithm_is_refused_in_a_line():
    with pytest.raises(PipelineError, match=r"log1p takes targets above -1, there is -1; set it"):
        LOG.forward(np.array([3.0, -1.0]))


def test_no_prediction_is_below_the_least():
    found = Scaled(Fixed(), Scale("log1p", 2.0)).predict(np.array([[-9.0, 0], [0.5, 0], [2, 1]]))
    assert found[:2].tolist() == [2.0, 2.0]
    assert found[2] == pytest.approx(np.expm1(3))


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6))
def test_contributions_add_up_in_units_of_the_target(row):
    X = np.array([row])
    estimator = Scaled(Fixed(), LOG)
    found = estimator.contributions(X[0])
    assert found.baseline + found.amounts.sum() == pytest.approx(estimator.predict(X)[0], abs=1e-6)
    assert found.baseline == pytest.approx(np.expm1(0.5))
    assert found.caveat == scale.SHARES


def test_what_features_add_nothing_to_is_the_average():
    found = Scaled(Fixed(), LOG).contributions(np.array([0.5, 0.0]))
    assert found.amounts == pytest.approx([0.25 * np.exp(0.5), -0.25 * np.exp(0.5)])


@pytest.mark.parametrize("name", estimators.NAMES)
def test_every_model_learns_shares_where_amounts_vary_by_powers_of_ten(name, data, tmp_path):
    module = estimators.module(name)
    fitted, _ = module.fit(settings(name), LOG.learnt(data))
    estimator = LOG.answering(fitted)
    off = np.abs(np.log1p(estimator.predict(data.X_valid)) - np.log1p(data.y_valid))
    assert np.median(off) < 0.3
    alone = np.concatenate([estimator.predict(row[None, :]) for row in data.X_valid[:100]])
    assert alone.tobytes() == estimator.predict(data.X_valid[:100]).tobytes()
    estimator.save(tmp_path)
    loaded = LOG.answering(module.load(tmp_path))
    assert loaded.predict(data.X_valid).tobytes() == estimator.predict(data.X_valid).tobytes()


@given(
    true=st.lists(st.floats(0, 1e4), min_size=40, max_size=80),
    off=st.floats(0.1, 1e3),
    floor=st.floats(0, 1e3),
)
def test_clipping_never_lowers_coverage_on_data_within_the_contract(true, off, floor):
    truth = np.maximum(np.array(true), floor)  # what keeps the contract
    predicted = truth + np.random.default_rng(0).normal(0, off, len(truth))
    raw = intervals.fit(truth, predicted, IntervalParams(coverage=0.8, bands=2))
    clipped = replace(raw, floor=floor)
    held = []
    for one in (raw, clipped):
        low, high = one.around(predicted)
        assert (low <= high).all()
        held.append((low <= truth) & (truth <= high))
    assert (held[1] >= held[0]).all()
    assert min(map(np.min, clipped.around(predicted))) >= floor


def test_a_clipped_prediction_is_never_further_from_a_truth_within_the_contract():
    rng = np.random.default_rng(0)
    truth = np.abs(rng.normal(size=500))
    learnt = np.log1p(truth) + rng.normal(0, 1, 500)
    raw, clipped = (Scale("log1p", least).back(learnt) for least in (None, 0.0))
    assert (np.abs(clipped - truth) <= np.abs(raw - truth)).all()
    assert (clipped != raw).any()


def test_the_floor_is_saved_with_the_intervals(tmp_path):
    bounds = intervals.Intervals(0.9, np.array([]), np.array([-1.0]), np.array([1.0]), 0.0)
    bounds.save(tmp_path / "a.json")
    assert intervals.load(tmp_path / "a.json").floor == 0.0
    replace(bounds, floor=None).save(tmp_path / "b.json")
    assert "floor" not in files.read_json(tmp_path / "b.json")


SCRIPT = """
import hashlib
import numpy as np
from sales.estimators.fitting.scale import Scale
y = np.random.default_rng(0).gamma(1, 700, 200_000)
log = Scale("log1p", 0.0)
z = log.forward(y)
print(hashlib.sha256(z.tobytes() + log.back(z + 0.01).tobytes()).hexdigest())
"""


def test_the_same_bits_on_processors_with_and_without_wide_registers():
    hashes = set()
    for features in ("", "AVX512F AVX512CD AVX512_SKX AVX2 FMA3"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT],
            env={**os.environ, "PYTHONPATH": ".", "NPY_DISABLE_CPU_FEATURES": features},
            capture_output=True,
            text=True,
            check=True,
        )
        hashes.add(done.stdout)
    assert len(hashes) == 1
