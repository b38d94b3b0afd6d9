"""How a number's control steps and what it shows, from the contract's range."""

import pytest

from sales.contract import Column
from ui.form import _digits, _step


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [
        (0, 1, 0.05),  # a discount
        (0.01, 10_000, 1.0),  # a price
        (0.1, 6, 0.05),  # a weight in carat
        (0, 0.001, 0.00005),
        (None, 1, 1.0),
        (5, 5, 1.0),
    ],
)
def test_a_click_moves_it_by_a_share_of_the_range(low, high, step):
    assert _step(Column(role="numeric", min=low, max=high)) == pytest.approx(step)


@pytest.mark.parametrize(
    ("values", "digits"),
    [
        ((299.99, 1.0), 2),
        ((0.0, 1.0), 2),
        ((0.0009053558666731178, 1.0), 9),
        ((1e-05, 1.0), 5),
        ((3.0, 0.005), 3),
        ((12.345678, 0.5), 4),
    ],
)
def test_it_shows_six_digits_of_the_example_and_two_decimals_at_least(values, digits):
    assert _digits(*values) == digits
