"""The ingest stage on a database: the same orders as from a file, on either engine, or none."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.data import database
from sales.errors import PipelineError
from stages import ingest, prepare
from tests import postgres as servers
from tests.examples import make_orders, run_alone, set_params

RAW = Path("data/raw")


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def url(request, project) -> str:
    """Return the address of a database that holds 300 orders, in no order."""
    if request.param == "postgresql":
        found = request.getfixturevalue("postgres").url
    else:
        found = f"{request.param}:///shop.db"
    fill(found)
    set_params({"ingest.source": "sql", "ingest.sql.url": found})
    set_params({"ingest.sql.table": "orders", "ingest.sql.order_by": ["OrderID"]})
    return found


def fill(url: str, rows: int = 300) -> None:
    orders = make_orders(rows).sample(frac=1, random_state=1)
    table = pa.Table.from_pandas(orders, preserve_index=False)
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("orders", table, mode="replace")


def prepared() -> dict:
    prepare.main()
    return json.loads(Path("metrics/data.json").read_text())


def test_the_orders_are_those_of_a_csv_to_the_last_bit(url, capsys):
    ingest.main()
    assert capsys.readouterr().out == "sql: 300 rows in 1 table(s)\n"
    assert sorted(path.name for path in RAW.iterdir()) == ["orders.parquet", "query.json"]
    told = prepared()
    record = json.loads((RAW / "query.json").read_text())
    assert told.pop("sql") == record
    assert record["statement"] == 'SELECT * FROM "orders" ORDER BY "OrderID"'
    assert (record["url"], record["rows"]) == (database.told(url), 300)
    make_orders(300).to_csv("data/incoming/orders.csv", index=False)
    set_params({"ingest.source": "files", "ingest.sql.url": None})
    ingest.main()
    again = prepared()
    [file] = again.pop("files")
    assert (file["name"], file["rows"]) == ("orders.csv", 300)
    assert again == told


def test_types_are_kept_and_a_decimal_is_the_number_that_a_csv_says(postgres, project):
    fill(postgres.url)
    query = 'SELECT *, "UnitPrice"::numeric(12, 2) AS exact FROM orders'
    query = query.replace("SELECT *", 'SELECT "OrderID", "OrderDate"::date')
    set_params({"ingest.source": "sql", "ingest.sql.url": postgres.url})
    set_params({"ingest.sql.query": query, "ingest.sql.order_by": ["OrderID"]})
    ingest.main()
    schema = pa.parquet.read_schema(RAW / "query.parquet")
    assert schema.types == [pa.string(), pa.date32(), pa.decimal128(12, 2)]


def test_a_second_reading_gives_the_same_bytes_and_another_row_another_hash(url):
    ingest.main()
    before = {path.name: path.read_bytes() for path in RAW.iterdir()}
    ingest.main()
    assert {path.name: path.read_bytes() for path in RAW.iterdir()} == before
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.execute("""UPDATE orders SET "Tax" = 1 WHERE "OrderID" = 'ORD0000007'""")
    ingest.main()
    assert (RAW / "query.json").read_bytes() != before["query.json"]


def test_a_row_that_is_bad_stands_in_the_quarantine_under_the_tables_name(url):
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.execute("""UPDATE orders SET "Tax" = -1 WHERE "OrderID" = 'ORD0000007'""")
    ingest.main()
    set_params({"prepare.max_rejected_pct": 5})
    assert prepared()["rows_quarantined"] == 1
    lines = Path("data/prepared/quarantine.csv").read_text().splitlines()
    assert lines[1].startswith("orders,7,Tax,-1")


def test_rows_without_an_order_are_told(url, capsys):
    set_params({"ingest.sql.order_by": []})
    ingest.main()
    assert "ingest.sql.order_by is empty" in capsys.readouterr().out
    set_params({"ingest.sql.order_by": ["Brand", "City"]})
    ingest.main()
    assert "ingest.sql.order_by (Brand, City) leaves 29" in capsys.readouterr().out


def test_on_a_cluster_the_same_rows_lie_in_pieces(on_dask, postgres):
    fill(postgres.url)
    set_params({"ingest.source": "sql", "ingest.sql.url": postgres.url})
    set_params({"ingest.sql.table": "orders", "ingest.sql.order_by": ["OrderID"]})
    tables = []
    for engine in ("local", "dask"):
        set_params({"run.engine": engine, "run.partition_rows": 100})
        ingest.main()
        record = json.loads((RAW / "query.json").read_text())
        tables.append((pa.parquet.read_table(RAW / "orders.parquet"), record))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1] == tables[1][1]
    assert len([*(RAW / "orders.parquet").iterdir()]) == 3


@pytest.mark.parametrize("after", [2_000_000, 10])
def test_a_line_that_is_lost_half_way_leaves_the_rows_of_the_run_before(postgres, project, after):
    fill(postgres.url)
    set_params({"ingest.source": "sql", "ingest.sql.url": postgres.url})
    set_params({"ingest.sql.table": "orders", "ingest.sql.order_by": ["OrderID"]})
    ingest.main()
    before = {path.name: path.read_bytes() for path in RAW.iterdir()}
    query = "SELECT a.* FROM orders a, generate_series(1, 300)"
    set_params({"ingest.sql.table": None, "ingest.sql.query": query})
    with servers.cut(postgres.port, after) as port:
        set_params({"ingest.sql.url": postgres.at(port)})
        with pytest.raises(PipelineError, match="server closed the connection unexpectedly"):
            ingest.main()
    assert {path.name: path.read_bytes() for path in RAW.iterdir()} == before
    assert sorted(path.name for path in Path("data").iterdir()) == ["incoming", "raw"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ingest.sql.table": None}, r"^params\.yaml: ingest\.sql: name a table or a query"),
        ({"ingest.sql.query": "DELETE FROM orders"}, "name a table or a query, not both"),
        ({"ingest.sql.url": None}, r"ingest\.sql\.url is empty"),
        ({"ingest.sql.url": "postgresql://ann:sesame@db/shop"}, r"ingest\.sql\.url holds a passw"),
        ({"ingest.source": "synthetic"}, r"^ingest\.sql\.url is sqlite:///shop\.db, but ingest\.s"),
        ({"ingest.source": "files"}, r"but ingest\.source is files: set it to sql"),
        ({"ingest.address": "s3://a"}, r"^ingest\.address is s3://a, but ingest\.source is sql"),
    ],
)
def test_what_params_yaml_says_must_be_one_thing(project, changes, message):
    fill("sqlite:///shop.db")
    set_params({"ingest.source": "sql", "ingest.sql.url": "sqlite:///shop.db"})
    set_params({"ingest.sql.table": "orders", **changes})
    with pytest.raises(PipelineError, match=message):
        ingest.main()
    assert not RAW.exists()


def test_a_file_that_was_dropped_is_never_left_aside_in_silence(project):
    Path("data/incoming/a.csv").write_text("a\n1\n")
    set_params({"ingest.source": "sql", "ingest.sql.url": "sqlite:///shop.db"})
    with pytest.raises(
        PipelineError, match=r"^data/incoming holds a\.csv, but ingest\.source is s"
    ):
        ingest.main()


def test_whoever_has_files_imports_no_driver(project):
    make_orders(50).to_csv("data/incoming/a.csv", index=False)
    set_params({"ingest.source": "files"})
    drivers = ("adbc_driver_manager", "adbc_driver_postgresql", "duckdb", "sqlite3", "sqlalchemy")
    printed, imported = run_alone("from stages import ingest; ingest.main()", *drivers)
    assert printed == ["files: 50 rows in 1 table(s)"]
    assert imported == []
