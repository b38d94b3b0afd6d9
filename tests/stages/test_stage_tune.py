"""tune: from the features to a study, twice the same and blind to the test rows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sales import files, params
from sales.contract import Contract
from sales.errors import PipelineError
from sales.estimators import xgboost
from sales.models import features, matrices, tuning
from sales.models.tuning import Study
from stages import tune
from tests.examples import ROOT, fitted, make_orders, set_params

STUDY = Path("tune/xgboost.json")


@pytest.fixture
def featurised(project, monkeypatch):
    """Change into a project with featurised train and valid rows; there are no test rows in it."""
    contract = params.read("contract", Contract)
    tables = {"train": make_orders(400), "valid": make_orders(100, seed=1)}
    featuriser = fitted(
        tables["train"], params.read("featurize", features.FeaturizeParams), contract
    )
    folder = Path("data/features")
    folder.mkdir()
    featuriser.save(folder / "featuriser.json")
    for part, orders in tables.items():
        table = pd.DataFrame(featuriser.transform(orders), columns=list(featuriser.columns))
        table[contract.target] = orders[contract.target].to_numpy()
        table.to_parquet(folder / f"{part}.parquet")
    set_params(
        {
            "train.xgboost.n_estimators": 30,
            "tune.xgboost.trials": 12,
            "tune.xgboost.train_rows": 300,
        }
    )
    monkeypatch.setattr("sys.argv", ["tune", "xgboost"])
    return project


def test_the_same_seed_gives_the_same_file_bit_for_bit(featurised):
    tune.main()
    first = STUDY.read_bytes()
    STUDY.unlink()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "stages.tune", "xgboost"], env=env, check=True)
    assert STUDY.read_bytes() == first
    set_params({"tune.xgboost.seed": 43})
    tune.main()
    assert STUDY.read_bytes() != first


def test_the_study_holds_what_was_tried_on_what(featurised, capsys):
    tune.main()
    study = Study.load(STUDY)
    assert (study.model, study.feature_set, study.seed) == ("xgboost", "priced", 42)
    assert study.train_rows == 300
    assert study.train_sha256 == files.content_hash(Path("data/features/train.parquet"))
    assert len(study.trials) == 13
    committed = params.read("train.xgboost", xgboost.Params)
    space = params.read("tune.xgboost", tuning.TuneParams).space
    assert study.trials[0].settings == {key: getattr(committed, key) for key in space}
    # Any trial can be had again by its settings.
    trial = study.trials[study.best]
    _, data = matrices.read(Path("data/features"))
    again = committed.model_copy(update=trial.settings)
    assert tuning.valid_rmse("xgboost", again, [tuning.drawn(data, 300, 42)]) == trial.valid_rmse
    lowest = min(trial.valid_rmse for trial in study.trials)
    assert f"12 trials, lowest valid RMSE {lowest:,.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "changes", "message"),
    [
        ([], {}, "name the model to tune"),
        (["prophet"], {}, "unknown model 'prophet'"),
        (["linear_regression"], {}, "group 'tune.linear_regression' is missing"),
        (["xgboost"], {"tune.xgboost.trials": 0}, "params.yaml: tune.xgboost.trials: "),
        (["xgboost"], {"tune.xgboost.pruner": "none"}, "tune.xgboost.pruner: unknown key"),
        (["xgboost"], {"tune.xgboost.space": {}}, "tune.xgboost.space: "),
        (
            ["xgboost"],
            {"tune.xgboost.space.eta": {"low": 0.1, "high": 0.2}},
            "params.yaml: tune.xgboost.space.eta: unknown key; the model has n_estimators, ",
        ),
        (
            ["xgboost"],
            {"tune.xgboost.space.max_depth.low": 0},
            "params.yaml: tune.xgboost.space.max_depth: Input should be greater than",
        ),
    ],
)
def test_what_cannot_be_searched_is_one_line(featurised, monkeypatch, argv, changes, message):
    set_params(changes)
    monkeypatch.setattr("sys.argv", ["tune", *argv])
    with pytest.raises(PipelineError, match=re.escape(message)) as caught:
        tune.main()
    assert "\n" not in str(caught.value)
    assert not Path("tune").exists()


def test_a_model_that_always_diverges_stops_it_and_leaves_nothing(featurised, monkeypatch):
    monkeypatch.setattr(tuning, "valid_rmse", lambda *_: float("nan"))
    with pytest.raises(PipelineError, match="xgboost diverged in each of 13 trials"):
        tune.main()
    assert not Path("tune").exists()


def test_a_study_cut_short_leaves_the_last_one(featurised, monkeypatch):
    tune.main()
    before = STUDY.read_bytes()
    scores = iter([3.0, 2.0])
    monkeypatch.setattr(tuning, "valid_rmse", lambda *_: next(scores))
    with pytest.raises(StopIteration):
        tune.main()
    assert STUDY.read_bytes() == before
    assert [path.name for path in Path("tune").iterdir()] == ["xgboost.json"]
