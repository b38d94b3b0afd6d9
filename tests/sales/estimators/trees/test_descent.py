"""One row down all trees at once gives XGBoost's own bits."""

import numpy as np
import pytest
import xgboost

from sales.estimators.trees import descent


@pytest.fixture(scope="module", params=[{"max_depth": 1}, {"max_depth": 7}, {"max_depth": 0}])
def boosted(request):
    """Return a booster, grown level by level or without a limit, and rows it did not see."""
    rng = np.random.default_rng(0)
    X, X_new = rng.uniform(-5, 5, (2, 800, 4))
    y = X[:, 0] * X[:, 1] + np.floor(X[:, 2]) + 500
    X[rng.random(X.shape) < 0.1] = np.nan
    X_new[rng.random(X.shape) < 0.1] = np.nan
    settings = {"eta": 0.3, "max_leaves": 40, "grow_policy": "lossguide", **request.param}
    return xgboost.train(settings, xgboost.DMatrix(X, y), 60), X_new


def test_every_row_has_the_bits_of_xgboost(boosted):
    booster, X = boosted
    walk = descent.of(booster)
    alone = np.array([walk.predict(row) for row in X], np.float32)
    assert alone.tobytes() == booster.inplace_predict(X).tobytes()


def test_a_row_of_nothing_but_missing_values(boosted):
    booster, _ = boosted
    nothing = np.full((1, 4), np.nan)
    [expected] = booster.inplace_predict(nothing)
    assert descent.of(booster).predict(nothing[0]) == expected


def test_a_booster_of_single_leaves():
    X, y = np.zeros((10, 2)), np.arange(10.0)
    booster = xgboost.train({}, xgboost.DMatrix(X, y), 3)
    walk = descent.of(booster)
    assert walk.depth == 0
    assert walk.predict(X[0]) == booster.inplace_predict(X)[0]
