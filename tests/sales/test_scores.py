"""The scores: exact on numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales import features, scores
from sales.errors import PipelineError
from sales.intervals import Intervals
from sales.model import Model


class Formula:
    """An estimator that is a known function of the feature matrix."""

    def __init__(self, predict):
        self.predict = predict


@pytest.fixture(scope="module")
def featuriser(orders, featurize_params, contract):
    return features.fit(orders, featurize_params, contract)


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


def score(model, orders, **changes):
    tables = {"train": orders[:200], "valid": orders[200:300], "test": orders[300:]}
    predicted = {part: model.predict(table) for part, table in tables.items()}
    return scores.score(model, tables, predicted, settings(**changes))


def exact(c):
    return c["NetAmount"] + c["Tax"] + c["ShippingCost"]


def test_errors_by_hand():
    assert scores.errors(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 5.0])) == {
        "rmse": 1.29099,  # sqrt((0 + 4 + 1) / 3)
        "mae": 1.0,
        "r2": 0.642857,  # 1 - 5 / 14
        "max_error": 2.0,
        "bias": 0.333333,
    }


def test_a_prediction_that_is_not_finite_has_no_score(model_of, orders):
    metrics = score(model_of(lambda c: exact(c) * np.nan), orders)
    assert metrics["test"]["rmse"] is None
    assert metrics["skill_pct"] is None
    assert metrics["generalization_gap_pct"] is None


def test_the_gap_is_in_percent_of_the_targets_spread(orders, model_of):
    tables = {"train": orders[:200], "valid": orders[200:300], "test": orders[300:]}
    true = {part: table["TotalAmount"].to_numpy() for part, table in tables.items()}
    predicted = {"train": true["train"] + 1, "valid": true["valid"], "test": true["test"] - 3}
    metrics = scores.score(model_of(exact), tables, predicted, settings())
    assert metrics["train"]["rmse"] == 1.0
    assert metrics["test"]["rmse"] == 3.0
    assert metrics["test"]["bias"] == -3.0
    assert metrics["generalization_gap_pct"] == pytest.approx(200 / true["test"].std(), rel=1e-5)


def test_few_train_rows_are_scored_the_same_ones_every_time_and_every_other_row(orders):
    tables = {"train": orders[:200], "valid": orders[200:300], "test": orders[300:]}
    thinned = scores.scored_rows(tables, settings(train_rows=50))
    assert len(thinned["train"].drop_duplicates("OrderID")) == 50
    assert set(thinned["train"]["OrderID"]) <= set(tables["train"]["OrderID"])
    assert thinned["train"]["OrderID"].max() > tables["train"]["OrderID"].iloc[150]  # not the first
    assert thinned["train"].equals(scores.scored_rows(tables, settings(train_rows=50))["train"])
    assert all(thinned[part] is tables[part] for part in ("valid", "test"))
    assert scores.scored_rows(tables, settings(train_rows=200))["train"].equals(tables["train"])


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


def test_the_worst_slice_is_found_against_all_rows(orders, featuriser, model_of):
    books = float(featuriser.levels["Category"].index("Books"))
    metrics = score(model_of(lambda c: exact(c) + 50 * (c["Category"] == books)), orders)
    share = (orders["Category"][300:] == "Books").mean()
    assert metrics["worst_slice"] == "Category=Books"
    assert metrics["slice_rmse_ratio"] == pytest.approx(1 / np.sqrt(share), rel=1e-4)


def test_bands_cover_every_row_once_and_small_slices_are_named(orders, model_of):
    true, model = orders["TotalAmount"].to_numpy(), model_of(exact)
    scored, left_out = scores.slice_scores(model, orders, true, settings(min_slice_rows=150))
    every, none_left = scores.slice_scores(model, orders, true, settings())
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
    tables = {"train": orders[:200], "valid": orders[200:300], "test": test}
    predicted = {part: table["TotalAmount"].to_numpy() for part, table in tables.items()}
    metrics = scores.score(model, tables, {**predicted, "test": true + off}, settings())
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
    found = scores.importance(model_of(exact), orders, settings())
    assert found["NetAmount"] > 100 > found["Tax"] > found["ShippingCost"] > 0
    assert {name for name, grown in found.items() if grown == 0} == set(found) - {
        "NetAmount",
        "Tax",
        "ShippingCost",
    }


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.floats(-1e3, 1e3))
def test_a_constant_error_is_the_bias_the_rmse_and_the_mae(true, error):
    true = np.array(true)
    found = scores.errors(true, true + error)
    size = pytest.approx(abs(error), rel=1e-4, abs=1e-6)
    assert (found["rmse"], found["mae"], abs(found["bias"])) == (size, size, size)


def test_slice_edges_must_rise():
    with pytest.raises(ValueError, match="edges must rise"):
        scores.Slice(edges=(3, 1))


def test_a_table_with_a_missing_band_is_not_scored_there(model_of):
    table = pd.DataFrame({"UnitPrice": [1.0] * 10, "Category": pd.Categorical(["Books"] * 10)})
    true = np.arange(10.0)
    scored, left_out = scores.slice_scores(
        model_of(exact), table.assign(TotalAmount=true), true, settings()
    )
    assert set(scored) == {"Category=Books", "UnitPrice<100"}
    assert left_out == ["UnitPrice=100..300", "UnitPrice>=300"]
