"""A database by its address: PostgreSQL, SQLite or DuckDB, through ADBC.

The drivers hand on Arrow's batches as the database sends them: nothing becomes a Python object, and
a result of any size passes through a few megabytes. They are a group of the lock that nobody else
needs (`make setup-database`), so they are imported where a database is opened, and nowhere else.
"""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import pyarrow as pa

from sales.errors import PipelineError

KINDS = ("postgresql", "postgres", "sqlite", "duckdb")
FILES = ("sqlite", "duckdb")
FORMS = "postgresql://user@host/database, sqlite:///file or duckdb:///file"
SECRET = ("password", "sslpassword")
# A line that goes dead is told within a minute and a half, not after the system's two hours.
ALIVE = {
    "connect_timeout": "30",
    "keepalives_idle": "30",
    "keepalives_interval": "15",
    "keepalives_count": "4",
    "tcp_user_timeout": "90000",
}
# What leads a driver's message: its own words and codes; and what ends it: the query, and advice.
LEAD = re.compile(
    r"^[A-Z_]+: |(?:Execution error )?\[\w+\]:? |Failed to \w+ query(?: '.*?')?: "
    r"|could not begin COPY: |(?:ERROR|FATAL): +",
    re.DOTALL,
)
TAIL = re.compile(r"\nLINE \d|\n\s*[Qq]uery(?: was)?: |\s*SQLSTATE: |\nunable to|\n\tThis probably")
LONGEST = 300
SQLITE_ROWS = 65_536  # of a batch; by those of the first one a column's type is told
# DuckDB neither looks for extensions on the internet, nor takes a foreign file for a database.
DUCKDB = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def is_address(text: str) -> bool:
    """Return whether a text is the address of a database.

    >>> is_address("postgresql://ann@db/shop#orders"), is_address("s3://bucket/orders/")
    (True, False)
    """
    return urlsplit(text).scheme in KINDS


def refuse_password(url: str, where: str) -> None:
    """Raise PipelineError for an address that holds a password, or is none, without repeating it.

    >>> refuse_password("postgresql://ann@db/shop", "params.yaml: ingest.sql.url")
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise PipelineError(f"{where} is no address: {FORMS}") from None
    named = any(name in parse_qs(parts.query) for name in SECRET)
    # One with a slash or the like in it ends the host for whoever reads an address.
    broken = parts.scheme not in FILES and "@" in url and "@" not in parts.netloc
    if parts.password is not None or named or broken:
        raise PipelineError(
            f"{where} holds a password: take it out, set PGPASSWORD in the environment, and change "
            "the password where others may have seen it"
        )


def told(url: str) -> str:
    """Return the address as it may stand in a file that others read: without the user.

    >>> told("postgresql://ann@db:5433/shop?sslmode=require")
    'postgresql://db:5433/shop'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def quoted(name: str) -> str:
    """Return a name, or a table's with its schema, as SQL takes it whatever it holds.

    >>> quoted("sales.Order")
    '"sales"."Order"'
    """
    return ".".join(map(quoted_part, name.split(".")))


def quoted_part(name: str) -> str:
    """Return a column's name, or a part of a table's, as SQL takes it."""
    return '"{}"'.format(name.replace('"', '""'))


@contextmanager
def reading(url: str) -> Iterator[Any]:
    """Yield a connection on which nothing can be written.

    Raises PipelineError where there is no such database, or it cannot be reached; likewise for
    whatever the database refuses within the block.
    """
    with _refusals(url), _connect(url, write=False) as connection:
        if urlsplit(url).scheme not in FILES:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
        yield connection


@contextmanager
def writing(url: str) -> Iterator[Any]:
    """Yield a connection, what is written on which counts once the block has succeeded.

    Raises PipelineError as `reading` does.
    """
    with _refusals(url), _connect(url, write=True) as connection:
        yield connection
        connection.commit()


@contextmanager
def rows(connection: Any, statement: str) -> Iterator[pa.RecordBatchReader]:
    """Yield the rows of one statement, which come as they are taken."""
    with connection.cursor() as cursor:
        vendor = connection.adbc_get_info()["vendor_name"].lower()
        if vendor == "sqlite":
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(SQLITE_ROWS)})
        if vendor == "duckdb":  # it alone would run what comes after a semicolon
            found = importlib.import_module("duckdb").extract_statements(statement)
            if len(found) != 1:
                asked = " ".join(statement.split())[:LONGEST]
                raise PipelineError(f"this is {len(found)} statements and not one: {asked}")
        cursor.execute(statement)
        with cursor.fetch_record_batch() as reader:
            yield reader


def _connect(url: str, *, write: bool) -> Any:
    """Return an open connection, with a transaction begun."""
    kind = urlsplit(url).scheme
    if kind not in KINDS:
        raise PipelineError(f"{told(url)} is no database that is known here: {FORMS}")
    try:
        if kind == "sqlite":
            sqlite = importlib.import_module("adbc_driver_sqlite.dbapi")
            mode = "rwc" if write else "ro"
            return sqlite.connect(f"file:{quote(str(_file(url, write=write)))}?mode={mode}")
        if kind == "duckdb":
            manager = importlib.import_module("adbc_driver_manager.dbapi")
            driver = importlib.import_module("adbc_driver_duckdb").driver_path()
            at = {"path": str(_file(url, write=write)), **DUCKDB}
            at |= {} if write else {"access_mode": "READ_ONLY"}
            return manager.connect(driver=driver, entrypoint="duckdb_adbc_init", db_kwargs=at)
        return importlib.import_module("adbc_driver_postgresql.dbapi").connect(_alive(url))
    except ModuleNotFoundError:
        raise PipelineError(
            f"{told(url)}: the drivers of databases are not installed: make setup-database"
        ) from None


def _file(url: str, *, write: bool) -> Path:
    """Return the file of an address: `sqlite:///here.db`, `sqlite:////from/the/root.db`."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path.removeprefix("/")))
    if parts.netloc or not parts.path.removeprefix("/"):
        raise PipelineError(f"{told(url)} names no file: {FORMS}")
    if not path.is_file() and not write:
        raise PipelineError(f"{told(url)}: there is no file {path}")
    return path


def _alive(url: str) -> str:
    """Return PostgreSQL's address with what tells a dead line, where it does not say itself."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    settings = urlencode({**ALIVE, **given}, quote_via=quote)
    return urlunsplit(("postgresql", parts.netloc, parts.path or "/", settings, ""))


@contextmanager
def _refusals(url: str) -> Iterator[None]:
    """Turn what a database refuses, and a lost line, into one that names it."""
    try:
        yield
    except MemoryError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise PipelineError(f"{told(url)}: {reason(error)}") from None
    except Exception as error:
        if not type(error).__module__.startswith(("adbc_driver_manager", "_duckdb", "duckdb")):
            raise
        raise PipelineError(f"{told(url)}: {reason(error)}") from None


def reason(error: Exception) -> str:
    r"""Return what a driver says, without its codes and the query, which nobody asked for.

    >>> reason(OSError("IO: [libpq] could not translate\n\tthe host\n\nQuery was: SELECT 1"))
    'could not translate the host'
    """
    text = " ".join(LEAD.sub("", TAIL.split(str(error))[0]).split()).rstrip(". ")
    if "no password supplied" in text:
        text += ": set PGPASSWORD in the environment"
    return text[:LONGEST] or type(error).__name__
