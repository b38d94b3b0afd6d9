"""Categories parted into sets: learnt, served and explained as the library itself does."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
import treelite
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

from sales import estimators, files
from sales.estimators import TrainingData
from sales.estimators.fitting import categories
from sales.estimators.fitting.scale import Scale
from sales.estimators.trees import descent, treelite_ensemble
from tests.sales.estimators.test_estimators import settings

NAMES = ("hist_gradient_boosting", "xgboost", "lightgbm")
MANY = 37  # levels, of which the last is that of rows that lack a value
# Small trees: one that may have a leaf a level needs no sets.
ROUNDS = {
    "hist_gradient_boosting": {"max_iter": 40, "max_leaf_nodes": 6},
    "xgboost": {"n_estimators": 40, "max_depth": 3},
    "lightgbm": {"n_estimators": 40, "num_leaves": 6},
}
EFFECT = np.random.default_rng(9).permutation(np.r_[np.full(18, 100.0), np.full(19, -100.0)])


def rows(count, seed, *, unseen=0.0):
    """Return a size, a street whose code says nothing by its order, another size, and the price."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.uniform(0, 10, count), rng.integers(0, MANY, count), rng.uniform(0, 1, count)]
    )
    y = 5 * X[:, 0] + EFFECT[X[:, 1].astype(int)] + rng.normal(0, 5, count)
    X[rng.random(count) < 0.1, 2] = np.nan
    X[rng.random(count) < unseen, 1] = np.nan
    return X, y


@pytest.fixture(scope="module")
def data():
    return TrainingData(
        ("size", "street", "other"), (0, MANY, 0), *rows(3000, 0), *rows(400, 1, unseen=0.05)
    )


@pytest.fixture(scope="module")
def strange():
    """Rows with a hole everywhere, a value that training never saw, and all at once."""
    X, _ = rows(treelite_ensemble.MANY + 300, 2, unseen=0.1)
    X[0] = np.nan
    X[1, 0] = np.nan
    return X


def chosen(name, way, **changes):
    return settings(name, **{**ROUNDS[name], "learning_rate": 0.2, "categories": way, **changes})


@pytest.fixture(scope="module", params=NAMES)
def fitted(request, data):
    name = request.param
    return name, estimators.module(name).fit(chosen(name, "native"), data)[0]


def rmse(estimator, X, y):
    return np.sqrt(np.mean((estimator.predict(X) - y) ** 2))


def test_sets_of_levels_take_fewer_splits_than_codes(fitted, data):
    name, estimator = fitted
    assert estimator.native
    few = {"hist_gradient_boosting": {"max_iter": 4}}.get(name, {"n_estimators": 4})
    errors = {}
    for way in ("codes", "native"):
        model, _ = estimators.module(name).fit(chosen(name, way, **few), data)
        assert model.native is (way == "native")
        errors[way] = rmse(model, data.X_valid, data.y_valid)
    assert errors["native"] < 0.95 * errors["codes"]


def test_the_same_bits_alone_in_a_table_and_after_loading(fitted, strange, tmp_path):
    name, estimator = fitted
    together = estimator.predict(strange)
    assert np.isfinite(together).all()
    alone = np.concatenate([estimator.predict(row[None, :]) for row in strange[:300]])
    assert alone.tobytes() == together[:300].tobytes()
    small = np.concatenate([estimator.predict(part) for part in np.array_split(strange, 40)])
    assert small.tobytes() == together.tobytes()
    estimator.save(tmp_path)
    loaded = estimators.module(name).load(tmp_path)
    assert loaded.predict(strange).tobytes() == together.tobytes()
    assert loaded.predict(strange[:1]).tobytes() == together[:1].tobytes()
    assert loaded.native


def test_a_second_fit_writes_the_same_bytes(fitted, data, tmp_path):
    name, estimator = fitted
    again, _ = estimators.module(name).fit(chosen(name, "native"), data)
    for number, one in enumerate((estimator, again)):
        (tmp_path / str(number)).mkdir()
        one.save(tmp_path / str(number))
    assert files.content_hash(tmp_path / "0") == files.content_hash(tmp_path / "1")


def test_what_features_add_is_the_prediction(fitted, strange):
    _, estimator = fitted
    for row in strange[:25]:
        found = estimator.contributions(row)
        [predicted] = estimator.predict(row[None, :])
        assert found.baseline + found.amounts.sum() == pytest.approx(predicted, rel=1e-5, abs=1e-3)


def test_xgboost_answers_as_its_library(data, strange):
    estimator, _ = estimators.module("xgboost").fit(chosen("xgboost", "native"), data)
    types = ["float", "c", "float"]
    matrix = xgboost.DMatrix(strange, feature_types=types, enable_categorical=True)
    theirs = estimator.booster.predict(matrix)
    assert estimator.predict(strange).astype(np.float32).tobytes() == theirs.tobytes()
    walk = descent.of(estimator.booster)
    alone = np.array([walk.predict(row) for row in strange[:400]], np.float32)
    assert alone.tobytes() == theirs[:400].tobytes()


def test_xgboost_answers_a_level_that_no_row_had_as_its_library(data):
    """As after a search on some of the rows: the featuriser knows levels that they do not."""
    estimator, _ = estimators.module("xgboost").fit(chosen("xgboost", "native"), data)
    beyond = np.repeat([[5.0, 0.0, 0.5]], 300, axis=0)
    beyond[:, 1] = np.arange(300)
    together = estimator.predict(beyond)
    alone = np.concatenate([estimator.predict(row[None, :]) for row in beyond])
    assert alone.tobytes() == together.tobytes()


def test_scikit_learns_trees_answer_as_they_do(data, strange):
    model = HistGradientBoostingRegressor(
        max_iter=30, categorical_features=[1], early_stopping=False, random_state=0
    ).fit(data.X, data.y)
    ours = treelite_ensemble.of(model)
    assert ours.native
    assert ours.predict(strange) == pytest.approx(model.predict(strange), rel=1e-12)


def test_lightgbm_answers_as_its_library(data, strange):
    estimator, _ = estimators.module("lightgbm").fit(chosen("lightgbm", "native"), data)
    theirs = lightgbm.Booster(model_str=estimator.booster.model_to_string()).predict(strange)
    assert estimator.predict(strange).tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_category_with_more_levels_than_a_library_takes_keeps_its_codes(name, data):
    wide = replace(data, levels=(0, categories.MOST_LEVELS + 1, 0))
    assert categories.native(chosen(name, "native"), (0, 255, 256, 1)) == (0, 1, 0, 1)
    model, _ = estimators.module(name).fit(chosen(name, "native"), wide)
    plain, _ = estimators.module(name).fit(chosen(name, "codes"), wide)
    assert model.predict(data.X_valid).tobytes() == plain.predict(data.X_valid).tobytes()
    assert not model.native


@pytest.mark.parametrize("name", NAMES)
def test_measured_takes_what_errs_less_on_train_rows_whatever_the_valid_rows_say(name, data):
    rounds = {"hist_gradient_boosting": {"max_iter": 8}}.get(name, {"n_estimators": 8})
    measured = chosen(name, "measured", **rounds)
    module = estimators.module(name)
    assert categories.decided(measured, data, module.fit).categories == "native"
    nonsense = replace(data, y_valid=np.zeros(len(data.y_valid)), X_valid=data.X_valid * 0)
    assert categories.decided(measured, nonsense, module.fit).categories == "native"
    model, _ = module.fit(measured, data)
    sets, _ = module.fit(chosen(name, "native", **rounds), data)
    assert model.predict(data.X_valid).tobytes() == sets.predict(data.X_valid).tobytes()
    assert categories.told(measured, model) == {"categories": "native"}
    assert categories.told(chosen(name, "native"), model) == {}


def test_measured_is_codes_where_sets_err_more_or_there_is_nothing_to_tell():
    class Fitted:
        def __init__(self, error):
            self.error = error

        def predict(self, X):
            return X[:, 0] + self.error

    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=2000), rng.integers(0, 5, 2000)])
    data = TrainingData(("x", "c"), (0, 5), X, X[:, 0], X[:0], X[:0, 0])
    tried = []

    def fit(error):
        def of(params, part):
            tried.append((params.categories, len(part.y), len(part.y_valid)))
            return Fitted(error[params.categories]), None

        return of

    measured = chosen("xgboost", "measured")

    def decided(codes, sets, data=data):
        return categories.decided(measured, data, fit({"codes": codes, "native": sets})).categories

    assert decided(1.0, 2.0) == "codes"
    assert decided(2.0, 1.0) == "native"
    assert decided(1.0, 1.0) == "codes"
    assert tried == [("codes", 1600, 400), ("native", 1600, 400)] * 3
    assert decided(2.0, 1.0, replace(data, levels=(0, 0))) == "codes"
    assert decided(2.0, 1.0, replace(data, X=X[:400], y=X[:400, 0])) == "codes"
    assert len(tried) == 6
    again = chosen("xgboost", "native")
    assert categories.decided(again, data, fit({})) is again


def test_the_model_of_a_scaled_target_tells_what_was_chosen(data):
    scale = Scale("log1p", 0.0)
    model, _ = estimators.module("lightgbm").fit(chosen("lightgbm", "native"), data)
    measured = chosen("lightgbm", "measured")
    assert categories.told(measured, scale.answering(model)) == {"categories": "native"}
    assert categories.told(settings("linear_regression"), model) == {}


def test_treelites_kind_of_a_set_is_what_we_take_it_for(data):
    estimator, _ = estimators.module("xgboost").fit(chosen("xgboost", "native"), data)
    trees = treelite.frontend.from_xgboost(estimator.booster)
    kinds = {kind for n in range(3) for kind in trees.get_tree_accessor(n).get_field("node_type")}
    assert kinds == {0, 1, 2}
