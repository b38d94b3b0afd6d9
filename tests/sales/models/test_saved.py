"""A model's folder: what comes back is what was saved, and damage is an error with a name."""

import numpy as np
import pytest

from sales import files
from sales.errors import PipelineError
from sales.estimators.linear_regression import Linear
from sales.models import saved
from sales.models.intervals import Intervals
from tests.examples import fitted


@pytest.fixture
def featuriser(orders, featurize_params, contract):
    return fitted(orders, featurize_params, contract)


@pytest.fixture
def folder(tmp_path, featuriser):
    """Return the folder of a linear model with a weight for every column and level."""
    categorical = tuple(name in featuriser.levels for name in featuriser.columns)
    weights = tuple(
        np.linspace(1.1, 9.9, len(featuriser.levels.get(name, (0,)))) for name in featuriser.columns
    )
    estimator = Linear(3.3, weights, categorical)
    saved.save(tmp_path, "linear_regression", estimator, featuriser, {"params": {"digits": 9}})
    return tmp_path


def test_a_loaded_model_is_the_saved_one(folder, orders, featuriser):
    loaded = saved.load(folder)
    assert loaded.name == "linear_regression"
    assert loaded.featuriser == featuriser
    assert loaded.about["params"] == {"digits": 9}
    assert loaded.content_hash == files.content_hash(folder)
    assert loaded.megabytes == round(sum(f.stat().st_size for f in folder.iterdir()) / 1e6, 3)
    assert np.isfinite(loaded.predict(orders)).all()


@pytest.mark.parametrize("file", ["model.json", "featuriser.json", "linear_regression.json"])
@pytest.mark.parametrize("damage", ["gone", "cut short", "of another kind"])
def test_a_damaged_folder_is_one_error_that_names_it(folder, file, damage):
    path = folder / file
    if damage == "gone":
        path.unlink()
    elif damage == "cut short":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.write_text('{"hello": 1}')
    with pytest.raises(PipelineError, match="cannot be loaded") as caught:
        saved.load(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_estimator_is_named(folder):
    about = files.read_json(folder / "model.json")
    files.write_json(folder / "model.json", {**about, "name": "os"})
    with pytest.raises(PipelineError, match="unknown model 'os'"):
        saved.load(folder)


def test_intervals_come_back_with_the_model_and_damage_to_them_is_an_error(folder, featuriser):
    assert saved.load(folder).intervals is None
    bounds = Intervals(0.9, np.array([]), np.array([-1.0]), np.array([1.0]))
    loaded = saved.load(folder)
    saved.save(folder, "linear_regression", loaded.estimator, featuriser, {}, bounds)
    assert saved.load(folder).intervals.high.tolist() == [1.0]
    (folder / "intervals.json").write_text("{")
    with pytest.raises(PipelineError, match="cannot be loaded"):
        saved.load(folder)
