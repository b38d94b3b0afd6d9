"""The bill adds up to the prediction, whatever fields a model asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.errors import PipelineError
from ui import bill

PARTS = {
    "Base": "Quantity * UnitPrice",
    "Discount": "0 - Quantity * UnitPrice * Discount",
    "Tax": "Tax",
}
ORDER = {"Quantity": 2, "UnitPrice": 100.0, "Discount": 0.1, "Tax": 9.0, "City": "Austin"}


def test_each_part_and_what_the_model_estimates():
    found = bill.parts(PARTS, ORDER, 190.0)
    assert found == {"Base": 200.0, "Discount": -20.0, "Tax": 9.0, bill.REST: pytest.approx(1.0)}


def test_a_part_that_the_model_does_not_ask_for_is_in_the_rest():
    order = {name: value for name, value in ORDER.items() if name != "Tax"}
    assert bill.parts(PARTS, order, 190.0) == {"Base": 200.0, "Discount": -20.0, bill.REST: 10.0}


@given(st.floats(-1e6, 1e6), st.integers(1, 100), st.floats(0.01, 1e4), st.floats(0, 1))
def test_the_parts_add_up_to_the_prediction(total, quantity, price, discount):
    order = {"Quantity": quantity, "UnitPrice": price, "Discount": discount}
    assert sum(bill.parts(PARTS, order, total).values()) == pytest.approx(total, abs=1e-3)


def test_nothing_but_arithmetic_is_evaluated():
    with pytest.raises(PipelineError):
        bill.parts({"Evil": "__import__('os').getcwd()"}, ORDER, 1.0)
