"""Numbers and names as people read them."""

import pytest

from ui.amounts import amount, column_format, error_size, plain, words


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
