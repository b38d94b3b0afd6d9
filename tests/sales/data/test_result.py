"""A query's rows: their types, their hash, what is said of their order, and what stops them."""

import datetime as dt
import hashlib
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data import database, result
from sales.data.query import SqlParams
from sales.data.result import Result
from sales.errors import PipelineError
from tests import postgres as servers


def put(url: str, name: str, table: pa.Table) -> None:
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(name, table, mode="replace")


def run(url: str, *statements: str) -> None:
    with database.writing(url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def taken(url: str, **asked: Any) -> tuple[pa.Table, Result]:
    found = Result(SqlParams(url=url, **asked))
    return pa.Table.from_batches(found.batches()), found


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def url(request, project) -> str:
    """Return the address of a database of each kind in which there is nothing yet."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").url
    return f"{request.param}:///shop.db"


TABLE = pa.table(
    {
        "id": pa.array([3, 1, 2], pa.int64()),
        "price": [2.5, None, 1e-3],
        "name": ['é,\n"x"', "", None],
    }
)


def test_every_database_gives_the_same_rows_in_the_same_types(url):
    put(url, "a", TABLE)
    found, seen = taken(url, table="a", order_by=["id"])
    assert found.equals(TABLE.take([1, 2, 0]))
    text = '1,,""\n2,0.001,\n3,2.5,"é,\n""x"""\n'
    head = "id: int64\nprice: double\nname: string\n"
    assert seen.record() == {
        "url": database.told(url),
        "statement": 'SELECT * FROM "a" ORDER BY "id"',
        "rows": 3,
        "ties": 0,
        "sha256": hashlib.sha256(f"{head}{text}".encode()).hexdigest(),
    }
    assert seen.doubts() == []


def test_no_order_and_rows_that_share_theirs_are_told(url):
    put(url, "a", pa.table({"a": [1, 1, 2, 1], "b": ["x", "y", None, "x"]}))
    assert [taken(url, table="a", order_by=by)[1].ties for by in (["a"], ["a", "b"])] == [2, 1]
    [line] = taken(url, table="a", order_by=["a", "b"])[1].doubts()
    assert line.startswith("ingest.sql.order_by (a, b) leaves 1 row(s) with the same values as")
    [line] = taken(url, table="a")[1].doubts()
    assert line.startswith("ingest.sql.order_by is empty: the rows came in an order that the")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"table": "nosuch"}, "nosuch"),
        ({"table": "a", "order_by": ["b"]}, "column .?b"),
        ({"query": "select a from a where a > 9"}, r"^ingest\.sql: query gives no rows$"),
        ({"query": "(delete from a returning *)"}, "syntax error"),
        (
            {"query": "with x as (delete from a returning *) select * from x"},
            "(syntax|data-mod|A CTE needs)",
        ),
        ({"query": "select a from a;; drop table a"}, "(syntax error|multiple commands)"),
    ],
)
def test_what_gives_no_rows_is_told_in_a_line_and_nothing_is_written(url, asked, message):
    put(url, "a", pa.table({"a": [1, 2, 3]}))
    with pytest.raises(PipelineError, match=message) as caught:
        taken(url, **asked)
    assert "\n" not in str(caught.value)
    assert taken(url, table="a")[0].num_rows == 3


def test_a_column_twice_is_told(postgres):
    with pytest.raises(PipelineError, match=r"the column 'a' stands there twice$"):
        taken(postgres.url, query="select 1 as a, 2 as a")


def test_postgresql_keeps_its_types(postgres, tmp_path):
    kinds = {
        "i": ("int2", "7", pa.int16(), 7),
        "f": ("float4", "1.5", pa.float32(), 1.5),
        "b": ("bool", "true", pa.bool_(), True),
        "n": ("numeric(12,2)", "12.50", pa.decimal128(12, 2), Decimal("12.50")),
        "w": ("numeric(50,3)", "0.125", pa.decimal256(50, 3), Decimal("0.125")),
        "s": ("numeric(3,-2)", "12345", pa.string(), "12300"),
        "x": ("numeric", "1e30", pa.string(), "1" + 30 * "0"),
        "d": ("date", "'2024-01-02'", pa.date32(), dt.date(2024, 1, 2)),
        "t": (
            *("timestamp", "'2024-01-02 03:04:05.000006'", pa.timestamp("us")),
            dt.datetime(2024, 1, 2, 3, 4, 5, 6),
        ),
        "z": (
            *("timestamptz", "'2024-01-02 03:04:05+02'", pa.timestamp("us", "UTC")),
            dt.datetime(2024, 1, 2, 1, 4, 5, tzinfo=dt.UTC),
        ),
        "u": (
            *("uuid", "'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'", pa.string()),
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
        "j": ("jsonb", "'{\"a\":1}'", pa.string(), '{"a": 1}'),
        "l": ("int[]", "'{1,2}'", None, [1, 2]),
        "e": ("mood", "'glad'", pa.string(), "glad"),
        "v": ("varchar(9)", "'é'", pa.string(), "é"),
    }
    columns = ", ".join(f"{name} {kind}" for name, (kind, *_) in kinds.items())
    values = ", ".join(value for _, value, *_ in kinds.values())
    nulls = ", ".join("null" for _ in kinds)
    run(
        postgres.url,
        "CREATE TYPE mood AS ENUM ('glad', 'sad')",
        f"CREATE TABLE kinds ({columns})",
        f"INSERT INTO kinds VALUES ({values}), ({nulls})",  # noqa: S608
    )
    found, _ = taken(postgres.url, table="public.kinds")
    pa.parquet.write_table(found, tmp_path / "a.parquet")
    kept = pa.parquet.read_table(tmp_path / "a.parquet")
    for name, (_, _, kind, value) in kinds.items():
        assert kept[name].to_pylist() == [value, None], name
        assert kind is None or kept.schema.field(name).type == kind, name


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("'NaN'::numeric(5,2)", r"the column 'a' holds what is no number .*CAST\(a AS DOUBLE PREC"),
        ("interval '1 day'", r"^ingest\.sql: Parquet holds no column like 'a' .*CAST\(a AS TEXT\)"),
        ("1 / (g - 1)", "after 0 rows: division by zero$"),
    ],
)
def test_what_parquet_cannot_hold_and_what_fails_on_the_way_is_told(postgres, column, message):
    with pytest.raises(PipelineError, match=message):
        taken(postgres.url, query=f"select {column} as a from generate_series(0, 1) g")  # noqa: S608


def test_a_transaction_that_may_only_read_cannot_be_made_to_write(postgres):
    put(postgres.url, "kept", pa.table({"a": [1]}))
    run(
        postgres.url,
        "CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'delete from kept; select 1'",
    )
    for query in ("select sneak()", "select set_config('transaction_read_only', 'off', false)"):
        with pytest.raises(PipelineError, match=r"read-only|read-write mode must be set before"):
            taken(postgres.url, query=query)
    assert taken(postgres.url, table="kept")[0].num_rows == 1


def test_a_column_of_sqlite_is_what_all_its_cells_are(project):
    """The kinds of the first cells, even of 70,000, are not those of all."""
    run(
        "sqlite:///shop.db",
        "CREATE TABLE a (id INTEGER, whole, price DECIMAL(10, 2), late TEXT, mixed, raw, never)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000) "
        "INSERT INTO a SELECT i, i, i, NULL, i, NULL, NULL FROM n",
        "INSERT INTO a VALUES (70001, 2, 0.5, 'x', 'y', x'00ff', NULL)",
    )
    found, seen = taken("sqlite:///shop.db", table="a", order_by=["id"])
    assert [str(kind) for kind in found.schema.types] == [
        *("int64", "int64", "double", "string", "string", "binary", "int64"),
    ]
    assert (found.num_rows, seen.rows, seen.ties) == (70_001, 70_001, 0)
    assert found["id"].to_pylist() == [*range(1, 70_002)]
    ends = found.take([0, 70_000]).to_pylist()
    assert [*ends[0].values()] == [1, 1, 1.0, None, "1", None, None]
    assert [*ends[1].values()] == [70_001, 2, 0.5, "x", "y", b"\0\xff", None]


def test_a_wrong_password_a_missing_one_and_a_lost_server_are_told(postgres, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(PipelineError, match=r'password authentication failed for user "ann"$'):
        taken(postgres.url, table="a")
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    with pytest.raises(PipelineError, match="no password supplied: set PGPASSWORD in the environm"):
        taken(postgres.url, table="a")


@pytest.mark.parametrize("after", [10, 4_000, 20_000_000])
def test_a_line_that_is_cut_is_told_wherever_it_was_cut(postgres, after):
    query = "select g as id, repeat('x', 200) as t from generate_series(1, 200000) g"
    with servers.cut(postgres.port, after) as port:
        with pytest.raises(PipelineError, match="server closed the connection") as caught:
            taken(postgres.at(port), query=query, order_by=["id"])
        assert "\n" not in str(caught.value)
    assert ("after " in str(caught.value)) == (after > 1e6)


def test_rows_come_batch_by_batch(postgres):
    """The first is here while the server still makes the others."""
    query = "select g as id, repeat('x', 1000) as t from generate_series(1, 100000) g"
    found = Result(SqlParams(url=postgres.url, query=query)).batches()
    first = next(found)
    assert first.nbytes < 40_000_000
    assert first.num_rows + sum(batch.num_rows for batch in found) == 100_000


KINDS = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.string(), st.text(max_size=5)),
    (pa.binary(), st.binary(max_size=3)),
    (pa.date32(), st.dates()),
    (pa.list_(pa.int64()), st.lists(st.integers(0, 9), max_size=2)),
    (pa.dictionary(pa.int32(), pa.string()), st.text(max_size=2)),
]


@given(st.data())
def test_the_hash_does_not_know_the_batches_and_knows_every_cell(data):
    kind, values = data.draw(st.sampled_from(KINDS))
    column = data.draw(st.lists(st.none() | values, min_size=2, max_size=9))
    cut = data.draw(st.integers(0, len(column)))
    whole = pa.record_batch({"a": pa.array(column, kind)})
    texts = [result._text(part) for part in (whole, whole[:cut], whole[cut:])]
    assert texts[0] == texts[1] + texts[2]
    at = data.draw(st.integers(0, len(column) - 1))
    other = data.draw(st.none() | values)
    changed = [*column[:at], other, *column[at + 1 :]]
    again = result._text(pa.record_batch({"a": pa.array(changed, kind)}))
    assert (again == texts[0]) == (pa.array(changed, kind).to_pylist() == whole["a"].to_pylist())


@given(st.lists(st.tuples(st.sampled_from([0, 1, None]), st.sampled_from(["x", None]))))
def test_ties_are_rows_like_the_one_before(rows):
    expected = sum(a == b for a, b in pairwise(rows))
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    found, last = 0, None
    for start in range(0, len(rows), 3):
        cells = [dict(zip("ab", row, strict=True)) for row in rows[start : start + 3]]
        batch = pa.RecordBatch.from_pylist(cells, schema)
        found += result._ties(batch, last)
        last = batch.slice(batch.num_rows - 1)
    assert found == expected
