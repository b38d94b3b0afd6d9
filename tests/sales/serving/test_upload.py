"""Files sent to the service: read, checked to the last row, and given back whole."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.serving import upload
from sales.serving.request import DAYS, OrderSchema, RequestError
from tests.examples import fitted, make_orders

MOST = 10_000


@pytest.fixture(scope="module")
def schema(featurize_params, contract):
    return OrderSchema(fitted(make_orders(300), featurize_params, contract))


def as_csv(orders, **changes):
    return orders.assign(**changes).to_csv(index=False).encode()


def as_parquet(orders):
    return orders.to_parquet(index=False)


def split_date(orders):
    """Return the orders with the parts of the date in the date's place."""
    day = orders["OrderDate"].dt
    parts = {"OrderYear": day.year, "OrderMonth": day.month}
    names = [DAYS[number] for number in day.day_of_week]
    return orders.drop(columns="OrderDate").assign(**parts, OrderDayOfWeek=names)


def orders_of(table, schema):
    return upload.orders(table, schema.featuriser.fields, schema.parts)


def matrix(schema, body):
    return schema.featuriser.transform(orders_of(upload.read(body, MOST), schema))


@pytest.mark.parametrize("written", [as_csv, as_parquet])
@pytest.mark.parametrize("dated", [True, False])
def test_a_file_gives_the_features_of_its_orders(schema, written, dated):
    orders = make_orders(100, seed=3)
    expected = schema.featuriser.transform(orders)
    sent = orders if dated else split_date(orders)
    assert matrix(schema, written(sent)).tobytes() == expected.tobytes()
    turned = sent[sent.columns[::-1]].assign(Colour="red")
    assert matrix(schema, written(turned)).tobytes() == expected.tobytes()


def refused(schema, body, most=MOST):
    with pytest.raises(RequestError) as caught:
        orders_of(upload.read(body, most), schema)
    return [
        (".".join(map(str, found["loc"][1:])), found["msg"], found.get("rows"))
        for found in caught.value.details
    ]


def test_all_bad_rows_are_named_at_once_by_column_and_problem(schema):
    orders = make_orders(50).astype({"Quantity": object, "Category": object, "OrderDate": str})
    orders["UnitPrice"] = orders["UnitPrice"].astype(object)
    orders.loc[4, "UnitPrice"] = "abc"
    orders.loc[9, "UnitPrice"] = "-3"
    orders.loc[[11, 12], "UnitPrice"] = ["inf", "NaN"]
    orders.loc[0, "Quantity"] = "2.5"
    orders.loc[49, "Discount"] = 1.5
    orders.loc[7, "Category"] = None
    orders.loc[8, "OrderDate"] = "soon"
    assert sorted(refused(schema, as_csv(orders))) == [
        ("Category", "missing", [8]),
        ("Discount", "above 1", [50]),
        ("OrderDate", "not a date", [9]),
        ("Quantity", "not a whole number", [1]),
        ("UnitPrice", "below 0.01", [10]),
        ("UnitPrice", "missing", [13]),
        ("UnitPrice", "not a number", [5, 12]),
    ]


def test_bad_parts_of_a_date_are_named(schema):
    orders = split_date(make_orders(10)).astype(object)
    orders.loc[2, "OrderDayOfWeek"] = "Someday"
    orders.loc[3, "OrderDayOfWeek"] = 6
    orders.loc[[4, 5], "OrderMonth"] = [13, None]
    assert refused(schema, as_csv(orders)) == [
        ("OrderMonth", "not a month", [5, 6]),
        ("OrderDayOfWeek", "not a day_of_week", [3]),
    ]


def test_missing_columns_are_named(schema):
    short = make_orders(5).drop(columns=["Tax", "City"])
    missing = "the column is missing"
    assert refused(schema, as_csv(short)) == [("Tax", missing, None), ("City", missing, None)]
    undated = make_orders(5).drop(columns="OrderDate")
    named = [name for name, _, _ in refused(schema, as_csv(undated))]
    assert named == ["OrderYear", "OrderMonth", "OrderDayOfWeek"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the CSV file: the file is empty"),
        (b"Category,Brand\n", "the CSV file: the file has a header but no rows"),
        (b"a,a\n1,2\n", "the CSV file: the column 'a' stands there twice"),
        (b"a,b\n1\n", "the CSV file: line 2: expected 2 columns, got 1"),
        ("a\nä\n".encode("latin-1"), "the CSV file: not in UTF-8; save it as UTF-8"),
        (b"PAR1 and then nothing", "Parquet"),
        (make_orders(5).to_parquet()[:-30], "Parquet"),
        (b"\x00\x01\x02", "the CSV file: not in UTF-8 (UTF-16?); save it as UTF-8"),
    ],
)
def test_a_broken_file_is_one_line(schema, body, message):
    [(where, said, _)] = refused(schema, body)
    assert where == ""
    assert message in said
    assert "\n" not in said


def test_a_file_with_too_many_rows_is_refused(schema):
    orders = make_orders(30)
    for body in (as_csv(orders), as_parquet(orders)):
        assert refused(schema, body, most=29) == [
            ("", "30 rows, at most 29 are taken at once", None)
        ]


@pytest.mark.parametrize("parquet", [True, False])
def test_the_file_comes_back_whole_with_the_price_as_its_last_column(parquet):
    orders = make_orders(20).assign(Note='say "hi", please', PredictedTotalAmount=0.0)
    table = upload.read(as_parquet(orders) if parquet else as_csv(orders), MOST)
    prices = np.linspace(0.1, 1 / 3, 20)
    body = upload.priced(table, {"PredictedTotalAmount": prices}, parquet=parquet)
    back = pd.read_parquet(io.BytesIO(body)) if parquet else pd.read_csv(io.BytesIO(body))
    assert list(back.columns) == list(orders.columns)
    assert back["PredictedTotalAmount"].to_numpy().tobytes() == prices.tobytes()
    assert (back["Note"] == 'say "hi", please').all()
    assert (back["OrderID"] == orders["OrderID"]).all()
    if parquet:
        schema = pa.parquet.read_schema(io.BytesIO(body))
        assert schema.field("Category").type == table.schema.field("Category").type


def test_what_training_never_saw_is_named_once(schema):
    orders = make_orders(40).astype({"Brand": object})
    orders.loc[[3, 5], "Brand"] = "Nobody"
    found = orders_of(upload.read(as_parquet(orders), MOST), schema)
    assert upload.warnings(found, schema) == ["Brand: 'Nobody' was not in the training data"]
