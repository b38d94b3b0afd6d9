"""A category with very many values: ordered by the target, rare ones together, at a bound cost."""

import numpy as np
import pandas as pd
import pytest

from sales import estimators, params
from sales.contract import Contract
from sales.estimators import TrainingData, linear_regression
from sales.estimators.fitting.moments import Counts
from sales.models import features, many_levels
from sales.models.feature_sets import FeaturizeParams
from sales.models.features import Featuriser
from tests.sales.estimators.test_estimators import settings


def test_the_order_is_that_of_the_drawn_means_and_rare_values_have_one_place():
    told = {"high": (30, 900.0), "low": (40, 40.0), "mid": (50, 500.0)}
    told |= {f"rare {n}": (9, 9 * 12.0) for n in range(3)}
    assert many_levels.order(told) == many_levels.Order(("low", "mid", "high"), rare=2)


def test_a_few_rows_prove_little():
    told = {"few": (30, 30 * 20.0), "many": (3000, 3000 * 19.0), "rest": (9000, 0.0)}
    assert many_levels.order(told).levels == ("rest", "few", "many")


def test_no_more_than_the_most_frequent_have_a_code(monkeypatch):
    monkeypatch.setattr(many_levels, "MOST", 2)
    told = {name: (30 + n, 1.0 * n) for n, name in enumerate("abcd")}
    assert set(many_levels.order(told).levels) == {"c", "d"}


def test_where_every_value_is_rare_there_is_one_code():
    assert many_levels.order({f"{n}": (1, 1.0 * n) for n in range(99)}) == ((), 0)


def rows(count, seed, levels=300):
    """Return streets, a few of them most frequent, and a price that each of them moves."""
    rng = np.random.default_rng(seed)
    effect = np.random.default_rng(0).normal(0, 100, levels)
    street = np.minimum(rng.integers(0, levels, count), rng.integers(0, levels, count))
    names = pd.Categorical.from_codes(
        street, [f"{n * 7919 % 1000:03} street" for n in range(levels)]
    )
    size = rng.uniform(0, 10, count)
    price = effect[street] + 10 * size + rng.normal(0, 10, count)
    return pd.DataFrame({"street": names, "size": size, "price": price})


CONTRACT = params.validate(
    {
        "columns": {
            "street": {"role": "categorical", "missing": "allowed"},
            "size": {"role": "numeric"},
            "price": {"role": "target"},
        }
    },
    Contract,
    "contract",
)


def fitted(*partitions, many=50):
    told = {"feature_set": "all", "many_levels": many}
    told |= {"feature_sets": {"all": {"add": ["street", "size"]}}}
    chosen = FeaturizeParams.model_validate(told)
    seen = [features.seen(part, chosen, CONTRACT) for part in partitions]
    return features.fit(seen, chosen, CONTRACT)


@pytest.fixture(scope="module")
def train():
    return rows(9000, 1)


def test_codes_alone_and_in_a_table_rare_unseen_and_missing(train, tmp_path):
    train = train.copy()
    train.loc[:9, "street"] = None
    featuriser = fitted(train)
    levels, rare = featuriser.levels["street"], featuriser.folded["street"]
    counts = train["street"].value_counts()
    assert set(levels) == {name for name, count in counts.items() if count >= many_levels.FEWEST}
    assert 50 < len(levels) < 300
    assert featuriser.sizes() == (len(levels) + 2, 0)  # the rare ones, and missing
    table = featuriser.transform(train)
    told = train.groupby("street", observed=True)["price"].agg(["sum", "count"])
    drawn = (told["sum"] + 10 * train["price"][10:].mean()) / (told["count"] + 10)
    assert list(levels) == drawn[list(levels)].sort_values().index.tolist()
    assert (table[:10, 0] == len(levels) + 1).all()
    assert sorted(set(table[:, 0])) == list(range(len(levels) + 2))
    few = next(name for name, count in counts.items() if 0 < count < many_levels.FEWEST)
    for value, code in ((few, rare), ("never seen", rare), (None, len(levels) + 1)):
        assert featuriser.transform({"street": [value], "size": [1.0]})[0, 0] == code
    for row in range(20):
        one = {"street": [train["street"].astype(object).where(train["street"].notna(), None)[row]]}
        alone = featuriser.transform(one | {"size": [train["size"][row]]})
        assert alone.tobytes() == table[row].tobytes()
    featuriser.save(tmp_path / "featuriser.json")
    again = Featuriser.load(tmp_path / "featuriser.json")
    assert again == featuriser
    assert again.transform(train).tobytes() == table.tobytes()
    assert featuriser.unknown({"street": [few, levels[3], None]}) == {"street": [few]}


def test_partitions_come_to_the_same_order(train):
    parts = [train[:10], train[10:4000], train[4000:4000], train[4000:]]
    assert fitted(*parts) == fitted(train)


def test_a_category_with_few_values_keeps_the_alphabet(train):
    few = train.assign(street=train["street"].cat.rename_categories(str)).head(4000)
    featuriser = fitted(few, many=300)
    assert featuriser.folded == {}
    assert list(featuriser.levels["street"]) == sorted(featuriser.levels["street"])


@pytest.mark.parametrize("name", ["hist_gradient_boosting", "lightgbm"])
def test_a_tree_learns_more_from_the_order_of_the_target_than_from_the_alphabet(train, name):
    valid, test = rows(2000, 2), rows(2000, 3)
    rmse = {}
    for many in (50, 300):
        featuriser = fitted(train, many=many)
        X, X_valid, X_test = (featuriser.transform(part) for part in (train, valid, test))
        data = TrainingData(
            featuriser.columns,
            featuriser.sizes(),
            X,
            train["price"].to_numpy(),
            X_valid,
            valid["price"].to_numpy(),
        )
        estimator, _ = estimators.module(name).fit(settings(name), data)
        rmse[many] = np.sqrt(np.mean((estimator.predict(X_test) - test["price"].to_numpy()) ** 2))
    assert rmse[50] < 0.9 * rmse[300]


def test_least_squares_gives_a_bound_number_of_levels_an_amount_of_their_own():
    rng = np.random.default_rng(4)
    levels = 3000
    codes = np.concatenate([np.repeat(np.arange(399), 20), np.arange(399, levels)])
    effect = np.where(np.arange(levels) < 399, rng.normal(0, 50, levels), -300.0)
    X = np.column_stack([codes, rng.uniform(0, 9, len(codes))])
    y = effect[codes] + 2 * X[:, 1]
    data = TrainingData(("street", "size"), (levels, 0), X, y, X[:99], y[:99])
    design = Counts.of(X, (levels, 0)).design((levels, 0), (False, False), 400)
    assert design.widths == (400, 1)
    model, _ = linear_regression.fit(settings("linear_regression"), data)
    assert model.weights[0].shape == (levels,)
    assert len(set(model.weights[0][399:])) == 1
    assert model.predict(X) == pytest.approx(y, abs=1e-6)
