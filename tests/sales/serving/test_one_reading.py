"""A row means the same as JSON, in a CSV file and in a Parquet file: taken or refused alike."""

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sales.contract import Column
from sales.contract.holes import MISSING
from sales.serving import upload
from sales.serving.fields import DAYS
from sales.serving.request import OrderSchema, RequestError
from tests.examples import fitted, make_orders

PARTS = ("OrderYear", "OrderMonth", "OrderDayOfWeek")
DATE = ("OrderDate", *PARTS)


@pytest.fixture(scope="module")
def schema(featurize_params, contract):
    named = contract.columns["Country"].model_copy(update={"values": ("Canada", "NA", "India")})
    free = Column(role="numeric", integer=True)
    columns = {**contract.columns, "Country": named, "ShippingCost": free}
    changed = contract.model_copy(update={"columns": columns})
    orders = make_orders(300)
    return OrderSchema(fitted(orders, featurize_params, changed))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
CATEGORY = st.one_of(
    st.sampled_from(["Books", "Canada", "Apex", "Müller", *sorted(MISSING), " NA", "na", "5"]),
    st.sampled_from(["é" * 200, "é" * 201]),
    TEXT,
)
NUMBER = st.one_of(
    st.sampled_from([0, 1, 2, 50, 100, 101, -1, 2.0, 2.5, 2.0000000001, 0.01, 1e-9, 2**53]),
    st.sampled_from([2**53 + 2, -(2**53) - 2, 2**62, 1e300, -0.0, 5e-324]),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
)
DAY = st.one_of(
    st.sampled_from(["20240603", "2024-06-03", "2024-06-03T23:59:59Z", "1717372800", "soon", "NA"]),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-02-30"]),
    st.sampled_from(
        [" 2024-06-03 ", "2024-06-03t01:00+02", "2024-06-03 1", "1969-12-31T23:59:59.9999"]
    ),
    st.datetimes().map(lambda at: at.isoformat()),
    TEXT.filter(bool),  # an empty cell of a file is a key that is left out of JSON
)
PART = {
    "OrderYear": st.sampled_from([2024, 2024.0, 2021, 0, 9999, 10_000, 2024.5]),
    "OrderMonth": st.sampled_from([6, 6.0, 12, 13, 0]),
    "OrderDayOfWeek": st.one_of(st.sampled_from([0, 6, 7, -1, "Someday"]), st.sampled_from(DAYS)),
}


@st.composite
def rows(draw, schema):
    """Return a row of good values, of which a few are others, and what is left out."""
    row = dict(zip(schema.featuriser.fields, [None] * 99, strict=False))
    good = make_orders(1, draw(st.integers(0, 99)))
    for name, column in schema.featuriser.fields.items():
        value = good[name].iloc[0]
        row[name] = str(value)[:10] if column.role == "date" else value
        if column.role == "numeric":
            row[name] = round(float(value))
    row |= {"OrderYear": 2024, "OrderMonth": 6, "OrderDayOfWeek": "Monday", "UnitPrice": 9.99}
    row["OrderDate"] = "2024-06-03"
    for name in draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
        column = schema.featuriser.fields.get(name)
        kinds = {"categorical": CATEGORY, "date": DAY, "numeric": NUMBER}
        row[name] = draw(PART[name] if column is None else kinds[column.role])
    absent = [
        *draw(st.sampled_from([(), ("OrderDate",), PARTS, PARTS[:1], ("OrderDate", "OrderMonth")])),
        *draw(st.sampled_from([(), (), (), ("Tax",), ("Brand",)])),
    ]
    return {name: value for name, value in row.items() if name not in absent}


def outcome(schema, read) -> Any:
    """Return the features and warnings of a row, or the fields for which it is refused."""
    try:
        orders = read()
    except RequestError as error:
        fields = {one["loc"][-1] for one in error.details}
        # Whether date and parts agree, JSON says once each field is good by itself.
        return sorted(fields.difference(DATE)) or ["the date"]
    warnings = sorted(upload.warnings(orders, schema))
    return schema.featuriser.transform(orders).tobytes(), warnings


def in_csv(names, row):
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(names)
    writer.writerow([row.get(name) for name in names])
    return sink.getvalue().encode()


def in_parquet(names, row, stored):
    columns = {}
    for name in names:
        value = row.get(name)
        kind = pa.string() if isinstance(value, str | None) else None
        if isinstance(value, int) and not isinstance(value, bool):
            kind = pa.int64() if abs(value) < 2**63 else pa.float64()
        array = pa.array([value], kind)
        columns[name] = array.cast(stored) if isinstance(value, str) and stored else array
    sink = io.BytesIO()
    pa.parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()


def of_file(schema, body):
    table, numbers = upload.filled(upload.read(body, 10))
    return upload.orders(table, schema.featuriser.fields, schema.parts, numbers)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), stored=st.sampled_from([None, pa.large_string(), pa.binary()]))
def test_a_row_is_read_the_same_as_json_as_csv_and_as_parquet(schema, data, stored):
    row = data.draw(rows(schema))
    names = [*schema.featuriser.fields, *schema.parts]
    body = json.dumps(row)
    expected = outcome(schema, lambda: schema.one(body))
    assert outcome(schema, lambda: schema.many(f"[{body}]")) == expected
    assert outcome(schema, lambda: of_file(schema, in_csv(names, row))) == expected
    assert outcome(schema, lambda: of_file(schema, in_parquet(names, row, stored))) == expected


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("OrderDate", "20240603", True),
        ("OrderDate", "0001-01-01T00:00:00+14:00", False),
        ("OrderDate", "9999-12-31T23:59:59-14:00", False),
        ("Quantity", 2.0000000001, False),
        ("Quantity", 2.0, True),
        ("ShippingCost", 2**53 + 2, False),
        ("Country", "NA", True),
        ("Brand", "NA", False),
        ("OrderYear", 2021, False),
        ("OrderDayOfWeek", "Monday", True),
    ],
)
def test_what_it_is_about_is_among_the_rows_that_are_tried(schema, field, value, taken):
    row: dict[str, Any] = dict.fromkeys(schema.featuriser.fields, 1)
    row |= dict.fromkeys(schema.featuriser.levels, "Canada")
    row |= {"OrderDate": "2024-06-03", "UnitPrice": 9.99, field: value}
    names = [*schema.featuriser.fields, *schema.parts]
    ways = (
        lambda: schema.one(json.dumps(row)),
        lambda: of_file(schema, in_csv(names, row)),
        lambda: of_file(schema, in_parquet(names, row, None)),
    )
    for way in ways:
        found = outcome(schema, way)
        assert (type(found) is tuple) is taken
        assert taken or found == ["the date" if field in DATE else field]
