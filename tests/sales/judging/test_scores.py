"""The scores that no tally has by itself: exact on numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.judging import scores
from sales.judging.tallies import Tally
from sales.models.intervals import Intervals
from sales.models.saved import Model
from tests.examples import fitted


class Formula:
    """An estimator that is a known function of the feature matrix."""

    def __init__(self, predict):
        self.predict = predict


@pytest.fixture(scope="module")
def featuriser(orders, featurize_params, contract):
    return fitted(orders, featurize_params, contract)


@pytest.fixture
def model_of(featuriser):
    """Return a function from a formula on named feature columns to a Model."""

    def build(formula):
        def predict(X):
            return formula(dict(zip(featuriser.columns, X.T, strict=True)))

        return Model("formula", featuriser, Formula(predict), {}, "hash", 1.5)

    return build


def settings(**changes):
    return scores.EvaluateParams(
        **{
            "slices": {"Category": {}, "UnitPrice": {"edges": [100, 300]}},
            "min_slice_rows": 5,
            "behaviour": {},
            "train_rows": 1000,
            "behaviour_rows": 1000,
            "importance_rows": 100,
            "plot_rows": 10,
            "seed": 0,
            **changes,
        }
    )


def tables_of(orders):
    return {"train": orders[:200], "valid": orders[200:300], "test": orders[300:]}


def score(model, orders, predicted=None, behaviour=None, **changes):
    """Score a model on 200 train, 100 valid and 100 test rows, by its predictions or given ones."""
    tables, params = tables_of(orders), settings(**changes)
    predicted = predicted or {part: model.predict(table) for part, table in tables.items()}
    tallies = {
        part: scores.tally(
            table, "TotalAmount", predicted[part], model.within(table, predicted[part]), params
        )
        for part, table in tables.items()
    }
    return scores.score(model, tallies, behaviour or {}, params)


def slice_scores(table, predicted, **changes):
    params = settings(**changes)
    return scores.slice_scores(scores.tally(table, "TotalAmount", predicted, None, params), params)


def exact(c):
    return c["NetAmount"] + c["Tax"] + c["ShippingCost"]


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=40),
    st.data(),
)
def test_tallies_of_partitions_add_up(pairs, data):
    true, predicted = np.array(pairs).T
    table = pd.DataFrame({"y": true, "g": ["a" if p > 0 else "b" for p in predicted]})
    params = settings(slices={"g": {}}, inclusion={"g": {}})
    cut = data.draw(st.integers(0, len(pairs)))
    whole = scores.tally(table, "y", predicted, None, params)
    sums = scores.tally(table[:cut], "y", predicted[:cut], None, params) + scores.tally(
        table[cut:], "y", predicted[cut:], None, params
    )
    assert (sums.rows, sums.negative, sums.sizes) == (whole.rows, whole.negative, whole.sizes)
    assert set(sums.slices) == set(whole.slices) == set(sums.levels)
    assert [one.rows for one in sums.levels.values()] == [o.rows for o in sums.slices.values()]
    for name in ("squares", "absolute", "largest", "signed", "mean", "spread"):
        one, other = getattr(sums, name), getattr(whole, name)
        assert one == pytest.approx(other, rel=1e-9, abs=1e-3)


def test_a_prediction_that_is_not_finite_has_no_score(model_of, orders):
    metrics = score(model_of(lambda c: exact(c) * np.nan), orders)
    assert metrics["test"]["rmse"] is None
    assert metrics["skill_pct"] is None
    assert metrics["generalization_gap_pct"] is None


def test_the_gap_is_in_percent_of_the_targets_spread(orders, model_of):
    true = {part: table["TotalAmount"].to_numpy() for part, table in tables_of(orders).items()}
    predicted = {"train": true["train"] + 1, "valid": true["valid"], "test": true["test"] - 3}
    metrics = score(model_of(exact), orders, predicted)
    assert metrics["train"]["rmse"] == 1.0
    assert metrics["test"]["rmse"] == 3.0
    assert metrics["test"]["bias"] == -3.0
    assert metrics["generalization_gap_pct"] == pytest.approx(200 / true["test"].std(), rel=1e-5)


def test_the_mean_of_the_train_rows_has_no_skill(orders, model_of):
    mean = orders["TotalAmount"][:200].mean()
    metrics = score(model_of(lambda c: np.full(len(c["Tax"]), mean)), orders)
    assert metrics["skill_pct"] == 0.0
    assert metrics["dummy_test_rmse"] == metrics["test"]["rmse"]


def test_negative_predictions_are_counted(orders, model_of):
    metrics = score(model_of(lambda c: np.where(c["Quantity"] == 1, -1.0, exact(c))), orders)
    share = 100 * (orders["Quantity"][300:] == 1).mean()
    assert metrics["negative_prediction_pct"] == pytest.approx(share)


def test_where_no_slice_is_asked_for_all_rows_are_the_one(orders, model_of):
    metrics = score(model_of(exact), orders, slices={})
    assert (metrics["slice_rmse_ratio"], metrics["worst_slice"]) == (1.0, "")


def test_where_every_slice_is_too_small_there_is_no_ratio(orders, model_of):
    assert score(model_of(exact), orders, min_slice_rows=1000)["slice_rmse_ratio"] is None


def test_a_model_that_learnt_from_a_sample_says_so_in_its_metrics(orders, model_of):
    about = {"train_rows": 7000, "sampled_rows": 1000}
    found = score(replace(model_of(exact), about=about), orders)
    assert {name: found[name] for name in about} == about
    assert "sampled_rows" not in score(model_of(exact), orders)


def test_the_worst_slice_is_found_against_all_rows(orders, featuriser, model_of):
    books = float(featuriser.levels["Category"].index("Books"))
    metrics = score(model_of(lambda c: exact(c) + 50 * (c["Category"] == books)), orders)
    share = (orders["Category"][300:] == "Books").mean()
    assert metrics["worst_slice"] == "Category=Books"
    assert metrics["slice_rmse_ratio"] == pytest.approx(1 / np.sqrt(share), rel=1e-4)


def test_every_level_of_a_named_column_counts_however_rare(orders, featuriser, model_of):
    """Slices leave out what has few rows; inclusion does not, and is no part of the slices."""
    books = float(featuriser.levels["Category"].index("Books"))
    worse = model_of(lambda c: exact(c) + c["Quantity"] * np.where(c["Category"] == books, 50, 1))
    named = {"inclusion": {"Category": {}, "City": {}}}
    found = score(worse, orders, slices={}, min_slice_rows=1000, **named)["inclusion"]
    levels = [f"Category={c}" for c in featuriser.levels["Category"]]
    levels += [f"City={c}" for c in featuriser.levels["City"]]
    assert (found["level"], found["levels"]) == ("Category=Books", len(levels))
    assert found["few_rows"] == ", ".join(levels)
    assert 1.2 < found["ratio"] < found["measured"]
    assert score(worse, orders, slices={}, min_slice_rows=1000)["inclusion"] == {}
    assert score(worse, orders, **named)["slices_left_out"] == ""


def test_bands_cover_every_row_once_and_small_slices_are_named(orders):
    true = orders["TotalAmount"].to_numpy()
    scored, left_out = slice_scores(orders, true, min_slice_rows=150)
    every, none_left = slice_scores(orders, true)
    bands = [score.rows for name, score in every.items() if name.startswith("UnitPrice")]
    assert sum(bands) == len(orders)
    assert none_left == []
    assert set(scored) | set(left_out) == set(every)
    assert left_out
    assert all(every[name].rows < 150 for name in left_out)
    assert {score.coverage_pct for score in every.values()} == {None}  # a model without intervals


def test_coverage_is_the_share_of_rows_within_their_interval(orders, model_of):
    within = Intervals(0.8, np.array([]), np.array([-1.0]), np.array([2.0]))
    model = replace(model_of(exact), intervals=within)
    test = orders[300:]
    true = test["TotalAmount"].to_numpy()
    off = np.where(test["Category"] == "Books", 5.0, 1.0)  # 1 is the bound, and within
    predicted = {part: table["TotalAmount"].to_numpy() for part, table in tables_of(orders).items()}
    metrics = score(model, orders, {**predicted, "test": true + off})
    share = 100 * (test["Category"] != "Books").mean()
    assert metrics["coverage_pct"] == pytest.approx(share)
    assert metrics["nominal_coverage_pct"] == 80.0
    assert metrics["coverage_error"] == pytest.approx(abs(share - 80))
    assert metrics["mean_interval_width"] == 3.0
    assert (metrics["least_covered_slice"], metrics["least_slice_coverage_pct"]) == (
        "Category=Books",
        0.0,
    )


def test_a_model_without_intervals_has_no_coverage_and_no_gate_takes_that(orders, model_of):
    metrics = score(model_of(exact), orders)
    assert metrics["coverage_pct"] is None
    assert metrics["coverage_error"] is None
    assert metrics["coverage_shortfall"] is None


@pytest.mark.parametrize(("held", "short"), [(100, 0.0), (85, 0.0), (80, 0.0), (60, 8.7)])
def test_coverage_falls_short_by_what_is_more_than_chance(orders, model_of, held, short):
    within = Intervals(0.8, np.array([]), np.array([-1.0]), np.array([1.0]))
    true = {part: table["TotalAmount"].to_numpy() for part, table in tables_of(orders).items()}
    off = np.where(np.arange(100) < held, 0.0, 9.0)
    model = replace(model_of(exact), intervals=within)
    metrics = score(model, orders, {**true, "test": true["test"] + off})
    assert metrics["coverage_pct"] == held
    # Two standard errors of 100 test rows and of the 100 that the intervals were made of.
    assert metrics["coverage_shortfall"] == pytest.approx(short, abs=0.05)


def test_a_promise_that_is_kept_is_found_short_three_times_of_a_hundred(orders, model_of):
    """Both the rows that intervals are made of and those that judge them are drawn anew."""
    rng = np.random.default_rng(0)
    short = 0
    for _ in range(400):
        made, judged = np.sort(np.abs(rng.normal(size=200))), np.abs(rng.normal(size=300))
        bound = made[int(np.ceil(0.9 * 201)) - 1]
        test = replace(Tally.of(judged, judged), held=int((judged <= bound).sum()), width=1.0)
        within = Intervals(0.9, np.array([]), np.array([-bound]), np.array([bound]))
        short += scores.coverage(within, test, 200)["coverage_shortfall"] > 0
    assert short / 400 < 0.05


@pytest.mark.parametrize(
    ("floor", "least", "may"), [(0, -5, False), (-1, 3, True), (None, 3, False), (None, -5, True)]
)
def test_the_contract_or_else_the_train_rows_tell_whether_a_target_may_be_negative(
    orders, model_of, floor, least, may
):
    model, params = model_of(exact), settings()
    tallies = {
        part: scores.tally(t, "TotalAmount", model.predict(t), None, params)
        for part, t in tables_of(orders).items()
    }
    tallies["train"] = replace(tallies["train"], least=least)
    assert scores.score(model, tallies, {}, params, floor)["target_may_be_negative"] is may


def test_the_error_is_told_in_percent_of_the_spread_and_with_its_interval(orders, model_of):
    metrics = score(model_of(lambda c: exact(c) + c["Quantity"]), orders)
    test = orders[300:]
    spread = test["TotalAmount"].std(ddof=0)
    rmse = np.sqrt(np.mean(test["Quantity"].astype(float) ** 2))
    assert metrics["test_rmse_pct"] == pytest.approx(100 * rmse / spread, rel=1e-3)
    assert metrics["test"]["rmse_low"] < metrics["test"]["rmse"] < metrics["test"]["rmse_high"]
    assert "rmse_low" not in metrics["train"]


def test_the_worst_behaviour_counts(orders, model_of):
    found = score(model_of(exact), orders, behaviour={"higher_price": 2.5, "more": 7.5})
    assert found["behaviour"] == {"higher_price": 2.5, "more": 7.5}
    assert found["behaviour_violation_pct"] == 7.5
    assert score(model_of(exact), orders)["behaviour_violation_pct"] == 0.0


def test_importance_is_zero_for_what_the_model_does_not_use(orders, model_of):
    found = scores.importance(model_of(exact), [orders], settings())
    assert found["NetAmount"] > 100 > found["Tax"] > found["ShippingCost"] > 0
    assert {name for name, grown in found.items() if grown == 0} == set(found) - {
        "NetAmount",
        "Tax",
        "ShippingCost",
    }


def test_a_table_with_a_missing_band_is_not_scored_there():
    table = pd.DataFrame({"UnitPrice": [1.0] * 10, "Category": pd.Categorical(["Books"] * 10)})
    true = np.arange(10.0)
    scored, left_out = slice_scores(table.assign(TotalAmount=true), true)
    assert set(scored) == {"Category=Books", "UnitPrice<100"}
    assert left_out == ["UnitPrice=100..300", "UnitPrice>=300"]
