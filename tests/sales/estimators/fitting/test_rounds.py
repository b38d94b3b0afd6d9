"""As many rounds as the folds took."""

import pandas as pd
import pytest

from sales import estimators, params
from sales.estimators.fitting import rounds
from tests.examples import ROOT

STOPPED = {
    "hist_gradient_boosting": "max_iter",
    "xgboost": "n_estimators",
    "lightgbm": "n_estimators",
}


def curve(*valid):
    steps = range(1, 1 + len(valid))
    lines = [(step, "train", 0.0) for step in steps]
    lines += [(step, "valid", rmse) for step, rmse in zip(steps, valid, strict=True)]
    return pd.DataFrame(lines, columns=["step", "split", "rmse"])


def test_the_mean_of_the_best_rounds():
    curves = [curve(3.0, 2.0, 1.0, 2.0), curve(1.0, 2.0), curve(5.0, 4.0, 4.0)]
    assert [rounds.best(one) for one in curves] == [3, 1, 2]
    assert rounds.mean(curves) == 2
    assert rounds.best(curve(1.0).assign(step=0)) == 1  # HistGradientBoosting's curve begins so


@pytest.mark.parametrize("name", estimators.NAMES)
def test_which_models_valid_rows_stop(name):
    settings = params.read(f"train.{name}", estimators.module(name).Params, ROOT / "params.yaml")
    assert rounds.stopped(settings) == (name in STOPPED)
    if name in STOPPED:
        fixed = rounds.fixed(settings, 7)
        assert getattr(fixed, STOPPED[name]) == 7
        assert not rounds.stopped(fixed)
        assert fixed.model_dump().keys() == settings.model_dump().keys()
