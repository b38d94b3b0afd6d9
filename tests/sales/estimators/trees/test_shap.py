"""TreeSHAP against its definition, and against XGBoost's and LightGBM's own."""

from itertools import combinations
from math import factorial

import lightgbm
import numpy as np
import pytest
import treelite
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from sales.errors import PipelineError
from sales.estimators.trees import shap, treelite_ensemble

FEATURES = 4
RNG = np.random.default_rng(0)
X = np.column_stack([RNG.uniform(-5, 5, (500, FEATURES - 1)), RNG.integers(0, 3, 500)])
Y = X[:, 0] * X[:, 1] + np.floor(X[:, 2]) + 10 * (X[:, 3] == 1) + 500
NUMBER = st.floats(-6, 6) | st.just(float("nan"))
ROWS = st.lists(NUMBER, min_size=FEATURES, max_size=FEATURES).map(np.array)

ENSEMBLES = {
    # Paths longer than there are features: some splits on one and the same.
    "forest": RandomForestRegressor(5, max_leaf_nodes=40, random_state=0).fit(X, Y),
    "boosted": HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(X, Y),
    "stumps": HistGradientBoostingRegressor(max_iter=5, max_depth=1, random_state=0).fit(X, Y),
    "sets of levels": HistGradientBoostingRegressor(
        max_iter=8, categorical_features=[3], random_state=0
    ).fit(X, Y),
    "a single leaf": RandomForestRegressor(2, max_depth=1, random_state=0).fit(X, 0 * Y + 7),
}


def by_definition(part, row):
    """Return the Shapley values of a Treelite model: of every set of features that may be known."""
    trees = [part.get_tree_accessor(n) for n in range(part.num_tree)]
    fields = ("cleft", "cright", "split_index", "threshold", "default_left", "leaf_value")
    read = [[*map(tree.get_field, fields), cover_of(tree), tree] for tree in trees]

    def expected(tree, node, known):
        left, right, feature, threshold, default, value, cover, accessor = tree
        if left[node] < 0:
            return value[node]
        branches = [left[node], right[node]]
        if feature[node] in known:
            given = row[feature[node]]
            goes_left = default[node] if np.isnan(given) else given <= threshold[node]
            if accessor.get_field("node_type")[node] == 2 and not np.isnan(given):
                goes_left = level_goes_left(accessor, node, given)
            return expected(tree, branches[0 if goes_left else 1], known)
        return sum(expected(tree, b, known) * cover[b] / cover[node] for b in branches)

    header = part.get_header_accessor()
    share = 1 / len(read) if header.get_field("average_tree_output")[0] else 1
    worth = {
        known: share * sum(expected(tree, 0, known) for tree in read)
        for size in range(FEATURES + 1)
        for known in combinations(range(FEATURES), size)
    }
    amounts = np.zeros(FEATURES)
    for known, before in worth.items():
        for feature in set(range(FEATURES)) - set(known):
            weight = factorial(len(known)) * factorial(FEATURES - len(known) - 1)
            after = worth[tuple(sorted((*known, feature)))]
            amounts[feature] += weight / factorial(FEATURES) * (after - before)
    return worth[()] + header.get_field("base_scores")[0], amounts


def level_goes_left(tree, node, given):
    begin, end = (tree.get_field(f"category_list_{which}")[node] for which in ("begin", "end"))
    listed = given >= 0 and int(given) in tree.get_field("category_list")[begin:end]
    return listed != bool(tree.get_field("category_list_right_child")[node])


def cover_of(tree):
    drawn = tree.get_field("sum_hess")
    return drawn if len(drawn) else tree.get_field("data_count").astype(float)


@pytest.mark.parametrize("name", ENSEMBLES)
@given(row=ROWS)
@settings(max_examples=25)
def test_the_amounts_are_the_shapley_values(name, row):
    [part] = treelite_ensemble.of(ENSEMBLES[name]).parts
    baseline, amounts = by_definition(part, row)
    found = shap.of([part]).contributions(row)
    assert found.baseline == pytest.approx(baseline, rel=1e-12)
    assert found.amounts == pytest.approx(amounts, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ENSEMBLES)
@given(row=ROWS)
@settings(max_examples=50)
def test_they_add_up_to_the_prediction(name, row):
    ensemble = treelite_ensemble.of(ENSEMBLES[name])
    found = ensemble.contributions(row)
    [predicted] = ensemble.predict(row[None, :])
    assert found.baseline + found.amounts.sum() == pytest.approx(predicted, rel=1e-12)


def test_the_baseline_of_a_forest_is_the_mean_of_the_rows_that_its_trees_drew():
    forest = RandomForestRegressor(3, random_state=0, bootstrap=False).fit(X, Y)
    found = treelite_ensemble.of(forest).contributions(X[0])
    assert found.baseline == pytest.approx(Y.mean(), rel=1e-12)


def test_xgboost_agrees():
    trained = X.copy()
    trained[RNG.random(X.shape) < 0.1] = np.nan
    booster = xgboost.train({"max_depth": 7, "eta": 0.2}, xgboost.DMatrix(trained, Y), 40)
    model = treelite.frontend.from_xgboost(booster)
    theirs = booster.predict(xgboost.DMatrix(trained[:50]), pred_contribs=True)
    paths = shap.of([model])
    for row, (*amounts, baseline) in zip(trained[:50], theirs, strict=True):
        ours = paths.contributions(row)
        assert ours.baseline == pytest.approx(baseline, rel=1e-5)
        assert ours.amounts == pytest.approx(np.array(amounts), abs=1e-3)


def test_lightgbm_agrees():
    booster = lightgbm.train(
        {"num_leaves": 63, "min_child_samples": 3, "verbose": -1}, lightgbm.Dataset(X, Y), 40
    )
    model = treelite.frontend.from_lightgbm(booster)
    paths = shap.of([model])
    for row, (*amounts, baseline) in zip(
        X[:50], booster.predict(X[:50], pred_contrib=True), strict=True
    ):
        ours = paths.contributions(row)
        assert ours.baseline == pytest.approx(baseline, rel=1e-9)
        assert ours.amounts == pytest.approx(np.array(amounts), abs=1e-9)


def test_a_forest_in_parts_is_explained_as_one():
    forest = ENSEMBLES["forest"]
    trees = forest.estimators_
    parts = []
    for few in (trees[:2], trees[2:]):
        part = RandomForestRegressor(len(few)).fit(X[:9], Y[:9])
        part.estimators_ = few
        parts.append(part)
    whole, parted = treelite_ensemble.of(forest), treelite_ensemble.of(*parts)
    one, other = whole.contributions(X[0]), parted.contributions(X[0])
    assert other.baseline == pytest.approx(one.baseline, rel=1e-12)
    assert other.amounts == pytest.approx(one.amounts, rel=1e-9)


@pytest.mark.parametrize("bound", ["AT_ONCE", "STEPS_AT_ONCE"])
def test_how_much_is_done_at_once_changes_nothing(monkeypatch, bound):
    ensemble = ENSEMBLES["sets of levels"]
    together = treelite_ensemble.of(ensemble).contributions(X[0])
    monkeypatch.setattr(shap, bound, 1)
    one_by_one = treelite_ensemble.of(ensemble).contributions(X[0])
    assert one_by_one.baseline == pytest.approx(together.baseline, rel=1e-12)
    assert one_by_one.amounts == pytest.approx(together.amounts, rel=1e-9)


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_an_infinite_value_goes_as_the_prediction_does(infinite):
    ensemble = treelite_ensemble.of(ENSEMBLES["boosted"])
    row = np.where(np.arange(FEATURES) == 1, infinite, X[0])
    found = ensemble.contributions(row)
    [predicted] = ensemble.predict(row[None, :])
    assert found.baseline + found.amounts.sum() == pytest.approx(predicted, rel=1e-12)


def test_a_feature_that_no_tree_asks_for_adds_nothing():
    constant = X.copy()
    constant[:, 2] = 1.0
    found = treelite_ensemble.of(
        HistGradientBoostingRegressor(max_iter=5, random_state=0).fit(constant, Y)
    ).contributions(constant[0])
    assert found.amounts[2] == 0
    assert found.amounts[0] != 0


def test_a_model_too_large_to_wait_for_is_refused(monkeypatch):
    monkeypatch.setattr(shap, "MOST", 700)
    with pytest.raises(PipelineError, match=r"200 leaves and 4 features is too large to be expl"):
        treelite_ensemble.of(ENSEMBLES["forest"]).contributions(X[0])
