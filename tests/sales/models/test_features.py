"""The featuriser: fitted on train only, one code path for a table and for one order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sales import files
from sales.errors import PipelineError
from sales.models import features
from sales.models.feature_sets import FeaturizeParams
from sales.models.features import Featuriser
from tests.examples import fitted


@pytest.fixture(scope="session")
def priced(orders, featurize_params, contract):
    return fitted(orders, featurize_params, contract)


def one_order(orders, row):
    """Return one order the way a request brings it: plain values, no DataFrame."""
    return {
        name: [value.to_datetime64() if isinstance(value, pd.Timestamp) else value]
        for name, value in orders.iloc[row].items()
    }


def test_the_feature_sets_of_the_design(featurize_params):
    order = featurize_params.columns("order")
    assert len(order) == 15
    assert featurize_params.columns("priced") == (*order, "NetAmount")
    known_later = {"Tax", "ShippingCost", "OrderStatus"}
    assert set(featurize_params.columns("quote")) == {*order, "NetAmount"} - known_later


def test_columns_are_numbers_derived_values_and_codes(orders, priced):
    table = pd.DataFrame(priced.transform(orders), columns=list(priced.columns))
    net = orders["Quantity"] * orders["UnitPrice"] * (1 - orders["Discount"])
    assert (table["NetAmount"] == net).all()
    assert (table["OrderYear"] == orders["OrderDate"].dt.year).all()
    assert (table["OrderMonth"] == orders["OrderDate"].dt.month).all()
    assert (table["OrderDayOfWeek"] == orders["OrderDate"].dt.day_of_week).all()
    assert priced.levels["Brand"] == ("Apex", "NexPro", "Zenith")
    assert (table["Brand"] == orders["Brand"].map({"Apex": 0, "NexPro": 1, "Zenith": 2})).all()


@given(row=st.integers(0, 399))
def test_one_order_is_its_row_in_a_table_bit_for_bit(orders, priced, row):
    assert (
        priced.transform(one_order(orders, row)).tobytes()
        == priced.transform(orders)[row].tobytes()
    )


@given(seed=st.integers(0, 2**32 - 1))
def test_neither_row_order_nor_column_order_matters(orders, priced, seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(orders)), rng.permutation(len(orders.columns))
    shuffled = orders.iloc[rows, columns]
    assert priced.transform(shuffled).tobytes() == priced.transform(orders)[rows].tobytes()


@given(seed=st.integers(0, 2**32 - 1))
def test_the_fit_does_not_depend_on_the_order_of_rows(
    orders, priced, featurize_params, contract, seed
):
    rows = np.random.default_rng(seed).permutation(len(orders))
    assert fitted(orders.iloc[rows], featurize_params, contract) == priced


@given(value=st.text().filter(lambda text: text not in ("Apex", "NexPro", "Zenith")))
def test_an_unknown_category_does_not_fail_and_is_reported(orders, priced, value):
    order = one_order(orders, 0) | {"Brand": [value]}
    features_of = dict(zip(priced.columns, priced.transform(order)[0], strict=True))
    assert np.isnan(features_of["Brand"])
    assert not np.isnan(features_of["Category"])
    assert priced.unknown(order) == {"Brand": [value]}


def test_unknown_and_missing_categories_in_a_table_are_nan(orders, priced):
    values = ["Apex", "Nobody", None, "Zenith"]
    table = orders.iloc[:4].assign(Brand=pd.Categorical(values))
    brand = priced.transform(table)[:, priced.columns.index("Brand")]
    assert brand[0] == 0
    assert np.isnan(brand[1:3]).all()
    assert brand[3] == 2


def test_known_values_are_not_reported(orders, priced):
    assert priced.unknown(orders) == {}


def test_what_valid_and_test_rows_hold_does_not_reach_the_fit(orders, featurize_params, contract):
    train = orders[orders["Brand"] != "Zenith"]
    assert fitted(train, featurize_params, contract).levels["Brand"] == ("Apex", "NexPro")


def test_the_date_may_come_as_the_three_fields_of_the_published_request(orders, priced):
    order = one_order(orders, 7)
    date = orders["OrderDate"].iloc[7]
    parts = {
        "OrderYear": [date.year],
        "OrderMonth": [date.month],
        "OrderDayOfWeek": [date.day_of_week],
    }
    instead = {k: v for k, v in order.items() if k != "OrderDate"} | parts
    assert priced.transform(instead).tobytes() == priced.transform(order).tobytes()


def test_request_fields_are_the_columns_of_an_order(priced, featurize_params, contract, orders):
    assert "OrderDate" in priced.request_fields
    assert "NetAmount" not in priced.request_fields
    assert "TotalAmount" not in priced.request_fields
    quote = featurize_params.model_copy(update={"feature_set": "quote"})
    missing = set(priced.request_fields) - set(fitted(orders, quote, contract).request_fields)
    assert missing == {"Tax", "ShippingCost", "OrderStatus"}


def test_a_missing_column_is_named(orders, priced):
    with pytest.raises(PipelineError, match="a row needs the column 'Brand'"):
        priced.transform(orders.drop(columns="Brand"))
    with pytest.raises(PipelineError, match="needs 'OrderYear', or OrderDate to compute it"):
        priced.transform(orders.drop(columns="OrderDate"))


def test_saved_as_json_and_loaded_the_same(priced, tmp_path):
    priced.save(tmp_path / "featuriser.json")
    assert Featuriser.load(tmp_path / "featuriser.json") == priced


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"a": {"start": "b"}, "b": {"start": "a"}}, "starts from itself"),
        ({"a": {"start": "z"}}, "unknown feature set 'z'"),
        ({"a": {"add": ["x", "x"]}}, "has 'x' twice"),
        ({"a": {"add": ["x"], "drop": ["y"]}}, "drops 'y', which it does not have"),
        ({"a": {}}, "is empty"),
        ({"b": {"add": ["x"]}}, "unknown feature set 'a'; known: b"),
    ],
)
def test_absurd_feature_sets_are_refused(sets, message):
    with pytest.raises(ValidationError, match=message):
        FeaturizeParams(feature_set="a", feature_sets=sets)


@pytest.mark.parametrize(
    ("column", "derived", "message"),
    [
        ("Colour", {}, "'Colour' is neither a numeric or categorical column"),
        ("OrderID", {}, "'OrderID' is neither"),
        ("TotalAmount", {}, "'TotalAmount' is neither"),
        ("Leak", {"Leak": "TotalAmount * 2"}, "'TotalAmount' is not a date, numeric or"),
        ("Leak", {"Leak": "__import__(1)"}, "unknown function '__import__'"),
    ],
)
def test_features_that_cannot_be_or_would_leak_are_refused(
    orders, contract, column, derived, message
):
    params = FeaturizeParams(
        feature_set="a", derived=derived, feature_sets={"a": {"add": [column]}}
    )
    with pytest.raises(PipelineError, match=message):
        fitted(orders, params, contract)


def test_the_ranges_are_those_of_the_train_rows_in_however_many_partitions(
    orders, featurize_params, contract
):
    whole = fitted(orders, featurize_params, contract)
    day = orders["OrderDate"].dt
    numbers = ["Quantity", "UnitPrice", "Discount", "Tax", "ShippingCost"]
    expected = {name: (orders[name].min(), orders[name].max()) for name in numbers}
    expected["OrderDate"] = (str(day.date.min()), str(day.date.max()))
    parts = {"OrderYear": day.year, "OrderMonth": day.month, "OrderDayOfWeek": day.day_of_week}
    expected |= {name: (values.min(), values.max()) for name, values in parts.items()}
    assert whole.ranges == expected
    cuts = [orders[:1], orders[1:150], orders[150:150], orders[150:]]
    seen = [features.seen(part, featurize_params, contract) for part in cuts]
    assert features.fit(seen, featurize_params, contract) == whole


def test_a_set_that_does_not_see_a_column_has_no_range_of_it(orders, featurize_params, contract):
    quote = featurize_params.model_copy(update={"feature_set": "quote"})
    ranges = fitted(orders, quote, contract).ranges
    assert ranges is not None
    assert not {"Tax", "ShippingCost", "NetAmount"} & set(ranges)
    assert {"Quantity", "OrderMonth"} <= set(ranges)


def test_what_was_saved_before_models_had_ranges_still_loads(tmp_path, priced, orders):
    priced.save(tmp_path / "featuriser.json")
    assert Featuriser.load(tmp_path / "featuriser.json") == priced
    told = files.read_json(tmp_path / "featuriser.json")
    del told["ranges"]
    files.write_json(tmp_path / "featuriser.json", told)
    older = Featuriser.load(tmp_path / "featuriser.json")
    assert older.ranges is None
    assert older.transform(orders).tobytes() == priced.transform(orders).tobytes()
    older.save(tmp_path / "again.json")
    assert files.read_json(tmp_path / "again.json") == told
