"""Each estimator alone: what it is held against, and the table."""

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

from bench import alone
from bench.alone import Alone
from sales.estimators import lightgbm as ours_of_lightgbm
from sales.estimators import xgboost as ours_of_xgboost
from sales.estimators.trees import treelite_ensemble

X = np.arange(200.0)[:, None]
Y = X[:, 0] // 50
HIST = HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=4, min_samples_leaf=5).fit(X, Y)
LIGHTGBM = lightgbm.train(
    {"num_leaves": 4, "min_data_in_leaf": 5, "verbose": -1}, lightgbm.Dataset(X, Y), 3
)
XGBOOST = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, Y), 3)


@pytest.mark.parametrize(
    "estimator",
    [
        treelite_ensemble.of(HIST),
        ours_of_lightgbm.Booster(LIGHTGBM),
        ours_of_xgboost.Booster(XGBOOST),
    ],
    ids=["hist_gradient_boosting", "lightgbm", "xgboost"],
)
def test_leaves_are_counted_over_all_trees(estimator):
    assert alone.leaves(estimator) == 3 * 4


def test_least_squares_has_no_leaves_and_no_other_library():
    assert alone.leaves(object()) == 0
    assert alone.plain_predict("linear_regression", object()) is None


@pytest.mark.parametrize("other", [LIGHTGBM, XGBOOST])
def test_the_plain_library_is_asked_for_the_same_trees(other):
    module = ours_of_lightgbm if other is LIGHTGBM else ours_of_xgboost
    estimator = module.Booster(other)
    assert np.allclose(alone.plain_predict("", estimator)(X), estimator.predict(X))


def test_one_that_answers_something_else_is_no_yardstick():
    with pytest.raises(SystemExit, match="answers something else"):
        alone._in_turn(lambda X: X[:, 0], lambda X: X[:, 0] + 1, X)


def test_the_table_has_a_row_a_model():
    found = [
        Alone("linear_regression", 0, 1.4, 0.1, 0.25, 9_000.4, None),
        Alone("xgboost", 70_818, 190.0, 2.7, 4.0, 110_000.0, 55_000.0),
    ]
    assert alone.table(found).splitlines()[2:] == [
        "| linear_regression |  | 0.10 / 0.25 | 1 | 9,000 |  |  |",
        "| xgboost | 70,818 | 2.70 / 4.00 | 190 | 110,000 | 55,000 | 2.00 |",
    ]
