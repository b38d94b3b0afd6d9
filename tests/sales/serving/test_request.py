"""What the service takes and refuses, on the schema alone."""

import json

import numpy as np
import pytest

from sales.serving.ranges import UNSEEN
from sales.serving.request import OrderSchema, RequestError, added_columns, snake
from tests.examples import PUBLISHED_ORDER, fitted, make_orders

WITHOUT_DATE = {
    key: value
    for key, value in PUBLISHED_ORDER.items()
    if key not in ("OrderYear", "OrderMonth", "OrderDayOfWeek")
}
DATED = {**WITHOUT_DATE, "OrderDate": "2024-06-03"}  # a Monday


@pytest.fixture(scope="module")
def schema(featurize_params, contract):
    return OrderSchema(fitted(make_orders(300), featurize_params, contract))


def refused(schema, order):
    with pytest.raises(RequestError) as caught:
        schema.one(json.dumps(order))
    return [(*found["loc"][1:], found["msg"]) for found in caught.value.details]


def matrix(schema, orders):
    return schema.featuriser.transform(orders)


def test_the_published_order_is_taken_with_a_date_or_its_parts(schema):
    parts = schema.one(json.dumps(PUBLISHED_ORDER))
    for sent in ("2024-06-03", "2024-06-03T23:59:59", "2024-06-04T01:00:00+02:00"):
        dated = schema.one(json.dumps({**WITHOUT_DATE, "OrderDate": sent}))
        assert matrix(schema, dated).tobytes() == matrix(schema, parts).tobytes()


def test_a_date_and_parts_that_agree_are_the_date(schema):
    both = schema.one(json.dumps({**PUBLISHED_ORDER, "OrderDate": "2024-06-03"}))
    alone = schema.one(json.dumps(DATED))
    assert matrix(schema, both).tobytes() == matrix(schema, alone).tobytes()


def test_a_part_that_contradicts_the_date_is_refused(schema):
    other = {"OrderDate": "2021-06-08", "OrderMonth": 6}  # a Tuesday
    assert refused(schema, {**WITHOUT_DATE, **other, "OrderYear": 2024, "OrderDayOfWeek": 0}) == [
        ("OrderYear", "Input should be 2021, as OrderDate says"),
        ("OrderDayOfWeek", "Input should be Tuesday, as OrderDate says"),
    ]
    sent = [PUBLISHED_ORDER, {**WITHOUT_DATE, **other}, {**WITHOUT_DATE, **other, "OrderMonth": 7}]
    with pytest.raises(RequestError) as caught:
        schema.many(json.dumps(sent))
    assert caught.value.details == [
        {
            "type": "contradiction",
            "loc": ["body", 2, "OrderMonth"],
            "msg": "Input should be 6, as OrderDate says",
        }
    ]


def test_a_list_is_its_orders_one_by_one_dated_or_not(schema):
    sent = [PUBLISHED_ORDER, DATED, {**PUBLISHED_ORDER, "Quantity": 5, "OrderDayOfWeek": 6}]
    together = matrix(schema, schema.many(json.dumps(sent)))
    alone = [matrix(schema, schema.one(json.dumps(order)))[0] for order in sent]
    assert together.tobytes() == np.array(alone).tobytes()


def test_the_order_of_keys_and_unknown_keys_do_not_matter(schema):
    turned = {"Colour": "red", "NetAmount": 1.0, **dict(reversed(PUBLISHED_ORDER.items()))}
    given = matrix(schema, schema.one(json.dumps(PUBLISHED_ORDER)))
    assert matrix(schema, schema.one(json.dumps(turned))).tobytes() == given.tobytes()


def test_quote_does_not_ask_for_what_is_not_known_yet(featurize_params, contract):
    quote = featurize_params.model_copy(update={"feature_set": "quote"})
    schema = OrderSchema(fitted(make_orders(300), quote, contract))
    needed = schema.json_schema()["properties"]
    assert not {"Tax", "ShippingCost", "OrderStatus"} & set(needed)
    short = {k: v for k, v in PUBLISHED_ORDER.items() if k in needed}
    same = matrix(schema, schema.one(json.dumps(short))).tobytes()
    assert matrix(schema, schema.one(json.dumps(PUBLISHED_ORDER))).tobytes() == same


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("UnitPrice", "299.99", "Input should be a valid number"),
        ("UnitPrice", None, "Input should be a valid number"),
        ("UnitPrice", True, "Input should be a valid number"),
        ("UnitPrice", [1], "Input should be a valid number"),
        ("UnitPrice", {"value": 1}, "Input should be a valid number"),
        ("UnitPrice", float("nan"), "Input should be a finite number"),
        ("UnitPrice", float("inf"), "Input should be a finite number"),
        ("UnitPrice", 1e400, "Input should be a finite number"),
        ("UnitPrice", 10**400, "Input should be a finite number"),
        ("UnitPrice", 0, "Input should be greater than or equal to 0.01"),
        ("UnitPrice", -5, "Input should be greater than or equal to 0.01"),
        ("UnitPrice", 10000.01, "Input should be less than or equal to 10000"),
        ("Quantity", 2.5, "Input should be a multiple of 1"),
        ("Quantity", 0, "Input should be greater than or equal to 1"),
        ("Quantity", 101, "Input should be less than or equal to 100"),
        ("Discount", 1.01, "Input should be less than or equal to 1"),
        ("Category", 5, "Input should be a valid string"),
        ("Category", None, "Input should be a valid string"),
        ("Category", ["Books"], "Input should be a valid string"),
        ("Category", "x" * 201, "String should have at most 200 characters"),
        ("OrderMonth", 13, "Input should be less than or equal to 12"),
        ("OrderMonth", "June", "Input should be a valid integer"),
        ("OrderYear", 0, "Input should be greater than or equal to 1"),
        ("OrderYear", 2024.5, "Input should be a valid integer"),
        ("Quantity", 2.0000000001, "Input should be a multiple of 1"),
        ("Country", "", "Input should be a value, not a mark of none"),
        ("Country", "None", "Input should be a value, not a mark of none"),
    ],
)
def test_a_bad_value_is_refused_by_field(schema, field, value, message):
    assert refused(schema, {**PUBLISHED_ORDER, field: value}) == [(field, message)]


@pytest.mark.parametrize("value", ["monday", "Mond", 7, -1, None, 1.5])
def test_a_bad_day_of_the_week_is_refused(schema, value):
    [(field, message)] = refused(schema, {**PUBLISHED_ORDER, "OrderDayOfWeek": value})
    assert field == "OrderDayOfWeek"
    assert "'Monday'" in message


def test_a_whole_number_may_be_written_with_a_point(schema):
    given = matrix(schema, schema.one(json.dumps(PUBLISHED_ORDER)))
    dotted = {"Quantity": 2.0, "OrderYear": 2024.0, "OrderMonth": 6.0, "OrderDayOfWeek": 0.0}
    same = schema.one(json.dumps({**PUBLISHED_ORDER, **dotted}))
    assert matrix(schema, same).tobytes() == given.tobytes()
    assert matrix(schema, schema.many(json.dumps([{**PUBLISHED_ORDER, **dotted}]))).tobytes() == (
        given.tobytes()
    )


def test_a_mark_of_nothing_is_a_value_where_the_contract_names_it(contract, featurize_params):
    named = contract.columns["Country"].model_copy(update={"values": ("Canada", "NA")})
    changed = contract.model_copy(update={"columns": {**contract.columns, "Country": named}})
    schema = OrderSchema(fitted(make_orders(300), featurize_params, changed))
    assert schema.one(json.dumps({**PUBLISHED_ORDER, "Country": "NA"}))["Country"] == ["NA"]
    two = [PUBLISHED_ORDER, {**PUBLISHED_ORDER, "Country": "NA"}]
    assert schema.many(json.dumps(two))["Country"][1] == "NA"
    with pytest.raises(RequestError) as caught:
        schema.many(json.dumps([*two, {**PUBLISHED_ORDER, "Brand": "NA", "Quantity": 1.5}]))
    named = [tuple(found["loc"]) for found in caught.value.details]
    assert named == [("body", 2, "Brand"), ("body", 2, "Quantity")]


EDGES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0000-01-01"]


@pytest.mark.parametrize("value", EDGES)
def test_a_date_at_the_edge_of_time_is_a_bad_one_among_good_ones(schema, value):
    sent = [DATED, {**DATED, "OrderDate": value}, PUBLISHED_ORDER, {**DATED, "Brand": 1}]
    with pytest.raises(RequestError) as caught:
        schema.many(json.dumps(sent))
    assert [tuple(one["loc"]) for one in caught.value.details] == [
        ("body", 1, "OrderDate"),
        ("body", 3, "Brand"),
    ]
    with pytest.raises(RequestError) as caught:
        schema.many(json.dumps(sent[:3]))
    [fault] = caught.value.details
    assert fault["loc"] == ["body", 1, "OrderDate"]
    assert fault["msg"].startswith("Input should be a valid date")


def test_eight_digits_are_a_day(schema):
    digits = schema.one(json.dumps({**DATED, "OrderDate": "20240603"}))
    assert digits["OrderDate"] == np.array(["2024-06-03"], "datetime64[ms]")


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2024-13-01", "", 20240603, 1.7e9, None, "03.06.2024", "1717372800", *EDGES],
)
def test_a_bad_date_is_refused(schema, value):
    [(field, message)] = refused(schema, {**DATED, "OrderDate": value})
    assert field == "OrderDate"
    assert message.startswith("Input should be a valid date")


@pytest.mark.parametrize("field", [key for key in PUBLISHED_ORDER if not key.startswith("Order")])
def test_a_missing_field_is_named(schema, field):
    order = {key: value for key, value in PUBLISHED_ORDER.items() if key != field}
    assert refused(schema, order) == [(field, "Field required")]


def test_a_missing_part_of_the_date_is_named(schema):
    order = {key: value for key, value in PUBLISHED_ORDER.items() if key != "OrderMonth"}
    assert refused(schema, order) == [("OrderMonth", "Field required, or OrderDate in its place")]


@pytest.mark.parametrize("body", ["", "{", "[]", "5", "null", '"order"', "{}x", b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(schema, body):
    with pytest.raises(RequestError):
        schema.one(body)


def test_every_bad_field_of_every_row_is_named_at_once(schema):
    rows = [
        PUBLISHED_ORDER,
        {**PUBLISHED_ORDER, "Quantity": "2", "Tax": -1},
        WITHOUT_DATE,
        {**PUBLISHED_ORDER, "Brand": None},
    ]
    with pytest.raises(RequestError) as caught:
        schema.many(json.dumps(rows))
    named = [tuple(found["loc"]) for found in caught.value.details]
    assert named == [("body", 1, "Quantity"), ("body", 1, "Tax"), ("body", 3, "Brand")]
    with pytest.raises(RequestError) as caught:
        schema.many(json.dumps(rows[:1] + rows[2:3]))
    named = [tuple(found["loc"]) for found in caught.value.details]
    assert named == [("body", 1, f"Order{part}") for part in ("Year", "Month", "DayOfWeek")]


def test_what_training_never_saw_is_answered_with_a_warning(schema):
    strange = {**PUBLISHED_ORDER, "Brand": "Nobody", "Country": "Mars", "OrderYear": 2031}
    found = schema.warnings(schema.one(json.dumps(strange)))
    assert "Brand: 'Nobody' was not in the training data" in found
    assert "Country: 'Mars' was not in the training data" in found
    assert f"OrderYear: 2031 is outside 2020 to 2024, {UNSEEN}" in found


def test_what_training_saw_is_answered_without_one(schema):
    known = make_orders(1).astype({"OrderDate": str})
    order = json.loads(known.astype({"Quantity": float}).to_json(orient="records"))[0]
    assert schema.warnings(schema.one(json.dumps(order))) == []


def test_the_json_schema_tells_ranges_and_known_values(schema):
    properties = schema.json_schema()["properties"]
    assert properties["Quantity"]["type"] == "integer"
    assert (properties["Discount"]["minimum"], properties["Discount"]["maximum"]) == (0, 1)
    assert "Zenith" in properties["Brand"]["examples"]
    assert "OrderDate" in properties
    required = schema.json_schema()["required"]
    assert "OrderDate" not in required
    assert "OrderYear" not in required
    assert "UnitPrice" in required


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TotalAmount", "total_amount"),
        ("price", "price"),
        ("arr_delay", "arr_delay"),
        ("price in $", "price_in"),
        ("Größe (m²)", "größe_m²"),
    ],
)
def test_snake(name, expected):
    assert snake(name) == expected


@pytest.mark.parametrize(
    ("target", "added"),
    [
        (
            "TotalAmount",
            ("PredictedTotalAmount", "PredictedTotalAmountLow", "PredictedTotalAmountHigh"),
        ),
        ("price", ("predicted_price", "predicted_price_low", "predicted_price_high")),
    ],
)
def test_what_scoring_adds_to_a_file_is_named_in_the_targets_own_style(target, added):
    assert added_columns(target) == added
