"""What lies outside of what training saw: by field, by value, and by row."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sales.serving.ranges import UNSEEN, RangeWarning
from sales.serving.request import OrderSchema
from tests.examples import PUBLISHED_ORDER, fitted, make_orders

TRAIN = make_orders(300)
TRAIN.loc[0, "OrderDate"] = pd.Timestamp("2020-01-01")
TRAIN.loc[1, "OrderDate"] = pd.Timestamp("2024-12-04")
ORDER = {k: v for k, v in PUBLISHED_ORDER.items() if not k.startswith("Order")}
ORDER |= {"OrderStatus": "Delivered", "City": "Austin", "State": "TX"}
DATED = {**ORDER, "OrderDate": "2024-06-03"}


@pytest.fixture(scope="module")
def featuriser(featurize_params, contract):
    return fitted(TRAIN, featurize_params, contract)


@pytest.fixture(scope="module")
def schema(featuriser):
    return OrderSchema(featuriser)


def outside(schema, *orders):
    """Return the warnings of a list of orders, and which rows they are about."""
    found = schema.outside(schema.many(json.dumps(orders)))
    if len(orders) == 1:
        alone = schema.outside(schema.one(json.dumps(orders[0])))
        assert (alone is None) == (found is None)
        assert alone is None or alone.warnings == found.warnings
    return ([], []) if found is None else (found.warnings, found.rows.tolist())


def test_within_there_is_nothing_to_say(schema):
    assert outside(schema, DATED) == ([], [])
    assert outside(schema, {**ORDER, "OrderYear": 2024, "OrderMonth": 1, "OrderDayOfWeek": 6}) == (
        [],
        [],
    )
    assert schema.outside(TRAIN) is None
    ends = {"Quantity": 1, "UnitPrice": TRAIN["UnitPrice"].max(), "Discount": 0}
    assert outside(schema, {**DATED, **ends}) == ([], [])


def test_a_number_outside_is_named_with_its_value_and_the_range(schema):
    warnings, rows = outside(schema, {**DATED, "Quantity": 50})
    assert warnings == [f"Quantity: 50 is outside 1 to 5, {UNSEEN}"]
    assert isinstance(warnings[0], RangeWarning)
    assert rows == [True]
    low, high = TRAIN["UnitPrice"].min(), TRAIN["UnitPrice"].max()
    assert outside(schema, {**DATED, "UnitPrice": 0.01})[0] == [
        f"UnitPrice: 0.01 is outside {low} to {high}, {UNSEEN}"
    ]


def test_many_rows_outside_are_one_warning_a_field(schema):
    orders = [{**DATED, "Quantity": 1 + n % 100} for n in range(1000)]
    orders[4] = {**orders[4], "ShippingCost": 999.5}
    warnings, rows = outside(schema, *orders)
    high = TRAIN["ShippingCost"].max()
    low = TRAIN["ShippingCost"].min()
    assert warnings == [
        f"Quantity: 950 rows, 6 to 100, are outside 1 to 5, {UNSEEN}",
        f"ShippingCost: 999.5 is outside {low:g} to {high}, {UNSEEN}",
    ]
    assert rows == [order["Quantity"] > 5 or number == 4 for number, order in enumerate(orders)]


@pytest.mark.parametrize("day", ["0001-01-01", "2019-12-31", "2024-12-05T00:00:00", "9999-12-31"])
def test_a_day_outside_is_warned_of(schema, day):
    [warning], _ = outside(schema, {**DATED, "OrderDate": day})
    assert warning == f"OrderDate: {day[:10]} is outside 2020-01-01 to 2024-12-04, {UNSEEN}"


@pytest.mark.parametrize("day", ["2020-01-01", "2024-12-04", "2024-12-04T23:59:59.999"])
def test_the_first_and_the_last_day_are_within_to_their_ends(schema, day):
    assert outside(schema, {**DATED, "OrderDate": day}) == ([], [])


def test_dates_and_parts_may_stand_in_one_list(schema):
    parts = {**ORDER, "OrderYear": 2031, "OrderMonth": 6, "OrderDayOfWeek": 1}
    warnings, rows = outside(schema, DATED, parts, {**DATED, "OrderDate": "1999-06-03"})
    assert warnings == [f"OrderYear: 2 rows, 1999 to 2031, are outside 2020 to 2024, {UNSEEN}"]
    assert rows == [False, True, True]


def test_a_month_that_training_never_saw_is_warned_of_within_the_days_that_it_saw(
    featurize_params, contract
):
    early = TRAIN[TRAIN["OrderDate"].dt.month < 6]
    schema = OrderSchema(fitted(early, featurize_params, contract))
    assert outside(schema, {**DATED, "OrderDate": "2022-08-03"})[0] == [
        f"OrderMonth: 8 is outside 1 to 5, {UNSEEN}"
    ]
    assert outside(schema, {**DATED, "OrderDate": "2022-05-03"}) == ([], [])


def test_an_older_model_knows_the_window_of_the_contract(featuriser, contract):
    older = OrderSchema(replace(featuriser, ranges=None))
    assert outside(older, {**DATED, "Quantity": 50}) == ([], [])
    assert outside(older, {**DATED, "OrderDate": "2024-12-31T23:00"}) == ([], [])
    assert outside(older, {**DATED, "OrderDate": "2025-01-01"})[0] == [
        f"OrderDate: 2025-01-01 is outside 2020-01-01 to 2024-12-31, {UNSEEN}"
    ]
    parts = {**ORDER, "OrderYear": 2031, "OrderMonth": 6, "OrderDayOfWeek": 1}
    assert outside(older, parts)[0] == [f"OrderYear: 2031 is outside 2020 to 2024, {UNSEEN}"]
    fields = {**featuriser.fields}
    fields["OrderDate"] = contract.columns["OrderDate"].model_copy(update={"min": None})
    open_start = OrderSchema(replace(featuriser, ranges=None, fields=fields))
    assert outside(open_start, {**DATED, "OrderDate": "1931-01-01"}) == ([], [])
    assert len(outside(open_start, {**DATED, "OrderDate": "2031-01-01"})[0]) == 1
    fields["OrderDate"] = fields["OrderDate"].model_copy(update={"max": None})
    boundless = OrderSchema(replace(featuriser, ranges=None, fields=fields))
    assert outside(boundless, {**DATED, "OrderDate": "9999-01-01"}) == ([], [])


def test_arrays_of_a_file_are_held_against_the_ranges_too(schema):
    columns = {name: TRAIN[name].to_numpy() for name in ("UnitPrice", "OrderDate")}
    assert schema.outside(columns) is None
    columns["UnitPrice"] = np.where(np.arange(300) == 7, 1e4, columns["UnitPrice"])
    found = schema.outside(columns)
    assert found is not None
    assert np.flatnonzero(found.rows).tolist() == [7]
