from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sales.judging import charts
from sales.judging.plots_page import plots_page
from tests.examples import histogram

REAL = st.floats(-1e9, 1e9)
SPLITS = ("train", "valid", "test")


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (1234567.0, 6, 1234570.0),
        (0.00221234567, 6, 0.00221235),
        (-217.19649, 4, -217.2),
        (0.0, 6, 0.0),
        (np.inf, 6, np.inf),
    ],
)
def test_significant_keeps_that_many_digits(value: float, digits: int, expected: float) -> None:
    assert charts.significant(value, digits) == expected


def test_significant_keeps_nan_shape_and_drops_the_sign_of_zero() -> None:
    rounded = charts.significant([[np.nan, -0.0], [1.0000001, 2.0]])
    np.testing.assert_array_equal(rounded, [[np.nan, 0.0], [1.0, 2.0]])
    assert not np.signbit(rounded[0, 1])


@given(st.floats(allow_nan=False))
def test_significant_of_itself_is_itself_and_is_within_half_a_digit(value: float) -> None:
    once = charts.significant(value)
    assert charts.significant(once) == once
    assert np.isinf(once) or abs(once - value) <= abs(value) * 0.5e-5 + 5e-324


def test_rmse_table_is_a_row_a_model_and_split_without_scores_that_are_none() -> None:
    metrics: dict[str, dict[str, Any]] = {
        "a": {split: {"rmse": value} for split, value in zip(SPLITS, (1.0, 2.0, 3.0), strict=True)},
        "b": {"train": {"rmse": 4.0}, "valid": {"rmse": None}, "test": {"rmse": 5.1234567}},
    }
    assert rows(charts.rmse_table(metrics)) == [
        ("a", "train", 1.0),
        ("a", "valid", 2.0),
        ("a", "test", 3.0),
        ("b", "train", 4.0),
        ("b", "test", 5.12346),
    ]


def rows(table: pd.DataFrame) -> list[tuple]:
    return list(table.itertuples(index=False, name=None))


def test_the_drawn_rows_are_the_seeds_and_all_where_there_are_fewer() -> None:
    drawn = charts.drawn(100, rows=10, seed=3)
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert len(drawn) == 10
    assert drawn.tolist() == charts.drawn(100, rows=10, seed=3).tolist()
    assert drawn.tolist() != charts.drawn(100, rows=10, seed=4).tolist()
    assert drawn.tolist() != list(range(10))
    assert charts.drawn(5, rows=10, seed=3).tolist() == [0, 1, 2, 3, 4]


def test_a_residual_is_predicted_minus_true_taken_before_rounding() -> None:
    table = charts.prediction_rows("a", np.array([3000.0, 2.0]), np.array([3000.0022, 1.0]))
    assert list(table.columns) == ["model", "true", "predicted", "residual"]
    assert rows(table) == [("a", 3000.0, 3000.0, 0.0022), ("a", 2.0, 1.0, -1.0)]


def test_the_residuals_bins_are_the_models_own() -> None:
    within = charts.edges(-2.0, 2.0, bins=2)
    assert rows(charts.residual_histogram("m", within, np.array([1, 3]))) == [
        ("m", -2.0, 0.0, 1),
        ("m", 0.0, 2.0, 3),
    ]


@example(np.array([0.0, 5e-324]), 3)
@given(arrays(np.float64, st.integers(1, 50), elements=REAL), st.integers(1, 60))
def test_bins_have_every_value_once_in_touching_bins(values: np.ndarray, bins: int) -> None:
    table = histogram(values, bins)
    assert len(table) == bins
    assert table["rows"].sum() == len(values)
    assert (table["bin_start"] < table["bin_end"]).all()
    assert table["bin_start"].to_list()[1:] == table["bin_end"].to_list()[:-1]
    assert table["bin_start"].iloc[0] <= values.min() + abs(values.min()) * 1e-5
    assert table["bin_end"].iloc[-1] >= values.max() - abs(values.max()) * 1e-5


@pytest.mark.parametrize("constant", [0.0, 7.5, -1e-12, 1e12])
def test_bins_of_a_constant_have_it_in_the_middle(constant: float) -> None:
    table = histogram(np.full(9, constant), 3)
    assert table["rows"].to_list() == [0, 9, 0]


def test_slices_table_is_a_row_a_model_and_slice_in_the_given_order() -> None:
    slices = {"m": {"Quantity=2": (7, 1.23456789, 90.0), "Quantity=1": (9, 2.0, 88.5)}, "n": {}}
    table = charts.slices_table(slices)
    assert list(table.columns) == ["model", "slice", "rows", "rmse", "coverage_pct"]
    assert rows(table) == [
        ("m", "Quantity=2", 7, 1.23457, 90.0),
        ("m", "Quantity=1", 9, 2.0, 88.5),
    ]


def test_importance_table_has_the_most_important_first() -> None:
    table = charts.importance_table({"m": {"b": 0.5, "c": -1.0, "a": 0.5, "d": 724.50812345}})
    assert list(table.columns) == ["model", "feature", "importance"]
    assert rows(table) == [("m", "d", 724.508), ("m", "a", 0.5), ("m", "b", 0.5), ("m", "c", -1.0)]


def test_plots_page_is_the_same_each_time_and_leaves_dvc_its_placeholders() -> None:
    page = plots_page()
    assert page == plots_page()
    assert page.count("{plot_divs}") == page.count("{refresh_tag}") == 1
    assert "{scripts}" not in page
    assert page.count("</script>") == page.count("<script>") == 1
    assert "window.vegaEmbed" in page
