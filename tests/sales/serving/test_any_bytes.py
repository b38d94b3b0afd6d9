"""Whatever is sent is answered or refused: no bytes raise anything but RequestError."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sales.contract.holes import MISSING
from sales.data.reading import formats
from sales.serving import given_back, upload
from sales.serving.request import OrderSchema, RequestError
from tests.examples import PUBLISHED_ORDER, fitted, make_orders

ORDERS = make_orders(5)
CSV = ORDERS.to_csv(index=False).encode()
PARQUET = ORDERS.to_parquet(index=False)
BODY = json.dumps([PUBLISHED_ORDER, {**PUBLISHED_ORDER, "OrderDate": "2024-06-03"}]).encode()
TRIED = settings(deadline=None, max_examples=150, suppress_health_check=[*HealthCheck])


@pytest.fixture(scope="module")
def schema(featurize_params, contract):
    return OrderSchema(fitted(make_orders(300), featurize_params, contract))


def answer(schema, body):
    """Do with a file what the service does, but for the prediction."""
    try:
        whole = upload.read(body, 1000)
        table, numbers = upload.filled(whole)
        orders = upload.orders(table, schema.featuriser.fields, schema.parts, numbers)
    except RequestError as error:
        json.dumps(error.details)
        return
    upload.warnings(orders, schema)
    assert np.shape(schema.featuriser.transform(orders))[0] == table.num_rows
    added = {"PredictedTotalAmount": np.zeros(table.num_rows)}
    given_back.scored(table, added, formats.of_bytes(body).kind)


@st.composite
def spoilt(draw, body):
    """Return a body with some bytes changed, put in or cut out."""
    found = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(found)))
        end = start + draw(st.sampled_from([0, 1, 1, 2, 8, 1000]))
        found[start:end] = draw(st.one_of(st.binary(max_size=4), st.sampled_from(TOKENS)))
    return bytes(found)


TOKENS = [b"", b"\n", b"\n\n", b",", b'"', b"\0", b"\xff", b"\xef\xbb\xbf", b"NA", b"\r", b"1e999"]


@TRIED
@given(body=st.one_of(st.binary(max_size=64), spoilt(CSV), spoilt(CSV), spoilt(PARQUET)))
def test_any_file(schema, body):
    answer(schema, body)


@TRIED
@given(body=st.binary(max_size=200).map(lambda some: b"PAR1" + some + b"PAR1"))
def test_what_only_looks_like_parquet(schema, body):
    answer(schema, body)


CELL = st.one_of(
    st.sampled_from(["", *sorted(MISSING), "1", "2.5", "Apex", "2024-06-03", "9999-12-31T23Z-1"]),
    st.text(max_size=6),
)


@TRIED
@given(
    cells=st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from([*ORDERS.columns]), CELL), max_size=20
    )
)
def test_any_cells(schema, cells):
    table = ORDERS.astype(str)
    for row, column, cell in cells:
        table.loc[row, column] = cell
    answer(schema, table.to_csv(index=False).encode("utf-8", "replace"))
    answer(schema, table.map(lambda text: text.encode("utf-8", "replace")).to_parquet(index=False))


BYTES = st.binary(max_size=5)
SMALL = st.integers(-(2**31), 2**31 - 1)
COLUMNS = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    pa.large_string(): st.sampled_from(["Apex", "NA", "2024-06-03"]),
    pa.string_view(): st.sampled_from(["Apex", "NA", "2"]),
    pa.binary(): BYTES,
    pa.large_binary(): BYTES,
    pa.binary_view(): BYTES,
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.bool_(): st.booleans(),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(),
    pa.float16(): st.just(np.float16(1.5)),
    pa.date32(): SMALL,
    pa.timestamp("s"): st.integers(-(2**50), 2**50),
    pa.timestamp("ms"): st.integers(-(2**63), 2**63 - 1),
    pa.timestamp("us", "Asia/Tokyo"): st.integers(-(2**63), 2**63 - 1),
    pa.timestamp("ns"): st.integers(-(2**63), 2**63 - 1),
    pa.time32("s"): st.integers(0, 86_399),
    pa.duration("s"): SMALL,
    pa.decimal128(10, 2): st.just(None),
    pa.null(): st.none(),
    pa.list_(pa.int64()): st.lists(SMALL, max_size=2),
    pa.struct({"a": pa.int64()}): st.just({"a": 1}),
    pa.map_(pa.string(), pa.int64()): st.just([("a", 1)]),
    pa.dictionary(pa.int8(), pa.string()): st.sampled_from(["Apex", "NA", "2"]),
}


@TRIED
@given(data=st.data())
def test_any_kind_of_column(schema, data):
    table = pa.Table.from_pandas(ORDERS)
    for name in data.draw(st.lists(st.sampled_from(table.column_names), min_size=1, max_size=4)):
        kind = data.draw(st.sampled_from([*COLUMNS]))
        cells = data.draw(st.lists(st.none() | COLUMNS[kind], min_size=5, max_size=5))
        column = pa.array(cells, kind)
        if table.column_names.count(name) == 1 and data.draw(st.integers(0, 9)):
            table = table.drop_columns([name])
        place = data.draw(st.sampled_from([0, table.num_columns]))
        table = table.add_column(place, name, column)
    sink = io.BytesIO()
    try:
        pa.parquet.write_table(table, sink)
    except (pa.ArrowException, ValueError):
        assume(False)
    answer(schema, sink.getvalue())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["Monday", "2024-06-03", "0001-01-01T00:00:00+14:00", "20240603", 1e308]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@TRIED
@given(
    body=st.one_of(st.binary(max_size=64), spoilt(BODY), spoilt(BODY[1:-1]), JSON.map(json.dumps)),
    changes=st.dictionaries(st.sampled_from([*PUBLISHED_ORDER, "OrderDate"]), JSON, max_size=3),
)
def test_any_json(schema, body, changes):
    order = json.dumps({**PUBLISHED_ORDER, **changes})
    for sent in (body, order, f"[{order}, {json.dumps(PUBLISHED_ORDER)}]"):
        for read in (schema.one, schema.many):
            try:
                orders = read(sent)
            except RequestError as error:
                json.dumps(error.details)
                continue
            schema.warnings(orders)
            schema.featuriser.transform(orders)
