"""A database's address: what is taken, what is refused, and what is never told."""

import sys

import pyarrow as pa
import pytest

from sales.data import database
from sales.errors import PipelineError


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:sesame@db/shop",
        "postgresql://ann:@db/shop",
        "postgres://ann:ses%61me@[::1]:5433/shop?sslmode=require",
        "postgresql://ann:ses/sesame@db/shop",
        "postgresql://ann:ses#sesame@db/shop",
        "postgresql://ann:ses?sesame@db/shop",
        "postgresql://ann@db/shop?password=sesame",
        "postgresql://ann@db/shop?sslmode=require&sslpassword=sesame",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(url):
    with pytest.raises(PipelineError, match=r"^here holds a password: take it out, set PGPASSWORD"):
        database.refuse_password(url, "here")
    with pytest.raises(PipelineError) as caught:
        database.refuse_password(url, "here")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql:///", "postgresql://ann@a:1,b:2/shop", "sqlite:///a@b"]
)
def test_an_address_without_one_is_not(url):
    database.refuse_password(url, "here")


def test_what_is_no_address_is_told():
    with pytest.raises(PipelineError, match=r"^here is no address: postgresql://user@host"):
        database.refuse_password("postgresql://[::1/shop", "here")


def test_an_address_is_told_without_the_user_and_its_settings():
    assert database.told("postgresql://ann@a:1,b/shop?sslcert=x") == "postgresql://a:1,b/shop"
    assert database.told("sqlite:////root/a.db") == "sqlite:////root/a.db"


@pytest.mark.parametrize(
    ("name", "expected"), [("orders", '"orders"'), ('a.b"c', '"a"."b""c"'), ("a b;", '"a b;"')]
)
def test_a_name_is_quoted_whatever_it_holds(name, expected):
    assert database.quoted(name) == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://ann@db/shop", r"^mysql://db/shop is no database that is known here: postgresql:"),
        ("shop.db", "is no database that is known here"),
        ("sqlite://shop.db", r"^sqlite://shop\.db names no file: postgresql://"),
        ("duckdb:///", r"^duckdb:/// names no file"),
        ("sqlite:///no%20such.db", r"^sqlite:///no%20such\.db: there is no file no such\.db$"),
        ("duckdb:///nosuch.db", "there is no file nosuch"),
        ("postgresql://ann@127.0.0.1:1/shop", r"port 1 failed: Connection refused"),
    ],
)
def test_what_cannot_be_opened_is_told_in_a_line(project, url, message):
    with pytest.raises(PipelineError, match=message) as caught, database.reading(url):
        pass
    assert "\n" not in str(caught.value)
    assert [path.name for path in project.iterdir()] == ["params.yaml", "data"]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database_is_told(project, kind):
    (project / "a.db").write_text("id,price\n1,2\n" * 100)
    with (
        pytest.raises(PipelineError, match=rf"^{kind}:///a\.db: .*(not a database|valid)"),
        database.reading(f"{kind}:///a.db") as connection,
        database.rows(connection, "SELECT 1"),
    ):
        pass


def test_drivers_that_are_missing_are_told_with_the_command_that_brings_them(monkeypatch, project):
    (project / "a.db").touch()
    for name in ("adbc_driver_manager", "adbc_driver_sqlite", "adbc_driver_postgresql"):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, f"{name}.dbapi", None)
    for url in ("sqlite:///a.db", "duckdb:///a.db", "postgresql://db/shop"):
        with (
            pytest.raises(PipelineError, match=r"are not installed: make setup-database$"),
            database.reading(url),
        ):
            pass


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_what_is_written_counts_when_the_block_succeeds_and_not_before(project, kind):
    url = f"{kind}:///a.db"
    table = pa.table({"id": [1, 2]})
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("kept", table, mode="create")
    with (
        pytest.raises(ZeroDivisionError),
        database.writing(url) as connection,
        connection.cursor() as cursor,
    ):
        cursor.adbc_ingest("lost", table, mode="create")
        raise ZeroDivisionError
    with database.reading(url) as connection:
        with database.rows(connection, "SELECT * FROM kept") as reader:
            assert reader.read_all().equals(table)
        with pytest.raises(Exception, match="lost"), database.rows(connection, "TABLE lost"):
            pass


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_on_a_connection_for_reading_nothing_can_be_written(project, kind):
    url = f"{kind}:///a.db"
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("kept", pa.table({"id": [1, 2]}), mode="create")
    for statement in ("DELETE FROM kept", "DROP TABLE kept", "CREATE TABLE more (id int)"):
        with (
            pytest.raises(PipelineError, match=r"read-?only"),
            database.reading(url) as connection,
            database.rows(connection, statement) as reader,
        ):
            reader.read_all()


def test_duckdb_runs_nothing_after_a_semicolon(project):
    with database.writing("duckdb:///a.db") as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("kept", pa.table({"id": [1, 2]}), mode="create")
    with (
        pytest.raises(PipelineError, match="2 statements and not one"),
        database.reading("duckdb:///a.db") as connection,
        database.rows(connection, "SELECT 1; COPY kept TO 'out.csv'"),
    ):
        pass
    assert not (project / "out.csv").exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'NOT_FOUND: Failed to prepare query: ERROR:  relation "t" does not exist\nLINE 1: x',
            'relation "t" does not exist',
        ),
        (
            "INVALID_STATE: [libpq] Failed to execute query 'delete\nfrom t': ERROR:  cannot\n. SQL"
            "STATE: 25006",
            "cannot",
        ),
        (
            "IO: [libpq] Failed to connect: fe_sendauth: no password supplied\n",
            "Failed to connect: fe_sendauth: no password supplied: set PGPASSWORD in the environme"
            "nt",
        ),
        ("[SQLite] no such table: t\nquery: select 1", "no such table: t"),
    ],
)
def test_a_drivers_message_becomes_its_sense(said, told):
    assert database.reason(OSError(said)) == told
