"""Explanations of each model: they add up to the prediction, and are told for people."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sales import estimators, params
from sales.estimators.linear_regression import Linear
from sales.models.saved import Model
from sales.serving import explanation
from sales.serving.request import OrderSchema
from tests.examples import ROOT, fitted, training_data

SMALL = {
    "linear_regression": {},
    "polynomial_regression": {},
    "random_forest": {"n_estimators": 12, "max_leaf_nodes": 50},
    "hist_gradient_boosting": {"max_iter": 30},
    "xgboost": {"n_estimators": 60, "learning_rate": 0.3},
    "lightgbm": {"n_estimators": 30},
}
# What a library loses: XGBoost sums in float32.
LOST = {"xgboost": 1e-5}


def trained(name, orders, contract, featurize):
    featuriser = fitted(orders, featurize, contract)
    module = estimators.module(name)
    committed = params.read(f"train.{name}", module.Params, ROOT / "params.yaml").model_dump()
    data = training_data(featuriser, orders[:300], orders[300:])
    estimator, _ = module.fit(module.Params(**{**committed, **SMALL[name]}), data)
    return Model(name, featuriser, estimator, {}, "", 0.0)


@pytest.fixture(scope="module", params=estimators.NAMES)
def model(request, orders, contract, featurize_params):
    return trained(request.param, orders, contract, featurize_params)


@pytest.fixture(scope="module")
def linear(orders, contract, featurize_params):
    return trained("linear_regression", orders, contract, featurize_params)


def explained(model, order):
    return explanation.explain(model, order, OrderSchema(model.featuriser).parts)


ORDER = st.fixed_dictionaries(
    {
        "Quantity": st.integers(1, 100),
        "UnitPrice": st.floats(0.01, 10_000),
        "Discount": st.floats(0, 1),
        "Tax": st.floats(0, 1_000_000),
        "ShippingCost": st.floats(0, 1_000),
        "Category": st.sampled_from(["Books", "Clothing", "Electronics", "never seen"]),
        "Brand": st.sampled_from(["Apex", "Zenith", "never seen"]),
        "PaymentMethod": st.sampled_from(["UPI", "never seen"]),
        "OrderStatus": st.just("Delivered"),
        "City": st.sampled_from(["Austin", "Seattle", "never seen"]),
        "State": st.sampled_from(["TX", "WA"]),
        "Country": st.sampled_from(["India", "never seen"]),
        "OrderYear": st.integers(1, 9999),
        "OrderMonth": st.integers(1, 12),
        "OrderDayOfWeek": st.integers(0, 6),
    }
)


@given(order=ORDER)
@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_baseline_and_contributions_add_up_to_the_models_own_prediction(model, order):
    columns = {name: [value] for name, value in order.items()}
    found = explained(model, columns)
    assert found.prediction == model.predict(columns)[0]
    amounts = [one.amount for one in found.contributions]
    largest = max(map(abs, [found.prediction, found.baseline, *amounts]))
    assert abs(math.fsum([found.baseline, *amounts]) - found.prediction) <= math.ulp(largest)
    # What went into the baseline to make it so is no more than rounding.
    [row] = model.featuriser.transform(columns)
    expected = model.estimator.contributions(row).baseline
    lost = LOST.get(model.name, 1e-12)
    assert abs(found.baseline - expected) <= lost * (largest + math.fsum(map(abs, amounts)))


def test_every_feature_is_told_once_the_largest_first(model, orders):
    found = explained(model, orders[:1]).contributions
    assert {one.feature for one in found} == set(model.featuriser.columns)
    assert len(found) == len(model.featuriser.columns)
    sizes = [abs(one.amount) for one in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0


def test_the_baseline_is_the_mean_prediction_of_the_train_rows(model, orders):
    mean = model.predict(orders[:300]).mean()
    near = 0.05 if model.name == "random_forest" else 1e-6  # its trees draw their rows
    assert explained(model, orders[:1]).baseline == pytest.approx(mean, rel=near)


def test_values_are_told_as_people_know_them(linear, orders):
    order = orders[:1].assign(
        City="Austin",
        Quantity=2,
        UnitPrice=10.5,
        Discount=0.5,
        OrderDate=np.datetime64("2024-06-03"),
    )
    values = {one.feature: one.value for one in explained(linear, order).contributions}
    assert values["City"] == "Austin"
    assert (values["Quantity"], type(values["Quantity"])) == (2, int)
    assert values["UnitPrice"] == 10.5
    assert values["NetAmount"] == 10.5
    assert (values["OrderYear"], values["OrderMonth"]) == (2024, 6)
    assert values["OrderDayOfWeek"] == "Monday"


def test_a_value_that_training_never_saw_is_told_as_it_came(linear, orders):
    found = explained(linear, orders[:1].assign(Brand="Nobody")).contributions
    [brand] = [one for one in found if one.feature == "Brand"]
    assert brand.value == "Nobody"


def test_a_derived_column_without_a_value(orders, contract, featurize_params):
    odd = featurize_params.model_copy(
        update={"derived": {**featurize_params.derived, "NetAmount": "sqrt(3 - Quantity)"}}
    )
    model = trained("hist_gradient_boosting", orders, contract, odd)
    found = explained(model, orders[:1].assign(Quantity=5))
    [net] = [one for one in found.contributions if one.feature == "NetAmount"]
    assert net.value is None


def test_the_linear_model_is_explained_exactly():
    model = Linear(5.0, (np.array([2.0]), np.array([10.0, -10.0])), (False, True), means=(6.0, 2.0))
    found = model.contributions(np.array([4.0, 1.0]))
    assert found.baseline == 13.0
    assert found.amounts.tolist() == [2.0, -12.0]
    assert found.caveat is None
    unknown = model.contributions(np.array([4.0, np.nan]))
    assert unknown.amounts.tolist() == [2.0, -2.0]


def test_its_means_are_those_of_the_train_rows(linear, orders):
    X = linear.featuriser.transform(orders[:300])
    parts = [part.mean() for part in linear.estimator.parts(X)]
    assert linear.estimator.means == pytest.approx(parts, abs=1e-6)


def test_a_linear_model_of_before_the_means_is_explained_against_zero(linear, orders, tmp_path):
    old = replace(linear.estimator, means=None)
    old.save(tmp_path)
    assert "mean" not in (tmp_path / "linear_regression.json").read_text()
    loaded = estimators.module("linear_regression").load(tmp_path)
    assert loaded.means is None
    found = explained(replace(linear, estimator=loaded), orders[:1])
    assert found.baseline == pytest.approx(loaded.intercept, abs=1e-9)
    assert found.prediction == linear.predict(orders[:1])[0]
    assert found.caveat == (
        "explained against zero, not the average: this model was saved without its means"
    )


def test_the_means_come_back_with_the_model(linear, tmp_path):
    linear.estimator.save(tmp_path)
    loaded = estimators.module("linear_regression").load(tmp_path)
    assert loaded.means == linear.estimator.means


def test_products_are_told_by_name_and_shared_by_their_features(orders, contract, featurize_params):
    raw = featurize_params.model_copy(update={"feature_set": "order"})
    model = trained("polynomial_regression", orders, contract, raw)
    found = explained(model, orders[:1])
    sizes = [abs(one.amount) for one in found.together]
    assert sizes == sorted(sizes, reverse=True)
    assert any(set(one.features) == {"Quantity", "UnitPrice"} for one in found.together)
    [row] = model.featuriser.transform(orders[:1])
    own = model.estimator.contributions(row)
    # What no product has of a feature's amount is its own: a slope, times how far it is off.
    for name, amount in zip(model.featuriser.columns, own.amounts, strict=True):
        shares = sum(t.amount / len(t.features) for t in found.together if name in t.features)
        feature = model.estimator.features[model.featuriser.columns.index(name)]
        value = row[model.featuriser.columns.index(name)]
        if feature.center is not None:
            slope = feature.weights[0] * (value - feature.center) / feature.scale
            assert amount - shares == pytest.approx(slope - feature.mean, abs=1e-6)


def test_a_model_without_products_tells_none(linear, orders):
    assert explained(linear, orders[:1]).together is None
