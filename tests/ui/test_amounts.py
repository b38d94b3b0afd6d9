"""Numbers and names as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract import Column
from ui.amounts import (
    amount,
    column_format,
    error_size,
    from_percent,
    in_percent,
    is_share,
    model_name,
    plain,
    small,
    words,
)


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (1234.5, "$", "$1,234.50"),
        (-4, "$", "−$4.00"),
        (-0.001, "$", "$0.00"),
        (1234567.891, None, "1,234,567.89"),
        (-12.5, "min", "−12.50 min"),
        (0, "mm", "0.00 mm"),
        (0.5, "$", "$0.50"),
        (0.00226730, None, "0.002267"),
        (-0.25, "mm", "−0.2500 mm"),
    ],
)
def test_an_amount(value, unit, written):
    assert amount(value, unit) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0.0022, "$0.0022"), (-0.5, "−$0.5000"), (4.4574, "$4.46")]
)
def test_an_error_keeps_the_digits_that_tell(value, written):
    assert error_size(value, "$") == written


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("UnitPrice", "Unit price"),
        ("SellerID", "Seller ID"),
        ("hist_gradient_boosting", "Hist gradient boosting"),
        ("max_test_rmse", "Max test rmse"),
        ("carat", "Carat"),
    ],
)
def test_a_name_in_words(name, written):
    assert words(name) == written


def test_text_keeps_its_signs_in_markdown():
    assert plain("$5 to $6 [a_b]") == r"\$5 to \$6 \[a\_b\]"


def test_units_without_a_format_of_their_own_are_localized():
    assert [column_format(unit) for unit in ("$", "€", "min", None)] == [
        *("dollar", "euro"),
        *("localized", "localized"),
    ]


@pytest.mark.parametrize(
    ("column", "share"),
    [
        ({"min": 0, "max": 1}, True),
        ({"min": 0, "max": 1, "unit": "mm"}, False),
        ({"min": 0, "max": 1, "integer": True}, False),
        ({"min": 0, "max": 2}, False),
        ({"max": 1}, False),
    ],
)
def test_a_number_from_0_to_1_without_a_unit_is_read_in_percent(column, share):
    assert is_share(Column(role="numeric", **column)) == share


@given(st.integers(0, 10_000))
def test_a_percentage_is_the_share_that_a_person_would_write(percent):
    assert from_percent(percent / 100) == float(f"{percent // 10_000}.{percent % 10_000:04}")
    assert in_percent(from_percent(percent / 100)) == percent / 100


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (5.21563e-06, 2, "under 0.01"),
        (-5e-06, 2, "above −0.01"),
        (0, 2, "0"),
        (1.05709, 2, "1.06"),
        (99.999, 4, "99.999"),
        (1234.0, 2, "1,234"),
        (-0.5, 2, "−0.5"),
    ],
)
def test_a_small_number_has_no_exponent(value, digits, written):
    assert small(value, digits) == written


def test_a_model_is_named_as_the_field_writes_it():
    assert [model_name(name) for name in ("xgboost", "my_model")] == ["XGBoost", "My model"]
