"""The estimators: each fits, saves, loads and predicts the same bits."""

import importlib
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression

from sales import estimators, files, params
from sales.errors import PipelineError
from sales.estimators import TrainingData, linear_regression, xgboost
from sales.estimators.fitting import moments
from sales.estimators.trees import treelite_ensemble
from tests.examples import run_alone

SMALL = {
    "linear_regression": {},
    "polynomial_regression": {},
    "random_forest": {"n_estimators": 12, "max_leaf_nodes": 50},
    "hist_gradient_boosting": {"max_iter": 30},
    "xgboost": {"n_estimators": 150},
    "lightgbm": {"n_estimators": 30},
}


def settings(name, **changes):
    """Return the committed parameters of a model, made small for a test."""
    module = estimators.module(name)
    committed = params.read(f"train.{name}", module.Params)
    return module.Params(**{**committed.model_dump(), **SMALL[name], **changes})


def orders(rows, seed):
    """Return features (a price, a quantity, a category of three levels) and their target."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.uniform(5, 600, rows), rng.integers(1, 6, rows), rng.integers(0, 3, rows)]
    )
    return X, X[:, 0] * 2 + 100 * X[:, 1] + np.array([0.0, 50.0, -20.0])[X[:, 2].astype(int)]


@pytest.fixture(scope="module")
def data():
    X, y = orders(2000, 0)
    X_valid, y_valid = orders(400, 1)
    return TrainingData(("UnitPrice", "Quantity", "Brand"), (0, 0, 3), X, y, X_valid, y_valid)


@pytest.fixture(scope="module", params=estimators.NAMES)
def fitted(request, data):
    module = estimators.module(request.param)
    return request.param, *module.fit(settings(request.param), data)


def test_learns(fitted, data):
    name, estimator, _ = fitted
    rmse = np.sqrt(np.mean((estimator.predict(data.X_valid) - data.y_valid) ** 2))
    assert rmse < 0.25 * data.y_valid.std(), name


def test_the_same_bits_after_saving_and_loading(fitted, data, tmp_path):
    name, estimator, _ = fitted
    estimator.save(tmp_path)
    loaded = estimators.module(name).load(tmp_path)
    assert loaded.predict(data.X_valid).tobytes() == estimator.predict(data.X_valid).tobytes()


def test_the_same_bits_alone_as_in_a_table(fitted, data):
    _, estimator, _ = fitted
    together = estimator.predict(data.X_valid[:300])
    alone = np.concatenate([estimator.predict(row[None, :]) for row in data.X_valid[:300]])
    assert together.dtype == alone.dtype == np.float64
    assert together.tobytes() == alone.tobytes()


def test_the_same_bits_in_a_large_table_as_in_small_ones(fitted):
    _, estimator, _ = fitted
    X, _ = orders(treelite_ensemble.MANY + 1000, 2)
    small = np.concatenate([estimator.predict(part) for part in np.array_split(X, 50)])
    assert estimator.predict(X).tobytes() == small.tobytes()


def test_a_large_table_of_one_feature():
    X, y = np.arange(5000.0)[:, None], np.arange(5000.0) % 7
    forest = RandomForestRegressor(3, max_leaf_nodes=9, random_state=0).fit(X, y)
    ensemble = treelite_ensemble.of(forest)
    assert ensemble.predict(X).tobytes() == ensemble.predict(X[:4000]).tobytes() + (
        ensemble.predict(X[4000:]).tobytes()
    )


def test_a_second_fit_writes_the_same_bytes(fitted, data, tmp_path):
    name, estimator, curve = fitted
    again, curve_again = estimators.module(name).fit(settings(name), data)
    for number, one in enumerate((estimator, again)):
        (tmp_path / str(number)).mkdir()
        one.save(tmp_path / str(number))
    assert files.content_hash(tmp_path / "0") == files.content_hash(tmp_path / "1")
    assert curve.equals(curve_again)


def test_an_unknown_category_gets_a_finite_answer(fitted, data):
    _, estimator, _ = fitted
    strange = data.X_valid[:5].copy()
    strange[:, 2] = np.nan
    assert np.isfinite(estimator.predict(strange)).all()


def test_the_curve_ends_lower_than_it_begins(fitted, data):
    _, _, curve = fitted
    assert list(curve.columns) == ["step", "split", "rmse"]
    by_rows = curve["step"].max() == len(data.y)  # few rows are easy to fit
    for split in ("valid",) if by_rows else ("train", "valid"):
        rmse = curve.loc[curve["split"] == split, "rmse"]
        assert rmse.iloc[-1] < rmse.iloc[0] or rmse.max() < 1e-6


def test_no_file_of_a_model_is_a_pickle(fitted, tmp_path):
    _, estimator, _ = fitted
    estimator.save(tmp_path)
    for file in tmp_path.iterdir():
        assert file.suffix in {".json", ".ubj", ".txt", ".treelite"}


@pytest.fixture
def hopeless(data):
    """Return data whose target is noise: whatever is learnt makes the valid rows worse."""
    noise = np.random.default_rng(5).normal(size=len(data.y))
    return TrainingData(data.columns, data.levels, data.X, noise, data.X_valid, data.y_valid * 0)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "hist_gradient_boosting"])
def test_without_early_stopping_all_rounds_are_kept(name, hopeless):
    module = estimators.module(name)
    rounds = {"hist_gradient_boosting": "max_iter"}.get(name, "n_estimators")
    estimator, curve = module.fit(
        settings(name, **{rounds: 30}, early_stopping_rounds=None), hopeless
    )
    assert curve["step"].max() >= 30
    kept = estimator.num_tree if rounds == "max_iter" else estimator.booster
    if name == "xgboost":
        kept = kept.num_boosted_rounds()
    elif name == "lightgbm":
        kept = kept.current_iteration()
    assert kept == 30


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "hist_gradient_boosting"])
def test_boosting_stops_early_when_valid_rows_no_longer_gain(name, hopeless):
    module = estimators.module(name)
    rounds = {"hist_gradient_boosting": "max_iter"}.get(name, "n_estimators")
    _, curve = module.fit(settings(name, **{rounds: 1000}, early_stopping_rounds=5), hopeless)
    assert curve["step"].max() < 100


def test_xgboost_keeps_only_the_best_rounds(hopeless):
    booster, curve = xgboost.fit(settings("xgboost", early_stopping_rounds=5), hopeless)
    valid = curve[curve["split"] == "valid"].reset_index()
    assert booster.booster.num_boosted_rounds() == valid["rmse"].idxmin() + 1 < len(valid)


def test_xgboosts_curve_is_the_same_where_only_the_shown_rounds_are_scored(data):
    # Never stopped, for the valid rows never gain 450 rounds long.
    curves = [
        xgboost.fit(settings("xgboost", n_estimators=450, early_stopping_rounds=rounds), data)[1]
        for rounds in (None, 450)
    ]
    assert len(curves[0]) == 2 * 200
    assert curves[0]["rmse"].notna().all()
    assert curves[0].equals(curves[1])


def test_linear_regression_finds_the_exact_weights(data):
    model, _ = linear_regression.fit(settings("linear_regression"), data)
    assert model.weights[0] == pytest.approx([2.0], abs=1e-6)
    assert model.weights[1] == pytest.approx([100.0], abs=1e-6)
    assert model.weights[2] - model.weights[2][0] == pytest.approx([0, 50, -70 + 50], abs=1e-5)


def test_linear_regression_hides_the_noise_of_the_solver(data):
    model, _ = linear_regression.fit(settings("linear_regression", digits=6), data)
    # target sd ~ 365 -> quantum 10^(2-6); price sd ~ 172 -> two more digits
    assert (np.round(model.weights[0], 6) == model.weights[0]).all()
    assert round(model.intercept, 4) == model.intercept


def test_linear_regression_survives_a_constant_column(data):
    X = np.column_stack([data.X, np.full(len(data.y), 7.0)])
    X_valid = np.column_stack([data.X_valid, np.full(len(data.y_valid), 7.0)])
    wide = TrainingData((*data.columns, "c"), (*data.levels, 0), X, data.y, X_valid, data.y_valid)
    model, _ = linear_regression.fit(settings("linear_regression"), wide)
    assert model.predict(X_valid) == pytest.approx(data.y_valid, abs=1e-4)


def test_treelite_agrees_with_scikit_learn(data):
    boosted = HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(data.X, data.y)
    forest = RandomForestRegressor(10, random_state=0, n_jobs=1).fit(data.X, data.y)
    for model in (boosted, forest):
        ours = treelite_ensemble.of(model).predict(data.X_valid)
        assert ours == pytest.approx(model.predict(data.X_valid), rel=1e-12)


def test_a_forest_grown_in_steps_is_the_forest_grown_at_once(data):
    chosen = settings("random_forest", n_estimators=25)
    stepwise, _ = estimators.module("random_forest").fit(chosen, data)
    once = RandomForestRegressor(
        25, max_features="sqrt", max_leaf_nodes=50, random_state=chosen.seed
    ).fit(data.X, data.y)
    [ours], [theirs] = stepwise.parts, treelite_ensemble.of(once).parts
    assert ours.serialize_bytes() == theirs.serialize_bytes()


def test_a_large_forest_comes_in_parts_and_is_the_same_forest(data, tmp_path, monkeypatch):
    module = estimators.module("random_forest")
    chosen = settings("random_forest", n_estimators=25)
    whole, curve = module.fit(chosen, data)
    monkeypatch.setattr(module, "NODES_A_PART", 1)
    parted, same_curve = module.fit(chosen, data)
    assert [part.num_tree for part in parted.parts] == [10, 10, 5]
    assert parted.num_tree == whole.num_tree == 25
    assert same_curve.equals(curve)
    X, _ = orders(treelite_ensemble.MANY + 1, 2)
    together = parted.predict(X)
    assert together == pytest.approx(whole.predict(X), rel=1e-12)
    alone = np.concatenate([parted.predict(row[None, :]) for row in X[:50]])
    assert alone.tobytes() == together[:50].tobytes()
    parted.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert module.load(tmp_path).predict(X).tobytes() == together.tobytes()


def test_a_tree_sees_no_more_than_max_rows(data):
    few, _ = estimators.module("random_forest").fit(settings("random_forest", max_rows=200), data)
    once = RandomForestRegressor(
        12, max_features="sqrt", max_leaf_nodes=50, random_state=42, max_samples=200
    ).fit(data.X, data.y)
    [ours], [theirs] = few.parts, treelite_ensemble.of(once).parts
    assert ours.serialize_bytes() == theirs.serialize_bytes()


def test_linear_regression_agrees_with_scikit_learn(data):
    one_hot = [np.eye(3)[X[:, 2].astype(int)] for X in (data.X, data.X_valid)]
    noise = np.random.default_rng(0).normal(size=len(data.y))
    noisy = TrainingData(
        data.columns, data.levels, data.X, data.y + noise, data.X_valid, data.y_valid
    )
    model, _ = linear_regression.fit(settings("linear_regression", digits=12), noisy)
    theirs = LinearRegression().fit(np.hstack([data.X[:, :2], one_hot[0]]), noisy.y)
    expected = theirs.predict(np.hstack([data.X_valid[:, :2], one_hot[1]]))
    assert model.predict(data.X_valid) == pytest.approx(expected, rel=1e-9)


def test_the_size_of_linear_regressions_blocks_changes_no_bit(data, monkeypatch):
    model, curve = linear_regression.fit(settings("linear_regression"), data)
    monkeypatch.setattr(moments, "BLOCK", 77)
    again, same_curve = linear_regression.fit(settings("linear_regression"), data)
    assert again.predict(data.X_valid).tobytes() == model.predict(data.X_valid).tobytes()
    assert same_curve.equals(curve)


@pytest.mark.parametrize(
    ("named", "groups"),
    [
        ([], []),
        ([["nothing of this"]], []),
        ([["UnitPrice", "Quantity"]], [[0, 1], [2]]),
        ([["UnitPrice", "missing"], ["Quantity"]], [[0], [1], [2]]),
        ([["UnitPrice", "Quantity", "Brand"]], [[0, 1, 2]]),
    ],
)
def test_interaction_groups(named, groups):
    columns = ("UnitPrice", "Quantity", "Brand")
    assert xgboost._interaction_groups(named, columns) == groups


SCRIPT = """
import sys
sys.path.insert(0, "tests/sales/estimators")
import pathlib
from test_estimators import *
X, y = orders(2000, 0)
X_valid, y_valid = orders(400, 1)
data = TrainingData(("UnitPrice", "Quantity", "Brand"), (0, 0, 3), X, y, X_valid, y_valid)
for name in estimators.NAMES:
    folder = pathlib.Path(sys.argv[1]) / name
    folder.mkdir(parents=True)
    estimators.module(name).fit(settings(name), data)[0].save(folder)
print(files.content_hash(pathlib.Path(sys.argv[1])))
"""


def test_the_same_bytes_whatever_the_threads_the_blas_kernel_and_the_cpu_features(tmp_path):
    hashes = []
    for number, env in enumerate(
        [
            {"OMP_NUM_THREADS": "1"},
            {"OMP_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell"},
            {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512_SKX"},
        ]
    ):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path / str(number))],
            env={**os.environ, "PYTHONPATH": ".", **env},
            capture_output=True,
            text=True,
            check=True,
        )
        hashes.append(done.stdout)
    assert len(set(hashes)) == 1


def test_an_unknown_model_is_named():
    with pytest.raises(PipelineError, match=r"unknown model 'catboost'; known: linear_regression"):
        estimators.module("catboost")


@pytest.mark.parametrize("name", estimators.NAMES)
def test_absurd_parameters_are_refused(name):
    module = estimators.module(name)
    good = params.read(f"train.{name}", module.Params).model_dump()
    for key in good:
        if key in ("max_features", "interactions"):
            continue
        with pytest.raises(ValidationError):
            module.Params(**{**good, key: -1})


def test_xgboost_answers_without_scikit_learn():
    script = (
        "import sys; from sales.estimators import xgboost; print('sklearn' in sys.modules); "
        "import sklearn.base; print(sklearn.base.BaseEstimator.__name__)"
    )
    env = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "BaseEstimator"]


def test_without_leaves_what_is_imported_already():
    import sklearn

    with estimators.without("sklearn"):
        assert sys.modules["sklearn"] is sklearn
    assert sys.modules["sklearn"] is sklearn


def test_without_hides_a_package_for_the_block_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with pytest.raises(ModuleNotFoundError), estimators.without("colorsys"):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys").__name__ == "colorsys"


def test_a_package_is_there_where_one_that_needs_it_is_installed(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with estimators.without("colorsys", needing="numpy"):
        importlib.import_module("colorsys")
    monkeypatch.delitem(sys.modules, "colorsys")
    with estimators.without("colorsys", needing="nobody_knows"), pytest.raises(ImportError):
        importlib.import_module("colorsys")


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "hist_gradient_boosting"])
def test_whoever_loads_a_model_imports_no_scikit_learn(name):
    _, imported = run_alone(f"from sales.estimators import {name}", "sklearn")
    with_dask = name == "lightgbm" and find_spec("distributed")  # whose training is by its classes
    assert imported == (["sklearn"] if with_dask else [])
