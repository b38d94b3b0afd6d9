"""XGBoost's answers: by blocks of trees the same bits as by all at once."""

import numpy as np
import pytest
import xgboost as library

from sales.estimators import xgboost


@pytest.fixture(scope="module", params=["numbers", "categories"])
def booster(request) -> library.Booster:
    types = ["float", "float", "c" if request.param == "categories" else "float"]
    X, y = rows(3_000)
    data = library.DMatrix(X, y, feature_types=types, enable_categorical=True)
    return library.train({"max_depth": 5, "objective": "reg:squarederror"}, data, 70)


def rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of two numbers, one with holes, and a code; and their target."""
    drawn = np.random.default_rng(count)
    X = np.column_stack([drawn.normal(size=(count, 2)), drawn.integers(0, 9, count)])
    y = X[:, 0] * (X[:, 2] + 1) + np.sin(5 * X[:, 1])
    X[drawn.random(count) < 0.1, 1] = np.nan
    return X, 500 * y + 900


@pytest.mark.parametrize("block", [1, 4_000, 1 << 14, 1 << 30])
@pytest.mark.parametrize("count", [xgboost.MANY - 1, xgboost.MANY, 2_345])
def test_blocks_of_trees_add_up_to_the_same_bits(monkeypatch, booster, block, count):
    monkeypatch.setattr(xgboost, "BLOCK", block)
    X, _ = rows(count)
    whole = booster.inplace_predict(X).astype(np.float64)
    assert np.array_equal(xgboost.Booster(booster).predict(X), whole)


def test_a_row_of_many_is_answered_as_alone(booster):
    X, _ = rows(xgboost.MANY)
    ours = xgboost.Booster(booster)
    many = ours.predict(X)
    assert [*many[:50]] == [ours.predict(X[n : n + 1])[0] for n in range(50)]


@pytest.mark.parametrize(("block", "rounds"), [(1, 1), (1 << 30, 70)])
def test_a_block_holds_a_round_at_least(monkeypatch, booster, block, rounds):
    monkeypatch.setattr(xgboost, "BLOCK", block)
    assert min(xgboost.Booster(booster)._rounds_a_block, 70) == rounds
