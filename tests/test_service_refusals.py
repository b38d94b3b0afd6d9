"""Bad requests over real HTTP: each is refused with a 4xx that names what is wrong, and where."""

import gzip
import io
import json

import httpx
import pandas as pd
import pytest

from tests import patience
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER, make_orders

GOOD = json.dumps(PUBLISHED_ORDER)


@pytest.fixture(scope="module")
def client(promoted, tmp_path_factory):
    process, url = serve(promoted, tmp_path_factory.mktemp("served"), MAX_BODY_MB="5")
    with httpx.Client(base_url=url, timeout=patience.SECONDS) as client:
        yield client
    stop(process)


def order(**changes):
    """Return the published order with changes as JSON text; NaN and Infinity as Python writes."""
    return json.dumps({**PUBLISHED_ORDER, **changes})


def without(*fields):
    return json.dumps({k: v for k, v in PUBLISHED_ORDER.items() if k not in fields})


def named(answered):
    """Return (place, message) of each fault in a 422."""
    assert answered.status_code == 422, answered.text
    return [
        (".".join(map(str, fault["loc"][1:])), fault["msg"]) for fault in answered.json()["detail"]
    ]


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        (order(Quantity="2"), "Quantity", "valid number"),
        (order(Quantity=2.5), "Quantity", "multiple of 1"),
        (order(Quantity=0), "Quantity", "greater than or equal to 1"),
        (order(Quantity=101), "Quantity", "less than or equal to 100"),
        (order(Quantity=True), "Quantity", "valid number"),
        (order(Quantity=[2]), "Quantity", "valid number"),
        (order(UnitPrice=float("nan")), "UnitPrice", "finite number"),
        (order(UnitPrice=float("inf")), "UnitPrice", "finite number"),
        (order(UnitPrice=float("-inf")), "UnitPrice", "finite number"),
        (order(UnitPrice=-5), "UnitPrice", "greater than or equal to 0.01"),
        (order(UnitPrice=0), "UnitPrice", "greater than or equal to 0.01"),
        (GOOD.replace("299.99", "1e999"), "UnitPrice", "finite number"),
        (GOOD.replace("299.99", "9" * 400), "UnitPrice", "finite number"),
        (order(UnitPrice=1e300), "UnitPrice", "less than or equal to"),
        (order(UnitPrice=None), "UnitPrice", "valid number"),
        (order(UnitPrice={"value": 3}), "UnitPrice", "valid number"),
        (order(Discount=1.1), "Discount", "less than or equal to 1"),
        (order(Discount=-0.1), "Discount", "greater than or equal to 0"),
        (order(Tax="none"), "Tax", "valid number"),
        (order(ShippingCost=-1), "ShippingCost", "greater than or equal to 0"),
        (order(Category=5), "Category", "valid string"),
        (order(Category=None), "Category", "valid string"),
        (order(Brand="x" * 201), "Brand", "at most 200 characters"),
        (order(City=["New York"]), "City", "valid string"),
        (order(OrderMonth=13), "OrderMonth", "less than or equal to 12"),
        (order(OrderMonth="June"), "OrderMonth", "valid integer"),
        (order(OrderYear=0), "OrderYear", "greater than or equal to 1"),
        (order(OrderYear=2024.5), "OrderYear", "integer"),
        (order(OrderDayOfWeek="Funday"), "OrderDayOfWeek", "'Monday'"),
        (order(OrderDayOfWeek=7), "OrderDayOfWeek", "'Monday'"),
        (order(OrderDate="yesterday"), "OrderDate", "valid date in ISO 8601"),
        (order(OrderDate=20240601), "OrderDate", "valid date in ISO 8601"),
        (without("Country"), "Country", "Field required"),
        (without("OrderYear"), "OrderYear", "Field required, or OrderDate in its place"),
    ],
)
def test_a_bad_field_is_named_alone_and_with_its_row_in_a_list(client, body, place, message):
    [(at, why)] = named(client.post("/predict", content=body))
    assert at == place
    assert message in why
    [(at, why)] = named(client.post("/predict_batch", content=f"[{GOOD}, {GOOD}, {body}]"))
    assert at == f"2.{place}"
    assert message in why


@pytest.mark.parametrize("route", ["/predict", "/predict_batch"])
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"null", b"5", b'"text"', b"{", b"[", GOOD[:-20].encode(), b"<order/>"),
        *(GOOD.encode("utf-16"), b"\xff\xfe\x00", b"\x00", gzip.compress(GOOD.encode())),
        *(b"[" * 200_000, b'{"Category":' * 50_000, b"Category=Books&Quantity=2"),
    ],
)
def test_what_is_no_order_at_all_is_refused(client, route, body):
    for _, why in named(client.post(route, content=body)):
        assert why.startswith(("Invalid JSON", "Input should be"))


def test_a_content_type_that_is_not_json_makes_json_of_nothing_else(client):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answered = client.post("/predict", content="Category=Books", headers=headers)
    assert named(answered)[0][1].startswith("Invalid JSON")


@pytest.mark.parametrize("route", ["/predict", "/predict_batch", "/predict_file"])
def test_a_large_body_is_refused(client, route):
    try:
        answered = client.post(route, content=b" " * 100_000_000)
    except httpx.TransportError:
        return  # the server hung up before all was sent
    assert answered.status_code == 413
    assert answered.json()["detail"] == "the body is larger than 5 MB"


def test_too_many_orders_are_refused_with_the_limit(client):
    answered = client.post("/predict_batch", content=f"[{','.join([GOOD] * 501)}]")
    assert answered.status_code == 413
    assert answered.json()["detail"] == "501 rows, at most 500 are taken at once"


ORDERS = make_orders(30)


def csv(table):
    return table.to_csv(index=False).encode()


def parquet(table):
    sink = io.BytesIO()
    table.to_parquet(sink)
    return sink.getvalue()


def changed(rows, column, value):
    table = ORDERS.astype({column: object})
    table.loc[rows, column] = value
    return table


@pytest.mark.parametrize(
    ("body", "place", "message", "rows"),
    [
        (b"", "", "the file is empty", None),
        (b"Category,Brand\n", "", "no rows", None),
        (b"PAR1 is how it begins", "", "not a parquet file", None),
        (parquet(ORDERS)[:-100], "", "not a parquet file", None),
        (csv(ORDERS) + b'1,"open quote', "", "line 32", None),
        (csv(ORDERS) + b"a,b,c\n", "", "line 32", None),
        (csv(ORDERS.rename(columns={"Tax": "Levy"})), "Tax", "the column is missing", None),
        (parquet(ORDERS.rename(columns={"Tax": "Levy"})), "Tax", "the column is missing", None),
        (csv(ORDERS).replace(b"Brand", b"Category", 1), "", "stands there twice", None),
        (csv(changed([3, 9], "Quantity", "two")), "Quantity", "not a number", [4, 10]),
        (csv(changed([0, 29], "UnitPrice", None)), "UnitPrice", "missing", [1, 30]),
        (csv(changed([5], "Discount", 1.5)), "Discount", "above 1", [6]),
        (csv(changed([5], "Quantity", 1.5)), "Quantity", "not a whole number", [6]),
        (csv(changed([7], "OrderDate", "soon")), "OrderDate", "not a date", [8]),
        (parquet(ORDERS.assign(Tax="much")), "Tax", "not a number", list(range(1, 31))),
        (parquet(ORDERS.assign(OrderDate=5)), "OrderDate", "not a date", list(range(1, 31))),
        (parquet(ORDERS.assign(Tax=float("inf"))), "Tax", "not a number", list(range(1, 31))),
    ],
)
def test_a_bad_file_is_refused_by_column_and_row(client, body, place, message, rows):
    answered = client.post("/predict_file", content=body)
    [(at, why)] = named(answered)
    assert at == place
    assert message in why
    assert answered.json()["detail"][0].get("rows") == rows


def test_every_bad_row_is_named_at_once(client):
    table = pd.concat([ORDERS] * 20, ignore_index=True).astype({"Tax": object})
    table.loc[::2, "Tax"] = "?"
    answered = client.post("/predict_file", content=csv(table))
    assert answered.json()["detail"][0]["rows"] == list(range(1, 601, 2))
