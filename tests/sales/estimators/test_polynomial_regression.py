"""Least squares on products: exact on sums of them, alike in parts, told term by term."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from sales.estimators import TrainingData, polynomial_regression
from sales.estimators.fitting import products
from sales.estimators.polynomial_regression import Feature, Polynomial
from tests.sales.estimators.test_estimators import settings

COLUMNS = ("Quantity", "UnitPrice", "Discount", "Tax", "Year", "Brand")
LEVELS = (0, 0, 0, 0, 0, 3)


def told(**changes):
    return settings("polynomial_regression", **changes)


def orders(rows, seed, most=5):
    """Return orders and their amounts: quantity × price × (1 - discount) + tax, and by brand."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [
            rng.integers(1, most + 1, rows),
            rng.uniform(5, 600, rows),
            rng.choice([0, 0.05, 0.1, 0.3], rows),
            rng.uniform(0, 90, rows),
            rng.integers(2020, 2025, rows),
            rng.integers(0, 3, rows),
        ]
    ).astype(float)
    brand = np.array([0.0, 50.0, -20.0])[X[:, 5].astype(int)]
    return X, X[:, 0] * X[:, 1] * (1 - X[:, 2]) + X[:, 3] + brand


def training(X, y, levels=LEVELS, holes=()):
    names = tuple(f"c{i}" for i in range(X.shape[1]))
    return TrainingData(names, levels, X, y, X[:200], y[:200], holes)


@pytest.fixture(scope="module")
def model():
    return polynomial_regression.fit(told(), training(*orders(2000, 0)))[0]


def test_it_is_exact_on_products_that_it_never_saw(model):
    assert model.terms == tuple(products.every(range(5), 3))
    X, y = orders(500, 1)
    assert model.predict(X) == pytest.approx(y, abs=1e-5)
    far, amounts = orders(500, 2, most=100)
    assert model.predict(far) == pytest.approx(amounts, rel=1e-6)


def test_a_feature_that_is_a_product_of_others_is_no_harm():
    X, y = orders(2000, 0)
    net = X[:, 0] * X[:, 1] * (1 - X[:, 2])
    wide = np.column_stack([X[:, :5], net, np.full(len(y), 7.0), X[:, 5]])
    model, _ = polynomial_regression.fit(told(), training(wide, y, (*(0,) * 7, 3)))
    assert model.predict(wide) == pytest.approx(y, abs=1e-5)


def test_of_too_many_products_those_are_taken_that_go_best():
    X, y = orders(2000, 0)
    model, _ = polynomial_regression.fit(told(max_terms=4), training(X, y))
    assert len(model.terms) == 4
    assert set(model.terms) >= {(0, 1), (1, 2), (0, 1, 2)}
    # What is left is noise of the product that it has no room for: quantity × discount.
    assert np.sqrt(np.mean((model.predict(X) - y) ** 2)) < 0.06 * y.std()


def test_a_product_takes_twenty_rows():
    X, y = orders(150, 0)
    model, curve = polynomial_regression.fit(told(), training(X, y))
    assert len(model.terms) == 150 // polynomial_regression.ROWS_A_TERM
    assert curve["step"].max() == 150
    few, _ = polynomial_regression.fit(told(), training(X[:15], y[:15]))
    assert few.terms == ()
    assert np.isfinite(few.predict(X)).all()


def test_of_very_many_numbers_those_related_to_the_target_are_tried(monkeypatch):
    monkeypatch.setattr(products, "CANDIDATES", 19)
    related = np.array([0.1, 0.9, 0.0, 0.5, 0.2, 0.3])
    tried = products.candidates(related, [0, 1, 2, 3, 5], 3)
    assert tried == products.every([0, 1, 3, 5], 3)
    X, y = orders(2000, 0)
    noise = np.random.default_rng(3).normal(size=(2000, 20))
    wide = training(np.column_stack([X[:, :5], noise]), y, (0,) * 25)
    model, _ = polynomial_regression.fit(told(max_terms=3), wide)
    assert all(number < 5 for term in model.terms[:2] for number in term)


@pytest.mark.parametrize("max_terms", [200, 4])
def test_partitions_come_to_the_same(max_terms):
    X, y = orders(2000, 0)
    X[::7, 1] = np.nan
    data = training(X, y, holes=(False, True, *(False,) * 4))
    whole, curve = polynomial_regression.fit(told(max_terms=max_terms), data)
    cuts = [slice(0, 700), slice(700, 701), slice(701, 701), slice(701, 2000)]
    parts = [(X[cut], y[cut]) for cut in cuts]
    again, same = polynomial_regression.fit_partitions(
        told(max_terms=max_terms),
        data.levels,
        lambda function, *items, what: [*map(function, *items)],  # noqa: ARG005
        lambda pair: pair,
        (parts, [len(y) for _, y in parts]),
        ([(data.X_valid, data.y_valid)], [200]),
        data.holes,
    )
    assert again.terms == whole.terms
    assert again.predict(X) == pytest.approx(whole.predict(X), rel=1e-8)
    assert same["rmse"].to_numpy() == pytest.approx(curve["rmse"].to_numpy(), rel=1e-5)


def test_a_number_that_is_missing_has_an_amount_and_no_products():
    X, y = orders(2000, 0)
    gone = np.random.default_rng(1).random(2000) < 0.2
    X[gone, 3] = np.nan
    y = np.where(gone, y + 300, y)  # that it is missing means something
    model, _ = polynomial_regression.fit(
        told(), training(X, y, holes=(False, False, False, True, False, False))
    )
    errors = model.predict(X) - y
    assert abs(errors[gone].mean()) < 3
    assert np.sqrt(np.mean(errors[~gone] ** 2)) < 1
    average = X[gone][:1].copy()
    average[0, 0] = np.nan  # never missing in training: answered as the average
    at_mean = average.copy()
    at_mean[0, 0] = model.features[0].center
    assert model.predict(average) == pytest.approx(model.predict(at_mean))


def test_a_product_is_told_and_shared_equally():
    number = Feature(np.array([10.0]), 1.0, center=2.0, scale=2.0)
    other = Feature(np.array([4.0]), 0.0, center=1.0, scale=1.0)
    kind = Feature(np.array([7.0, -7.0]), 2.0)
    model = Polynomial(5.0, (number, kind, other), ((0, 2),), (6.0,), (3.0,))
    row = np.array([6.0, 1.0, 4.0])  # two and three units from the center
    assert model.predict(row[None, :]).tolist() == [5 + 20 - 7 + 12 + 36]
    found = model.contributions(row)
    assert found.baseline == 5 + 1 + 2 + 0 + 3
    assert found.terms == (((0, 2), 33.0),)
    assert found.amounts.tolist() == [19 + 16.5, -9, 12 + 16.5]


def test_the_solvers_noise_is_rounded_away():
    model, _ = polynomial_regression.fit(told(digits=6), training(*orders(2000, 0)))
    assert all(round(weight, 4) == weight for weight in model.weights)
    assert round(model.intercept, 4) == model.intercept


finite = st.floats(-100, 100).map(lambda value: round(value, 3))


@given(
    weights=st.lists(finite, min_size=15, max_size=15),
    offsets=st.lists(st.sampled_from([0.0, 1.0, 2000.0]), min_size=4, max_size=4),
)
@tries(max_examples=25)
def test_any_sum_of_products_is_found(weights, offsets):
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (400, 4)) + offsets
    terms = [term for size in (1, 2, 3, 4) for term in combinations(range(4), size)]
    y = sum(
        w * np.prod(X[:, [*term]] - np.array(offsets)[[*term]], axis=1)
        for w, term in zip(weights, terms, strict=True)
    )
    model, _ = polynomial_regression.fit(told(degree=4, digits=12), training(X, y, (0,) * 4))
    assert model.predict(X) == pytest.approx(y, abs=1e-6 * (1 + np.std(y)))


@given(
    rows=st.lists(
        st.tuples(
            *[st.floats(-1e6, 1e6) | st.just(np.nan)] * 5, st.sampled_from([0, 1, 2, np.nan])
        ),
        min_size=2,
        max_size=6,
    )
)
def test_the_same_bits_alone_as_in_a_table_and_explained_in_full(model, rows):
    X = np.array(rows, dtype=float)
    together = model.predict(X)
    alone = np.concatenate([model.predict(row[None, :]) for row in X])
    assert alone.tobytes() == together.tobytes()
    for row, predicted in zip(X, together, strict=True):
        found = model.contributions(row)
        sizes = [abs(found.baseline), *np.abs(found.amounts), *(abs(by) for _, by in found.terms)]
        assert abs(found.baseline + found.amounts.sum() - predicted) <= 1e-12 * sum(sizes)
