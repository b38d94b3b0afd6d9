"""Pruning: on rows of which it is known what each feature is worth, and figures set by hand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from sales import params
from sales.contract import Column
from sales.estimators import TrainingData, linear_regression, xgboost
from sales.estimators.fitting.scale import Scale
from sales.judging import pruning
from sales.judging.pruning import NEEDED, NOTHING, UNTOLD, Loss, Part, PruneParams, Trained
from sales.models.features import Featuriser
from tests.examples import ROOT

PARAMS = PruneParams(max_loss_pct=1.0, confidence=0.95, rows=None, seed=0)
NUMBER = Column(role="numeric")


def featuriser(*columns, **derived):
    names = [c for c in columns if c not in derived]
    fields = dict.fromkeys(names, NUMBER)
    for text in derived.values():
        fields |= {name: NUMBER for name in ("width", "height") if name in text}
    return Featuriser("all", columns, derived, {}, fields, "price")


def costs(errors, size=100, seconds=2.0, answer=3.0):
    return Trained(np.array(errors, float), size, seconds, answer)


def data(columns, rows=400, seed=0, noise=1.0):
    """Return rows whose price is 3 × area + noise; its twin is the same; `luck` says nothing."""
    rng = np.random.default_rng(seed)
    area, luck = rng.normal(size=(2, 2 * rows))
    known = {"area": area, "twin": area, "luck": luck}
    price = 3 * area + noise * rng.normal(size=2 * rows)
    X = np.column_stack([known[name] for name in columns])
    halves = [(X[:rows], price[:rows]), (X[rows:], price[rows:])]
    return TrainingData(tuple(columns), (0,) * len(columns), *halves[0], *halves[1])


def found(columns, rows=400):
    part = Part(data(columns, rows), np.arange(rows))
    settings = linear_regression.Params(digits=6)
    return pruning.prune(
        "linear_regression",
        featuriser(*columns),
        [part],
        PARAMS,
        lambda gone: pruning.trained("linear_regression", settings, [part], Scale("none"), gone),
    )


def test_what_says_nothing_is_worth_nothing_and_what_says_all_is_needed():
    told = found(["area", "luck"], rows=2000)
    verdicts = {one.feature: one.verdict for one in told.features}
    assert verdicts == {"area": NEEDED, "luck": NOTHING}
    [luck, area] = told.features  # the least worth first
    # Without the area the RMSE is sqrt(3² + 1) in place of 1.
    assert area.loss.pct == pytest.approx(100 * (math.sqrt(10) - 1), rel=0.05)
    assert area.loss.low < area.loss.pct < area.loss.high
    assert luck.loss.low <= luck.loss.pct <= luck.loss.high <= 1.0
    assert (told.together, told.together_fields) == (("luck",), ("luck",))
    assert (told.train_rows, told.valid_rows) == (2000, 2000)


def test_of_two_that_say_the_same_each_is_worth_nothing_and_one_stays():
    told = found(["area", "twin", "luck"], rows=2000)
    verdicts = {one.feature: one.verdict for one in told.features}
    assert verdicts == {"area": NOTHING, "twin": NOTHING, "luck": NOTHING}
    assert len(told.together) == 2
    assert "luck" in told.together
    text = pruning.as_text(told)
    [stays] = {"area", "twin"} - {*told.together}
    assert f"Worth nothing alone, but no longer once those are gone: {stays}." in text


def test_few_rows_cannot_tell():
    rng = np.random.default_rng(3)
    full = costs(rng.normal(size=30))
    less = costs(full.errors + 0.2 * rng.normal(size=30))
    lost = pruning.loss(full, less, np.arange(30), 0.99)
    assert lost.low < 0 < lost.high
    assert lost.verdict(1.0) == UNTOLD


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        (Loss(0.5, 0.2, 1.0), NOTHING),  # beyond chance, and too small to matter
        (Loss(-5.0, -7.0, -3.0), NOTHING),  # better without
        (Loss(0.5, -0.2, 1.1), UNTOLD),
        (Loss(2.0, 0.1, 3.9), NEEDED),
        (Loss(math.inf, math.inf, math.inf), NEEDED),
    ],
)
def test_a_verdict_is_the_whole_intervals(loss, verdict):
    assert loss.verdict(1.0) == verdict


def test_a_loss_is_the_growth_of_the_rmse_in_percent():
    full, less = costs([1.0, -1.0, 1.0]), costs([2.0, 2.0, -2.0])
    assert pruning.loss(full, less, np.arange(3), 0.95) == Loss(100.0, 100.0, 100.0)
    assert pruning.loss(full, full, np.arange(3), 0.95) == Loss(0.0, 0.0, 0.0)
    diverged = costs([1.0, math.nan, 1.0])
    assert pruning.loss(full, diverged, np.arange(3), 0.95).low == math.inf


def test_rows_that_come_again_in_repeated_folds_count_once():
    rng = np.random.default_rng(4)
    one, other = rng.normal(size=(2, 50))
    once = pruning.loss(costs(one), costs(other), np.arange(50), 0.95)
    again = [costs(np.tile(errors, 3)) for errors in (one, other)]
    assert pruning.loss(*again, np.tile(np.arange(50), 3), 0.95) == once


def test_a_feature_goes_with_its_levels_and_holes():
    all_of = replace(
        data(["area", "twin", "luck"], 10), levels=(0, 4, 0), holes=(True, False, True)
    )
    left = pruning.without(all_of, ["twin"])
    assert (left.columns, left.levels, left.holes) == (("area", "luck"), (0, 0), (True, True))
    assert np.array_equal(left.X, all_of.X[:, [0, 2]])
    assert np.array_equal(left.X_valid, all_of.X_valid[:, [0, 2]])
    assert left.y is all_of.y
    assert pruning.without(data(["area"], 5), []).holes == ()


def test_a_field_is_spared_once_no_feature_needs_it():
    one = featuriser("width", "size", "luck", size="width * height")
    assert pruning.spared(one, ["luck"]) == ("luck",)
    assert pruning.spared(one, ["width"]) == ()  # the size is made of it
    assert pruning.spared(one, ["size"]) == ("height",)
    assert set(pruning.spared(one, ["size", "width"])) == {"width", "height"}


def test_a_boosted_model_is_trained_without_and_its_costs_are_its_own():
    part = Part(data(["area", "luck"], 200), np.arange(200))
    settings = params.read("train.xgboost", xgboost.Params, ROOT / "params.yaml").model_copy(
        update={"n_estimators": 5, "early_stopping_rounds": None, "interactions": ()}
    )
    full, less = (
        pruning.trained("xgboost", settings, [part, part], Scale("none"), gone)
        for gone in ([], ["area"])
    )
    assert len(full.errors) == len(less.errors) == 400
    assert less.rmse > full.rmse
    assert full.bytes > 1000
    assert full.train_seconds >= 0
    assert full.answer_us >= 0


def test_a_model_of_one_feature_keeps_it():
    told = found(["area"])
    assert (told.features, told.together, told.together_loss) == ((), (), None)
    assert pruning.as_text(told).endswith("No feature is worth nothing.")


def test_where_nothing_says_anything_one_feature_stays():
    same = costs([1.0, -1.0, 1.0])
    part = Part(data(["area", "luck"], 3), np.arange(3))
    told = pruning.prune("xgboost", featuriser("area", "luck"), [part], PARAMS, lambda _: same)
    assert [one.verdict for one in told.features] == [NOTHING, NOTHING]
    assert told.together == ("area",)


def test_what_is_told_is_json_and_a_table():
    fits = {
        (): costs([1.0, -1.0, 1.0], 100, 2.0, 3.0),
        ("area",): costs([math.nan] * 3, 60, 1.5, 2.0),
        ("luck",): costs([1.0, -1.0, 1.0], 90, 1.0, 2.5),
    }
    part = Part(data(["area", "luck"], 3), np.arange(3))
    told = pruning.prune(
        "xgboost", featuriser("area", "luck"), [part], PARAMS, lambda gone: fits[tuple(gone)]
    )
    written = json.loads(json.dumps(told.told(), allow_nan=False))
    assert written["features"][1]["loss"] == {"pct": None, "low": None, "high": None}
    assert written["together"] == ["luck"]
    assert pruning.as_text(told).splitlines()[2:] == [
        "| without | by % | between | verdict | bytes less | train s less | answer µs less "
        "| not asked for |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | --- |",
        "| luck | 0.00 | 0.00 to 0.00 | worth nothing | 10 | 1.00 | 0.50 | luck |",
        "| area | diverges | | needed | 40 | 0.50 | 1.00 | area |",
        "",
        "May go together, for 0.00 %, 0.00 to 0.00: luck. Not asked for then: luck.",
    ]
