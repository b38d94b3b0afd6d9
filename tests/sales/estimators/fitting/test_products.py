"""What is summed up of products: the same however the rows are divided."""

import functools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.estimators.fitting import products
from sales.estimators.fitting.moments import Design
from sales.estimators.fitting.products import Fits, Products
from sales.estimators.fitting.spreads import Spreads


def parts(array, stops):
    return np.split(array, sorted(stops))


@given(stops=st.lists(st.integers(0, 60), max_size=4))
def test_spreads_of_parts_add_up(stops):
    rng = np.random.default_rng(0)
    X = rng.normal(1e6, 3.0, (60, 3))
    X[rng.random((60, 3)) < 0.3] = np.nan
    X[:, 2] = np.nan
    found = functools.reduce(operator.add, map(Spreads.of, parts(X, stops)))
    assert found.rows.tolist() == (~np.isnan(X)).sum(axis=0).tolist()
    assert found.mean[:2] == pytest.approx(np.nanmean(X[:, :2], axis=0), rel=1e-12)
    assert found.squares[:2] / found.rows[:2] == pytest.approx(np.nanvar(X[:, :2], axis=0))
    centers, scales = found.units()
    assert (centers[2], scales[2]) == (0.0, 1.0)
    assert scales[:2] == pytest.approx(np.nanstd(X[:, :2], axis=0), rel=1e-5)


def test_a_constant_is_measured_in_ones():
    centers, scales = Spreads.of(np.full((9, 1), 0.1)).units()
    assert (centers[0], scales[0]) == (0.1, 1.0)


def test_the_columns_are_measured_numbers_and_their_products():
    base = Design((0, 2, 0), (0.0, None, None), (None,) * 3)
    design = Products(base, np.array([1.0, 0, 10.0]), np.array([2.0, 1, 5.0]), ((0, 2),))
    X = np.array([[5.0, 1.0, 20.0], [np.nan, 0.0, 0.0]])
    assert design.widths == (2, 2, 1, 1)
    assert design.matrix(X).tolist() == [[2, 0, 0, 1, 2, 4], [0, 1, 1, 0, -2, -0.0]]


def test_there_are_as_many_products_as_are_counted():
    for degree in (2, 3, 5):
        assert len(products.every(range(6), degree)) == products.count(6, degree)


@given(stops=st.lists(st.integers(0, 500), max_size=4), stride=st.sampled_from([1, 3, 70]))
def test_how_products_fit_does_not_depend_on_the_partitions(stops, stride):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 4))
    y = X[:, 0] * X[:, 1] + rng.normal(size=500)
    design = Products(Design.plain((0,) * 4), np.zeros(4), np.ones(4), ())
    tried = products.every(range(4), 3)

    class Zero:
        def predict(self, X):
            return np.zeros(len(X))

    found, start = [], 0
    for part, own in zip(parts(X, stops), parts(y, stops), strict=True):
        rows = (part, own)
        found.append(products.try_on(design, tried, Zero(), stride, lambda it: it, rows, start))
        start += len(own)
    merged = products.merged(found)
    expected = [
        abs(np.corrcoef(np.prod(X[::stride, [*term]], axis=1), y[::stride])[0, 1]) for term in tried
    ]
    assert merged.correlations() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    if stride < 70:
        assert products.best(tried, merged, 1) == ((0, 1),)


def test_a_constant_product_fits_nothing():
    fits = Fits.of([np.ones(5), np.arange(5.0)], np.arange(5.0))
    assert fits.correlations().tolist() == [0.0, 1.0]
