"""Scored rows in a database: all of a run's rows in one transaction, or none of them.

A run is told by the model and the rows that went in. Its rows are added to those of earlier runs,
so that what others built on the table, grants, views and indexes, stays; `<table>_rejected` has the
cells that were refused, `<table>_runs` a row for each run. A run that is there is not added again.
"""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet

from sales.data import database
from sales.data.result import flat
from sales.errors import PipelineError
from sales.serving.scored import COLUMNS, REJECTED, SCORED

RUN = "ScoredRun"  # the column by which a row tells its run
# What is kept of a run, by the names of the record that a folder has.
TOLD = {
    "rows_in": "BIGINT",
    "rows_scored": "BIGINT",
    "rows_rejected": "BIGINT",
}
BATCH_ROWS = 65_536


def run_of(model: dict[str, Any], inputs: Sequence[dict[str, Any]]) -> str:
    """Return what tells a run from another: the same model over the same rows is the same run."""
    told = json.dumps([model["content_hash"], inputs], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ScoredTable:
    """A table of a database."""

    url: str
    table: str

    @classmethod
    def at(cls, address: str, where: str) -> "ScoredTable":
        """Return the table of an address, `postgresql://ann@db/shop#scored`.

        Raises PipelineError, naming where it was given, for one that names none, or a password.
        """
        database.refuse_password(address, where)
        url, _, table = address.partition("#")
        if not table:
            raise PipelineError(f"{where} names no table: {database.told(url)}#table")
        return cls(url, unquote(table))

    @property
    def told(self) -> str:
        """The address as it may be printed."""
        return f"{database.told(self.url)}#{self.table}"

    def add(self, folder: Path, record: dict[str, Any], run: str) -> bool:
        """Add the rows that lie scored in a folder; return False where this run is there already.

        Raises PipelineError where the table is somebody else's, or has other columns, and for what
        the database refuses; it then holds what it held before.
        """
        with database.writing(self.url) as connection:
            earlier = self._runs(connection)
            if run in earlier:
                return False
            self._note(connection, record, run)
            rejected = ["run", *COLUMNS]
            text = pa.schema(
                [(name, pa.int64() if name == "row" else pa.string()) for name in rejected]
            )
            scored = _schema(folder / SCORED, lists=urlsplit(self.url).scheme != "sqlite")
            for table, reader in (
                (self.table, _scored(folder / SCORED, scored, run)),
                (f"{self.table}_rejected", _rejected(folder / REJECTED, text, run)),
            ):
                self._append(connection, table, reader, new=not earlier)
        return True

    def _runs(self, connection: Any) -> set[str]:
        """Return the runs that are there; the table of them is made where there is none."""
        runs = database.quoted(f"{self.table}_runs")
        whole = ", ".join(f"{name} {kind} NOT NULL" for name, kind in TOLD.items())
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {runs} (run VARCHAR(16) PRIMARY KEY, "
                f"model VARCHAR(200), version BIGINT, content_hash VARCHAR(64), {whole}, "
                "finished TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
            )
            cursor.execute(f"SELECT run FROM {runs}")  # noqa: S608 (quoted)
            return {run for (run,) in cursor.fetchall()}

    def _note(self, connection: Any, record: dict[str, Any], run: str) -> None:
        """Write the run down first: of two at once the second is refused by the key."""
        model = record["model"]
        values = [run, model["name"], int(model["version"]), model["content_hash"]]
        values += [int(record[name]) for name in TOLD]
        names = ["run", "model", "version", "content_hash", *TOLD]
        marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        runs = database.quoted(f"{self.table}_runs")
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {runs} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 (quoted)
                values,
            )

    def _append(
        self, connection: Any, table: str, reader: pa.RecordBatchReader, *, new: bool
    ) -> None:
        with connection.cursor() as cursor:
            if new:
                try:
                    _ingest(cursor, table, reader, "create")
                except Exception as error:
                    if "already exists" not in str(error):
                        raise
                    raise PipelineError(
                        f"{database.told(self.url)} has a table {table} that make score did not "
                        "make: name another one"
                    ) from None
                return
            cursor.execute(f"SELECT * FROM {database.quoted(table)} LIMIT 0")  # noqa: S608 (quoted)
            there = [name for name, *_ in cursor.description]
            if set(there) != set(reader.schema.names):
                odd = sorted(set(there) ^ set(reader.schema.names))
                raise PipelineError(
                    f"{self.told} has other columns than these rows ({', '.join(odd)[:150]}): "
                    "name another table"
                )
            ordered = pa.schema([reader.schema.field(name) for name in there])
            batches = (batch.select(there) for batch in reader)
            _ingest(cursor, table, pa.RecordBatchReader.from_batches(ordered, batches), "append")


def _ingest(cursor: Any, name: str, rows: Any, mode: str) -> None:
    schema, _, table = name.rpartition(".")
    cursor.adbc_ingest(table, rows, mode=mode, **({"db_schema_name": schema} if schema else {}))


def _schema(folder: Path, *, lists: bool) -> pa.Schema:
    """Return the columns of all parts, as a database takes them; `lists`: it takes more kinds."""
    schemas = [pa.parquet.read_schema(path).remove_metadata() for path in sorted(folder.iterdir())]
    plain = [pa.schema([(each.name, _plain(each.type, lists)) for each in one]) for one in schemas]
    try:
        return pa.unify_schemas(plain, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        reason = " ".join(str(error).split())[:150]
        raise PipelineError(
            f"these rows do not fit in one table, score their files one by one: {reason}"
        ) from None


def _plain(kind: pa.DataType, lists: bool) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type, lists)
    strange = pa.types.is_nested(kind) or pa.types.is_decimal(kind) or pa.types.is_time(kind)
    return pa.string() if strange and not lists else kind


def _scored(folder: Path, schema: pa.Schema, run: str) -> pa.RecordBatchReader:
    """Return the parts' rows, one part after another, with the run they are of."""
    whole = schema.append(pa.field(RUN, pa.string()))

    def batches() -> Iterator[pa.RecordBatch]:
        for path in sorted(folder.iterdir()):
            with pa.parquet.ParquetFile(path) as parquet:
                for batch in parquet.iter_batches(BATCH_ROWS):
                    yield _fitted(batch, schema, whole, run)

    return pa.RecordBatchReader.from_batches(whole, batches())


def _fitted(batch: pa.RecordBatch, schema: pa.Schema, whole: pa.Schema, run: str) -> pa.RecordBatch:
    columns = []
    for field in schema:
        if field.name not in batch.schema.names:
            columns.append(pa.nulls(batch.num_rows, field.type))
            continue
        column = batch.column(field.name)
        if pa.types.is_dictionary(column.type) or pa.types.is_string(field.type):
            column = flat(column)
        columns.append(column.cast(field.type))
    columns.append(pa.repeat(pa.scalar(run, pa.string()), batch.num_rows))
    return pa.RecordBatch.from_arrays(columns, schema=whole)


def _rejected(folder: Path, schema: pa.Schema, run: str) -> pa.RecordBatchReader:
    """Return the refused cells, a row each."""

    def batches() -> Iterator[pa.RecordBatch]:
        for path in sorted(folder.glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                cells = [{"run": run, **cell} for cell in csv.DictReader(file)]
            for cell in cells:
                cell["row"] = int(cell["row"])
            yield pa.RecordBatch.from_pylist(cells, schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
