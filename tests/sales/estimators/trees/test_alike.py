"""The order in which rows go through trees."""

import numpy as np
import pytest

from sales.estimators.trees import alike


@pytest.mark.parametrize("columns", [1, 2, 5])
@pytest.mark.parametrize("kind", ["numbers", "holes", "nothing", "one value"])
def test_it_holds_each_row_once(columns, kind):
    X = np.random.default_rng(0).normal(size=(300, columns))
    X[np.random.default_rng(1).random(X.shape) < {"holes": 0.3, "nothing": 1}.get(kind, 0)] = np.nan
    if kind == "one value":
        X[:] = 3.0
    order = alike.order(X, np.arange(columns))
    assert sorted(order.tolist()) == [*range(300)]


def test_it_goes_by_the_feature_that_is_split_most_then_by_the_second():
    X = np.random.default_rng(0).permuted(np.tile(np.arange(3_200.0)[:, None], 3), axis=0)
    ordered = X[alike.order(X, np.array([5, 900, 70]))]
    bands = ordered[:, 1] // (3_200 / alike.BANDS)
    assert (np.diff(bands) >= 0).all()
    assert (np.diff(ordered[:, 2])[np.diff(bands) == 0] > 0).all()
