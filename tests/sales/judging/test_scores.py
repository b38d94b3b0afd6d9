"""The scores: exact on numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from sales.errors import PipelineError
from sales.judging import scores
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


def score(model, orders, predicted=None, **changes):
    """Score a model on 200 train, 100 valid and 100 test rows, by its predictions or given ones."""
    tables, params = tables_of(orders), settings(**changes)
    predicted = predicted or {part: model.predict(table) for part, table in tables.items()}
    tallies = {
        part: scores.tally(table, "TotalAmount", predicted[part], model.intervals, params)
        for part, table in tables.items()
    }
    behaviour = scores.violations(model, tables["test"], predicted["test"], params)
    return scores.score(model, tallies, behaviour, params)


def errors(true, predicted):
    table = pd.DataFrame({"y": true})
    return scores.tally(table, "y", predicted, None).errors()


def slice_scores(table, predicted, **changes):
    params = settings(**changes)
    return scores.slice_scores(scores.tally(table, "TotalAmount", predicted, None, params), params)


def exact(c):
    return c["NetAmount"] + c["Tax"] + c["ShippingCost"]


def test_errors_by_hand():
    assert errors(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 5.0])) == {
        "rmse": 1.29099,  # sqrt((0 + 4 + 1) / 3)
        "mae": 1.0,
        "r2": 0.642857,  # 1 - 5 / 14
        "max_error": 2.0,
        "bias": 0.333333,
        "p50_error": 1.00391,  # the middle of 1 to 1 + 1/128
        "p90_error": 2.00781,
        "p99_error": 2.00781,
    }


def test_errors_are_scikit_learns():
    rng = np.random.default_rng(0)
    true = rng.normal(1000, 300, 500)
    predicted = true + rng.normal(1, 7, 500)
    found = errors(true, predicted)
    assert found["rmse"] == scores.significant(metrics.root_mean_squared_error(true, predicted))
    assert found["mae"] == scores.significant(metrics.mean_absolute_error(true, predicted))
    assert found["r2"] == scores.significant(metrics.r2_score(true, predicted))
    assert found["max_error"] == scores.significant(metrics.max_error(true, predicted))
    for name, share in scores.QUANTILES.items():
        exact = np.quantile(np.abs(predicted - true), share, method="inverted_cdf")
        assert found[name] == pytest.approx(exact, rel=scores.QUANTILE_ERROR)


@pytest.mark.parametrize("off", [0.0, 1.0])
def test_a_constant_target_has_scikit_learns_r2(off):
    true = np.full(5, 3.0)
    assert errors(true, true + off)["r2"] == metrics.r2_score(true, true + off)


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=40),
    st.data(),
)
def test_tallies_of_partitions_add_up(pairs, data):
    true, predicted = np.array(pairs).T
    table = pd.DataFrame({"y": true, "g": ["a" if p > 0 else "b" for p in predicted]})
    params = settings(slices={"g": {}})
    cut = data.draw(st.integers(0, len(pairs)))
    whole = scores.tally(table, "y", predicted, None, params)
    sums = scores.tally(table[:cut], "y", predicted[:cut], None, params) + scores.tally(
        table[cut:], "y", predicted[cut:], None, params
    )
    assert (sums.rows, sums.negative, sums.sizes) == (whole.rows, whole.negative, whole.sizes)
    assert set(sums.slices) == set(whole.slices)
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


RULES = {
    "higher_price": {"column": "UnitPrice", "becomes": "UnitPrice * 1.1", "prediction": "up"},
    "smaller_discount": {
        "column": "Discount",
        "becomes": "maximum(Discount - 0.05, 0)",
        "prediction": "up",
    },
}


def test_a_sane_price_never_moves_the_wrong_way(orders, model_of):
    metrics = score(model_of(exact), orders, behaviour=RULES)
    assert metrics["behaviour"] == {"higher_price": 0.0, "smaller_discount": 0.0}
    assert metrics["behaviour_violation_pct"] == 0.0


def test_wrong_ways_are_counted_over_the_test_rows(orders, model_of):
    def wrong_above_300(c):
        return np.where(c["UnitPrice"] > 300, -c["UnitPrice"], c["UnitPrice"])

    metrics = score(model_of(wrong_above_300), orders, behaviour=RULES)
    price = orders["UnitPrice"][300:]
    assert metrics["behaviour"]["higher_price"] == pytest.approx(100 * (price * 1.1 > 300).mean())
    assert metrics["behaviour_violation_pct"] == metrics["behaviour"]["higher_price"]


def test_an_unknown_column_in_a_rule_or_slice_is_named(orders, model_of):
    rule = {"x": {"column": "Colour", "becomes": "Colour * 2", "prediction": "up"}}
    with pytest.raises(PipelineError, match=r"evaluate\.behaviour\.x: the data has no column 'Co"):
        score(model_of(exact), orders, behaviour=rule)
    with pytest.raises(PipelineError, match=r"evaluate\.slices: the data has no column 'Colour'"):
        score(model_of(exact), orders, slices={"Colour": {}})


def test_importance_is_zero_for_what_the_model_does_not_use(orders, model_of):
    found = scores.importance(model_of(exact), [orders], settings())
    assert found["NetAmount"] > 100 > found["Tax"] > found["ShippingCost"] > 0
    assert {name for name, grown in found.items() if grown == 0} == set(found) - {
        "NetAmount",
        "Tax",
        "ShippingCost",
    }


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.floats(-1e3, 1e3))
def test_a_constant_error_is_the_bias_the_rmse_and_the_mae(true, error):
    true = np.array(true)
    found = errors(true, true + error)
    size = pytest.approx(abs(error), rel=1e-4, abs=1e-6)
    assert (found["rmse"], found["mae"], abs(found["bias"])) == (size, size, size)


def test_slice_edges_must_rise():
    with pytest.raises(ValueError, match="edges must rise"):
        scores.Slice(edges=(3, 1))


def test_a_table_with_a_missing_band_is_not_scored_there():
    table = pd.DataFrame({"UnitPrice": [1.0] * 10, "Category": pd.Categorical(["Books"] * 10)})
    true = np.arange(10.0)
    scored, left_out = slice_scores(table.assign(TotalAmount=true), true)
    assert set(scored) == {"Category=Books", "UnitPrice<100"}
    assert left_out == ["UnitPrice=100..300", "UnitPrice>=300"]
