"""LightGBM's predictor over scikit-learn's trees answers as Treelite's runtime, to the bit."""

import numpy as np
import pytest
import treelite
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from sales.estimators.trees import lightgbm_form, treelite_ensemble
from sales.estimators.trees.treelite_ensemble import TreeliteEnsemble

RNG = np.random.default_rng(0)
X = np.column_stack([RNG.normal(0, 3, (800, 2)), RNG.integers(-2, 3, 800)])
X[RNG.random(X.shape) < 0.1] = np.nan
Y = np.nan_to_num(X[:, 0] * X[:, 1]) + 10 * np.nan_to_num(X[:, 2]) + 700

ENSEMBLES = {
    "forest": RandomForestRegressor(7, max_leaf_nodes=60, random_state=0).fit(X, Y),
    "boosted": HistGradientBoostingRegressor(max_iter=25, random_state=0).fit(X, Y),
    "single leaves": RandomForestRegressor(2, random_state=0).fit(X, 0 * Y + 7),
    "around zero": HistGradientBoostingRegressor(max_iter=9, random_state=0).fit(X, Y - Y.mean()),
}
# -1, 1 and what lies between: a split at 0, beside which LightGBM knows no small numbers.
SIGNS = HistGradientBoostingRegressor(max_iter=9, min_samples_leaf=5, random_state=0).fit(
    np.sign(X[:, :1]), Y
)
NUMBER = st.floats(-9, 9) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 2.0, -1.0])


def part_of(fitted) -> treelite.Model:
    [part] = treelite_ensemble.of(fitted).parts
    return part


def by_treelite(part, matrix):
    return treelite.gtil.predict(part, matrix, nthread=1).reshape(len(matrix))


PARTS = {name: part_of(fitted) for name, fitted in ENSEMBLES.items()}


@pytest.mark.parametrize("name", PARTS)
@given(rows=st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=30))
@settings(max_examples=30)
def test_the_bits_are_treelites(name, rows):
    part = PARTS[name]
    form = lightgbm_form.of(part)
    assert form is not None
    for asked in (X, np.array(rows)):
        if form.takes(asked):
            assert form.predict(asked).tobytes() == by_treelite(part, asked).tobytes()


def test_the_very_cuts_go_to_the_same_side():
    part = PARTS["boosted"]
    form = lightgbm_form.of(part)
    trees = [part.get_tree_accessor(number) for number in range(part.num_tree)]
    cuts = np.concatenate([tree.get_field("threshold") for tree in trees])
    on = np.concatenate([tree.get_field("split_index") for tree in trees])
    for beside in (-np.inf, np.inf):
        rows = np.zeros((len(cuts), 3))
        rows[np.arange(len(cuts)), np.maximum(on, 0)] = cuts
        for asked in (rows, np.nextafter(rows, beside)):
            seen = asked if form.takes(asked) else np.where(np.abs(asked) < 1e-30, 0, asked)
            assert form.predict(seen).tobytes() == by_treelite(part, seen).tobytes()


def test_what_lightgbm_takes_for_zero_is_left_to_treelite():
    part = part_of(SIGNS)
    form = lightgbm_form.of(part)
    small, others = np.array([[1e-36], [-1e-36]]), np.array([[0.0], [-0.0], [1e-34], [np.nan]])
    assert form.near_zero
    assert not form.takes(small)
    assert form.takes(others)
    assert form.predict(others).tobytes() == by_treelite(part, others).tobytes()
    many = np.resize(small, (treelite_ensemble.MANY, 1))
    ensemble = TreeliteEnsemble((part,))
    assert ensemble.predict(many).tobytes() == by_treelite(part, many).tobytes()


def test_sets_of_levels_are_left_to_treelite():
    fitted = HistGradientBoostingRegressor(
        max_iter=4, categorical_features=[2], random_state=0
    ).fit(np.nan_to_num(X) + 2, Y)
    assert lightgbm_form.of(part_of(fitted)) is None


def test_an_ensemble_takes_that_form_where_the_walks_repay_it(monkeypatch):
    part = PARTS["boosted"]
    made = []
    monkeypatch.setattr(lightgbm_form, "of", lambda part: made.append(part))  # None: it cannot
    rows = np.resize(X, (treelite_ensemble.MANY, 3))
    for walks, wanted in ((10**9, 0), (0, 1)):
        monkeypatch.setattr(treelite_ensemble, "WALKS_A_NODE", walks)
        ensemble = TreeliteEnsemble((part,))
        for asked in (rows, rows[:-1], rows):
            assert ensemble.predict(asked).tobytes() == by_treelite(part, asked).tobytes()
        assert len(made) == wanted


def test_one_too_large_to_be_held_twice_does_not(monkeypatch):
    part = PARTS["forest"]
    monkeypatch.setattr(treelite_ensemble, "MOST_NODES", 100)
    monkeypatch.setattr(treelite_ensemble, "WALKS_A_NODE", 0)
    monkeypatch.setattr(lightgbm_form, "of", lambda _: pytest.fail("it was laid out"))
    rows = np.resize(X, (treelite_ensemble.MANY, 3))
    assert TreeliteEnsemble((part,)).predict(rows).tobytes() == by_treelite(part, rows).tobytes()
