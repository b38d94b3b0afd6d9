"""What the search may try, that it repeats itself, and what it makes of the scores."""

import math

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import Field, ValidationError

from sales import estimators, params
from sales.errors import PipelineError
from sales.estimators import TrainingData, linear_regression
from sales.models import tuning
from sales.models.tuning import Range, Study, Trial, TuneParams
from sales.params import Group


class Params(Group):
    """A model's settings, as an estimator declares them."""

    rate: float = Field(gt=0, le=1)
    depth: int = Field(ge=1, le=32)
    leaves: int | None = Field(ge=2)
    share: str | float | None = "sqrt"


COMMITTED = Params(rate=0.5, depth=7, leaves=31)
SPACE = {
    "rate": {"low": 0.01, "high": 1, "log": True},
    "depth": {"low": 2, "high": 12},
    "share": {"choices": ["sqrt", 0.123456, None]},
}


def wanted(space=SPACE, trials=15, seed=42):
    return TuneParams(trials=trials, seed=seed, train_rows=None, space=space)


def quadratic(settings):
    return 1 + (math.log(settings["rate"] / 0.1)) ** 2 + (settings["depth"] - 5) ** 2


def search(score=quadratic, committed=COMMITTED, **changes):
    return tuning.search(score, committed, wanted(**changes), "tune")


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({}, "give low and high, or choices"),
        ({"low": 1}, "give low and high, or choices"),
        ({"low": 2, "high": 2}, "low must be below high"),
        ({"low": 0, "high": 2, "log": True}, "log needs low above 0"),
        ({"choices": [1, 2], "low": 1}, "choices stand alone"),
        ({"choices": [1, 2, 1]}, "each choice once"),
        ({"low": 1, "high": math.inf}, "finite number"),
        ({"low": 1, "high": 2, "step": 1}, "Extra inputs"),
    ],
)
def test_a_range_that_means_nothing_is_refused(given_, message):
    with pytest.raises(ValidationError, match=message):
        Range(**given_)


def test_whole_settings_are_searched_in_whole_numbers_whatever_the_file_says():
    space = {
        "rate": Range(low=0.1, high=1, log=True),
        "depth": Range(low=2.0, high=12),
        "leaves": Range(low=15, high=127, log=True),
        "share": Range(low=0.2, high=1),
    }
    assert tuning.distributions(space, COMMITTED, "") == {
        "rate": FloatDistribution(0.1, 1.0, log=True),
        "depth": IntDistribution(2, 12),
        "leaves": IntDistribution(15, 127, log=True),
        "share": FloatDistribution(0.2, 1.0),
    }
    chosen = tuning.distributions({"share": Range(choices=("sqrt", 0.5))}, COMMITTED, "")
    assert chosen == {"share": CategoricalDistribution(("sqrt", 0.5))}


@pytest.mark.parametrize(
    ("key", "given_", "message"),
    [
        ("eta", {"low": 1, "high": 2}, r"tune\.eta: unknown key; the model has rate, depth,"),
        ("depth", {"low": 0, "high": 8}, r"tune\.depth: .*greater than or equal to 1 \(is 0\)"),
        ("depth", {"low": 4, "high": 33}, r"tune\.depth: .*less than or equal to 32 \(is 33\)"),
        ("depth", {"low": 4.5, "high": 8}, r"tune\.depth: .*valid integer.* \(is 4\.5\)"),
        ("rate", {"choices": [0.1, "fast"]}, r"tune\.rate: .*valid number.* \(is 'fast'\)"),
    ],
)
def test_what_the_model_would_refuse_is_one_line_that_names_the_key(key, given_, message):
    with pytest.raises(PipelineError, match=f"^{message}") as caught:
        tuning.distributions({key: Range(**given_)}, COMMITTED, "tune")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting", "xgboost", "lightgbm"])
def test_every_committed_space_is_one_that_its_model_takes(name):
    committed = params.read(f"train.{name}", estimators.module(name).Params)
    tune = params.read(f"tune.{name}", TuneParams)
    assert set(tuning.distributions(tune.space, committed, "")) == set(tune.space)


def test_the_setting_that_stands_is_tried_first_and_as_many_more_as_wanted():
    trials = search(trials=3)
    assert len(trials) == 4
    assert trials[0] == Trial(
        {"rate": 0.5, "depth": 7, "share": "sqrt"}, quadratic({"rate": 0.5, "depth": 7})
    )
    outside = replace_params(depth=20)
    assert search(committed=outside, trials=3)[0].settings["depth"] == 20


def replace_params(**changes):
    return COMMITTED.model_copy(update=changes)


def test_the_same_seed_gives_the_same_trials_and_another_one_others():
    assert search() == search()
    assert search()[1:] != search(seed=43)[1:]
    assert search(trials=15)[:6] == search(trials=5)


@given(st.integers(0, 2**32 - 1))
def test_every_trial_lies_within_the_space_and_is_short_to_write(seed):
    for trial in search(trials=5, seed=seed)[1:]:
        assert 0.01 <= trial.settings["rate"] <= 1
        assert float(f"{trial.settings['rate']:.4g}") == trial.settings["rate"]
        assert trial.settings["depth"] in range(2, 13)
        assert trial.settings["share"] in ("sqrt", 0.123456, None)


def test_a_rounded_fraction_stays_within_its_range():
    within = FloatDistribution(0.123449, 0.876551)
    assert tuning._rounded(0.1234495, within) == 0.123449
    assert tuning._rounded(0.8765505, within) == 0.876551
    assert tuning._rounded(0.5555551, within) == 0.5556


def test_it_learns_what_is_good():
    scores = [trial.valid_rmse for trial in search(trials=60)]
    assert min(scores[31:]) < min(scores[1:11])  # the first ten are drawn blindly
    assert np.median(scores[31:]) < np.median(scores[1:11])


def test_a_model_that_diverged_has_no_score_and_is_never_the_best():
    def score(settings):
        return math.nan if settings["depth"] > 5 else quadratic(settings)

    trials = search(score)
    assert [t.valid_rmse is None for t in trials] == [t.settings["depth"] > 5 for t in trials]
    assert trials[0].valid_rmse is None
    best = trials[study(trials).best]
    assert best.valid_rmse == min(t.valid_rmse for t in trials if t.valid_rmse is not None)
    assert study(trials).improves
    assert not study([Trial({"a": 0}, 1.0), Trial({"a": 1}, None)]).improves


def test_optuna_stays_silent(capfd):
    search(trials=2)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING


def study(trials):
    return Study("xgboost", "priced", "e" * 64, 100, 42, tuple(trials))


def test_a_study_comes_back_as_it_was_saved(tmp_path):
    trials = (Trial({"a": 1, "b": None}, 2.5), Trial({"a": 0.1, "b": "log2"}, None))
    path = tmp_path / "tune/xgboost.json"
    study(trials).save(path)
    assert Study.load(path) == study(trials)
    assert '"best": {\n    "trial": 1,' in path.read_text()


@pytest.mark.parametrize(
    ("scores", "best", "improves"),
    [
        ((3.0, 2.0, 2.0), 1, True),  # of equally good ones the first
        ((2.0, 4.0, 3.0), 2, False),  # the best that was found, though not good enough
        ((2.0, 3.0, 2.0), 2, False),
        ((None, None, 3.0), 2, True),
    ],
)
def test_the_best_trial_is_held_against_the_setting_that_stands(scores, best, improves):
    found = study([Trial({"a": i}, score) for i, score in enumerate(scores)])
    assert (found.best, found.improves) == (best, improves)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    y = 10 * X @ [1.0, -2.0] + rng.normal(size=500)
    return TrainingData(("a", "b"), (0, 0), X[:400], y[:400], X[400:], y[400:])


def test_the_score_is_the_rmse_on_the_valid_rows(data):
    settings = linear_regression.Params(digits=9)
    estimator, _ = linear_regression.fit(settings, data)
    residuals = data.y_valid - estimator.predict(data.X_valid)
    found = tuning.valid_rmse("linear_regression", settings, [data])
    assert found == pytest.approx(math.sqrt((residuals**2).mean()), rel=1e-6)
    assert found == float(f"{found:.6g}")


def test_train_rows_are_drawn_by_the_seed_and_the_valid_rows_stay(data):
    few = tuning.drawn(data, 150, 1)
    assert (few.X.shape, few.y.shape) == ((150, 2), (150,))
    places = [int(np.flatnonzero(data.y == value)[0]) for value in few.y]
    assert places == sorted(set(places))
    assert np.array_equal(few.X, data.X[places])
    assert few.X_valid is data.X_valid
    assert np.array_equal(few.y, tuning.drawn(data, 150, 1).y)
    assert not np.array_equal(few.y, tuning.drawn(data, 150, 2).y)
    assert tuning.drawn(data, None, 1) is data
    assert tuning.drawn(data, 400, 1) is data
