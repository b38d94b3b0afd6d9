"""Files sent to the service: read, checked to the last row, and given back whole."""

import csv
import errno
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.data import incoming
from sales.serving import given_back, upload
from sales.serving.fields import DAYS
from sales.serving.ranges import UNSEEN
from sales.serving.request import OrderSchema, RequestError
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
        ("ä,ö\nü,é\n".encode() + b"\xe4,1\n", "the CSV file: line 3: the byte 0xe4 is not utf-8; "),
        (b"PAR1 and then nothing", "Parquet"),
        (make_orders(5).to_parquet()[:-30], "Parquet"),
        (b"\x00\x01\x02", "the CSV file: not text; save it as CSV, in UTF-8"),
        (b"ARROW1\0\0 and then nothing", "the Feather file: not a Feather file, or broken: "),
        (b'{"a": 1}\n{', "the file of JSON lines: line 2: expected a JSON object: "),
        (
            b"\xd0\xcf\x11\xe0",
            "the CSV file: not CSV, but an old workbook (.xls), or one with a pass",
        ),
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
    body = given_back.scored(
        table, {"PredictedTotalAmount": prices}, "parquet" if parquet else "csv"
    )
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
    [brand, *others] = upload.warnings(found, schema)
    assert brand == "Brand: 'Nobody' was not in the training data"
    assert all(UNSEEN in warning for warning in others)


def test_a_category_that_no_row_has_is_not_warned_of(schema):
    """As where a page sends a long file in pieces, each with all categories of the whole."""
    orders = make_orders(40)
    orders["Brand"] = orders["Brand"].cat.add_categories(["Nobody"])
    found = orders_of(upload.read(as_parquet(orders), MOST), schema)
    assert not [text for text in upload.warnings(found, schema) if text.startswith("Brand")]


def test_cells_that_nobody_reads_come_back_as_they_were_sent(schema):
    marks = ["NA", "None", "null", "nan", "N/A", "", "00042", "1e3", " x "]
    orders = make_orders(len(marks))
    text = orders.to_csv(index=False).splitlines()
    lines = [f"{text[0]},Remark", *(f"{a},{b}" for a, b in zip(text[1:], marks, strict=True))]
    table = upload.read("\n".join(lines).encode(), MOST)
    orders_of(table, schema)
    back = given_back.scored(table, {}, "csv").decode()
    assert [line["Remark"] for line in csv.DictReader(io.StringIO(back))] == marks


def test_a_mark_of_nothing_is_a_value_where_the_contract_names_it(schema):
    fields = {**schema.featuriser.fields}
    fields["Country"] = fields["Country"].model_copy(update={"values": ("NA", "Canada")})
    orders = make_orders(3).assign(Country=["NA", "None", "Canada"], Brand=["NA", "Apex", "Apex"])
    for body in (as_csv(orders), as_parquet(orders)):
        with pytest.raises(RequestError) as caught:
            upload.orders(upload.read(body, MOST), fields, schema.parts)
        named = [(one["loc"][1], one["msg"], one["rows"]) for one in caught.value.details]
        assert named == [("Brand", "missing", [1]), ("Country", "missing", [2])]


def test_the_header_is_where_the_parser_finds_it(schema):
    orders = make_orders(10, seed=3)
    expected = schema.featuriser.transform(orders)
    named = orders.assign(x="a").rename(columns={"x": "Remark\n(free)"})
    body = b"\n\r\n" + named.to_csv(index=False).encode()
    assert upload.read(body, MOST).column_names == list(named.columns)
    assert matrix(schema, body).tobytes() == expected.tobytes()


@pytest.mark.parametrize("written", [as_csv, as_parquet])
def test_rows_without_any_cell_are_skipped_and_the_others_keep_their_numbers(schema, written):
    orders = make_orders(6).astype(object)
    orders.loc[[1, 4, 5]] = None
    orders.loc[3, "Tax"] = -1.0
    dated = orders.assign(OrderDate=pd.to_datetime(orders["OrderDate"]))
    whole = upload.read(written(dated), MOST)
    table, numbers = upload.filled(whole)
    assert numbers.tolist() == [1, 3, 4]
    assert upload.skipped(whole, table) == ["rows without any cell, which were skipped: 3"]
    with pytest.raises(RequestError) as caught:
        upload.orders(table, schema.featuriser.fields, schema.parts, numbers)
    assert [one["rows"] for one in caught.value.details] == [[4]]
    assert upload.skipped(table, table) == []
    with pytest.raises(RequestError, match="no row of the file holds any cell"):
        upload.filled(whole.slice(4))


@pytest.mark.parametrize("raw", [[["Apex"]] * 5, [{"a": 1}] * 5], ids=["lists", "structs"])
@pytest.mark.parametrize("name", ["Brand", "UnitPrice", "OrderDate"])
def test_a_column_that_holds_no_single_values_is_named(schema, name, raw):
    table = pa.Table.from_pandas(make_orders(5)).drop_columns([name])
    [(where, said, rows)] = refused(schema, parquet_of(table.append_column(name, pa.array(raw))))
    assert (where, rows) == (name, None)
    assert said.startswith("holds lists or structs, not single values (")


def parquet_of(table):
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    return sink.getvalue()


def test_what_is_no_utf_8_is_named_by_row_and_a_repeated_column_as_such(schema):
    table = pa.Table.from_pandas(make_orders(3)).drop_columns(["Brand"])
    brands = pa.array([b"Apex", b"\xe9", b"Zenith"])
    assert refused(schema, parquet_of(table.append_column("Brand", brands))) == [
        ("Brand", "not text", [2])
    ]
    twice = parquet_of(table.append_column("Tax", table["Tax"]))
    assert refused(schema, twice) == [
        ("", "the Parquet file: the column 'Tax' stands there twice", None)
    ]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.dictionary(pa.int8(), pa.string()),
    ],
    ids=str,
)
def test_dates_numbers_and_categories_are_taken_however_they_are_stored(schema, kind):
    orders = make_orders(20)
    expected = schema.featuriser.transform(orders)
    table = pa.Table.from_pandas(orders)
    for name in ("OrderDate", "UnitPrice", "Quantity", "Brand"):
        text = pa.array(orders[name].astype(str)).cast(pa.string())
        stored = text.dictionary_encode() if pa.types.is_dictionary(kind) else text.cast(kind)
        table = table.drop_columns([name]).append_column(name, stored)
    assert matrix(schema, parquet_of(table)).tobytes() == expected.tobytes()


@pytest.mark.parametrize("day", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_date_at_the_edge_of_time_is_a_bad_cell(schema, day):
    orders = make_orders(4).astype({"OrderDate": str})
    orders.loc[2, "OrderDate"] = day
    for body in (as_csv(orders), as_parquet(orders)):
        assert refused(schema, body) == [("OrderDate", "not a date", [3])]


def test_parts_beside_the_date_must_say_the_same(schema):
    orders = make_orders(6)
    both = split_date(orders).assign(OrderDate=orders["OrderDate"]).astype({"OrderMonth": object})
    expected = schema.featuriser.transform(orders)
    for written in (as_csv, as_parquet):
        assert matrix(schema, written(both.astype({"OrderMonth": float}))).tobytes() == (
            expected.tobytes()
        )
    both.loc[1, "OrderYear"] += 1
    both.loc[2, "OrderMonth"] = "June"
    both.loc[3, "OrderMonth"] = None
    assert refused(schema, as_csv(both)) == [
        ("OrderYear", "not what OrderDate says", [2]),
        ("OrderMonth", "not a month", [3]),
    ]


def test_parts_stand_in_for_a_date_that_a_row_lacks(schema):
    orders = make_orders(6)
    both = split_date(orders).assign(OrderDate=orders["OrderDate"])
    both.loc[[1, 2], "OrderDate"] = pd.NaT
    expected = schema.featuriser.transform(orders)
    for written in (as_csv, as_parquet):
        assert matrix(schema, written(both)).tobytes() == expected.tobytes()
    both = both.astype({"OrderYear": object})
    both.loc[2, "OrderYear"] = None
    assert refused(schema, as_csv(both)) == [("OrderDate", "missing", [3])]


def test_a_category_may_not_be_longer_than_in_json(schema):
    orders = make_orders(3).assign(Brand=["x" * 200, "é" * 201, "Apex"])
    for body in (as_csv(orders), as_parquet(orders)):
        assert refused(schema, body) == [("Brand", "longer than 200 characters", [2])]


@pytest.mark.parametrize(
    "fault", [pa.ArrowMemoryError("realloc of size 9 failed"), OSError(errno.ENOSPC, "full")]
)
def test_what_the_machine_is_short_of_is_not_the_files_fault(orders, monkeypatch, fault):
    def short(*_):
        raise fault

    monkeypatch.setattr(Path, "write_bytes", short)
    with pytest.raises(type(fault)):
        upload.read(as_csv(orders), MOST)


def test_the_columns_that_are_asked_for_are_looked_at_before_others_are_unpacked(monkeypatch):
    orders = make_orders(5).assign(Remark="long")
    unpacked, seen = [], []
    read = incoming.read

    def noted(path, *rest, columns=None):
        unpacked.append(columns)
        return read(path, *rest, columns=columns)

    monkeypatch.setattr(incoming, "read", noted)
    asked = ["Tax", "Brand", "Nowhere"]
    whole = upload.read(as_parquet(orders), MOST, asked, seen.append)
    others = [name for name in orders.columns if name not in asked]
    first = [name for name in orders.columns if name in asked]
    assert unpacked == [first, others]
    assert seen[0].column_names == first
    monkeypatch.undo()
    assert whole.equals(upload.read(as_parquet(orders), MOST), check_metadata=True)


def test_what_is_wrong_with_them_is_told_without_the_others(monkeypatch):
    def refuse(_):
        raise RequestError([])

    unpacked = []
    read = incoming.read
    monkeypatch.setattr(
        incoming,
        "read",
        lambda path, *rest, columns=None: (
            unpacked.extend(columns or ["all"]) or read(path, *rest, columns=columns)
        ),
    )
    with pytest.raises(RequestError):
        upload.read(as_parquet(make_orders(5)), MOST, ["Tax"], refuse)
    assert unpacked == ["Tax"]
