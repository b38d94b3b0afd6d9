"""Which values of a field are tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract import Column
from ui import sweep

PRICE = Column(role="numeric", min=0.01, max=10000)
SEEN = {"bin_start": [5.0, 300.0], "bin_end": [300.0, 600.0], "rows": [1, 2]}


def test_the_range_is_that_of_the_data_and_holds_the_orders_own_value():
    tried = sweep.values(PRICE, 200.0, SEEN)
    assert (tried[0], tried[-1]) == (5, 600)
    assert 200.0 in tried
    assert len(tried) == sweep.POINTS + 1


def test_an_order_beyond_the_data_widens_the_range():
    assert sweep.values(PRICE, 900.0, SEEN)[-1] == 900


def test_without_the_data_it_is_the_contracts_range():
    tried = sweep.values(Column(role="numeric", min=0, max=1), 0.1, None)
    assert (tried[0], tried[-1]) == (0, 1)


def test_a_whole_number_takes_whole_steps():
    column = Column(role="numeric", integer=True, min=1, max=5)
    assert sweep.values(column, 2, None) == [1, 2, 3, 4, 5]


@given(st.floats(-1e6, 1e6))
def test_a_field_without_bounds_still_moves(at):
    tried = sweep.values(Column(role="numeric"), at, None)
    assert at in tried
    assert len(tried) > 2


@given(st.floats(0.01, 10000))
def test_nothing_is_tried_that_the_service_would_refuse(at):
    tried = sweep.values(PRICE, at, {"bin_start": [-3.0], "bin_end": [20000.0], "rows": [1]})
    assert min(tried) >= 0.01
    assert max(tried) <= 10000


def test_only_the_field_changes():
    assert sweep.orders({"a": 1, "b": 2}, "b", [5, 6]) == [{"a": 1, "b": 5}, {"a": 1, "b": 6}]


def test_values_are_tried_once():
    tried = sweep.values(PRICE, 5.0, SEEN)
    assert len(set(tried)) == len(tried) == pytest.approx(sweep.POINTS)
