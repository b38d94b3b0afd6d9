"""Features that are missing: every model answers as its own library does, alone as in a table."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression

from sales import estimators
from sales.estimators import TrainingData, linear_regression
from sales.estimators.fitting.moments import Counts, Design
from sales.estimators.trees import treelite_ensemble
from tests.sales.estimators.test_estimators import settings


def rows(count, seed, *, holes=(0, 2)):
    """Return a price and a size with holes, a category whose last code is missing, the target."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.uniform(5, 600, count), rng.integers(1, 6, count), rng.integers(0, 4, count)]
    )
    y = X[:, 0] * 2 + 100 * X[:, 1] + np.array([0.0, 50.0, -20.0, 200.0])[X[:, 2].astype(int)]
    gone = rng.random(count) < 0.2
    y = y + np.where(gone, 300.0, 0.0)  # that it is missing means something
    X[gone, 0] = np.nan
    if 1 in holes:
        X[rng.random(count) < 0.1, 1] = np.nan
    X[rng.random(count) < 0.05, 2] = np.nan  # unseen
    return X, y


@pytest.fixture(scope="module")
def data():
    X, y = rows(2000, 0)
    X_valid, y_valid = rows(400, 1)
    columns = ("UnitPrice", "Quantity", "Brand")
    return TrainingData(columns, (0, 0, 4), X, y, X_valid, y_valid, (True, False, False))


@pytest.fixture(scope="module")
def unknown():
    """Rows with holes where training had some, where it had none, and all at once."""
    X, _ = rows(treelite_ensemble.MANY + 500, 2, holes=(0, 1))
    X[0] = np.nan
    return X


@pytest.fixture(scope="module", params=estimators.NAMES)
def fitted(request, data):
    module = estimators.module(request.param)
    return request.param, module.fit(settings(request.param), data)[0]


def test_every_model_learns_what_missing_means(fitted, data):
    name, estimator = fitted
    errors = estimator.predict(data.X_valid) - data.y_valid
    gone = np.isnan(data.X_valid[:, 0])
    assert np.isfinite(errors).all(), name
    assert abs(errors[gone].mean()) < 60, name


def test_the_same_bits_alone_in_a_table_and_after_loading(fitted, unknown, tmp_path):
    name, estimator = fitted
    together = estimator.predict(unknown)
    assert np.isfinite(together).all()
    alone = np.concatenate([estimator.predict(row[None, :]) for row in unknown[:200]])
    assert alone.tobytes() == together[:200].tobytes()
    estimator.save(tmp_path)
    assert estimators.module(name).load(tmp_path).predict(unknown).tobytes() == together.tobytes()


def test_what_is_missing_adds_to_a_prediction_and_all_adds_up(fitted, unknown):
    _, estimator = fitted
    for row in unknown[:20]:
        found = estimator.contributions(row)
        [predicted] = estimator.predict(row[None, :])
        assert found.baseline + found.amounts.sum() == pytest.approx(predicted, rel=1e-5)


@pytest.mark.parametrize("trained_with_holes", [True, False])
def test_xgboost_answers_as_its_library(data, unknown, trained_with_holes):
    X = data.X if trained_with_holes else np.nan_to_num(data.X)
    learnt = TrainingData(data.columns, data.levels, X, data.y, data.X_valid, data.y_valid)
    estimator, _ = estimators.module("xgboost").fit(settings("xgboost"), learnt)
    theirs = estimator.booster.predict(xgboost.DMatrix(unknown))
    assert estimator.predict(unknown).astype(np.float32).tobytes() == theirs.tobytes()
    few = np.concatenate([estimator.predict(row[None, :]) for row in unknown[:300]])
    assert few.astype(np.float32).tobytes() == theirs[:300].tobytes()


def test_lightgbm_answers_as_its_library(data, unknown):
    estimator, _ = estimators.module("lightgbm").fit(settings("lightgbm"), data)
    theirs = lightgbm.Booster(model_str=estimator.booster.model_to_string()).predict(unknown)
    assert estimator.predict(unknown).tobytes() == theirs.tobytes()


@pytest.mark.parametrize("trained_with_holes", [True, False])
@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(20, max_leaf_nodes=60, max_features="sqrt", random_state=0),
        HistGradientBoostingRegressor(max_iter=40, random_state=0),
    ],
    ids=["forest", "boosting"],
)
def test_treelite_answers_as_scikit_learn(data, unknown, model, trained_with_holes):
    model.fit(data.X if trained_with_holes else np.nan_to_num(data.X), data.y)
    ours = treelite_ensemble.of(model).predict(unknown)
    assert ours == pytest.approx(model.predict(unknown), rel=1e-12)


def test_least_squares_is_the_train_median_and_an_indicator(data):
    estimator, _ = linear_regression.fit(settings("linear_regression", digits=12), data)
    imputed = SimpleImputer(strategy="median", add_indicator=True).fit(data.X[:, :2])
    design = [
        np.hstack([imputed.transform(X[:, :2]), (X[:, [2]] == np.arange(4)).astype(float)])
        for X in (data.X, data.X_valid)
    ]
    theirs = LinearRegression().fit(design[0], data.y)
    expected = theirs.predict(design[1])
    assert estimator.predict(data.X_valid) == pytest.approx(expected, rel=1e-8)


def test_a_number_that_was_never_missing_is_answered_as_the_average(data):
    estimator, _ = linear_regression.fit(settings("linear_regression"), data)
    row = np.array([[100.0, np.nan, 1.0]])
    average = row.copy()
    average[0, 1] = data.X[:, 1].mean()
    assert estimator.predict(row) == pytest.approx(estimator.predict(average), rel=1e-6)


def test_partitions_come_to_the_same_least_squares(data):
    told = settings("linear_regression")
    whole, _ = linear_regression.fit(told, data)
    cuts = [slice(0, 700), slice(700, 701), slice(701, 2000)]
    parts = [(data.X[cut], data.y[cut]) for cut in cuts]
    again, _ = linear_regression.fit_partitions(
        told,
        data.levels,
        lambda function, *items, what: [*map(function, *items)],  # noqa: ARG005
        lambda pair: pair,
        (parts, [len(y) for _, y in parts]),
        ([(data.X_valid, data.y_valid)], [400]),
        data.holes,
    )
    assert again.predict(data.X_valid) == pytest.approx(whole.predict(data.X_valid), rel=1e-9)


def test_a_table_without_holes_has_the_design_that_it_had():
    X = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 1.0]])
    counted = Counts.of(X, (0, 2)).design((0, 2), (False, False), 400)
    assert counted == Design.plain((0, 2))
    assert counted.matrix(X).tolist() == [[1, 1, 0], [2, 0, 1], [3, 0, 1]]


def test_a_hole_becomes_the_mean_and_an_indicator():
    X = np.array([[1.0], [np.nan], [4.0]])
    design = Counts.of(X, (0,)).design((0,), (True,), 400)
    assert design.matrix(X).tolist() == [[1, 0], [2.5, 1], [4, 0]]


def test_a_learning_curve_with_holes_is_of_finite_errors(data):
    for name in ("linear_regression", "random_forest"):
        _, curve = estimators.module(name).fit(settings(name), data)
        assert isinstance(curve, pd.DataFrame)
        assert np.isfinite(curve.select_dtypes("number").to_numpy()).all()
