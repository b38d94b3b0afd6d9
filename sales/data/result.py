"""A query's rows on their way into Parquet: types kept, counted, hashed, and looked at in order."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from sales.data import database, incoming, sqlite_kinds
from sales.data.query import SqlParams
from sales.errors import PipelineError

RECORD = "query.json"  # beside the rows, in data/raw/
MOST_DIGITS = 76  # of Arrow's decimals


class Result:
    """What a query gives, batch by batch, and what can be said of it once all was taken."""

    def __init__(self, asked: SqlParams) -> None:
        self.asked = asked
        self.url = asked.url or ""
        self.rows = 0
        self.ties = 0
        self._digest = hashlib.sha256()
        self._last: pa.RecordBatch | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows. Raises PipelineError for what the database refuses, or when it is lost.

        Also where there are no rows, where a column stands there twice, or is of a type that
        Parquet does not hold.
        """
        with database.reading(self.url) as connection:
            statement, ahead = self.asked.statement, 0
            if self.url.startswith("sqlite:"):
                by = self.asked.order_by
                statement, ahead = sqlite_kinds.shown(connection, self.asked.rows, by), 1
            try:
                with database.rows(connection, statement) as reader:
                    kinds = [_kind(field) for field in reader.schema]
                    fields = zip(reader.schema.names, kinds, strict=True)
                    schema = pa.schema([pa.field(name, kind) for name, kind in fields])
                    self._refuse(schema)
                    self._digest.update(
                        f"{schema.to_string(show_schema_metadata=False)}\n".encode()
                    )
                    for batch in reader:
                        yield self._taken(batch.slice(ahead), schema)
                        ahead = 0
            except (OSError, pa.ArrowException) as error:
                told = f"{database.told(self.url)}: after {self.rows:,} rows"
                raise PipelineError(f"{told}: {database.reason(error)}") from None
        if not self.rows:
            raise PipelineError(f"ingest.sql: {self.asked.name} gives no rows")

    def record(self) -> dict[str, Any]:
        """Return what the rows were, for whoever asks later where they came from."""
        return {
            "url": database.told(self.url),
            "statement": self.asked.statement,
            "rows": self.rows,
            "ties": self.ties,
            "sha256": self._digest.hexdigest(),
        }

    def doubts(self) -> list[str]:
        """Return what keeps a second run from giving the same rows in the same order, in lines."""
        if not self.asked.order_by:
            return [
                "ingest.sql.order_by is empty: the rows came in an order that the database is free "
                "to change, and with it the split and every model"
            ]
        by = ", ".join(self.asked.order_by)
        return [
            f"ingest.sql.order_by ({by}) leaves {self.ties:,} row(s) with the same values as the "
            "one before, whose order is the database's: add a column that tells them apart"
        ] * bool(self.ties)

    def _taken(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        columns = []
        for raw, field in zip(batch.columns, schema, strict=True):
            columns.append(_cast(raw, field))
        taken = pa.RecordBatch.from_arrays(columns, schema=schema)
        self.rows += taken.num_rows
        self._digest.update(_text(taken))
        if self.asked.order_by and taken.num_rows:
            keys = taken.select(list(self.asked.order_by))
            self.ties += _ties(keys, self._last)
            self._last = keys.slice(keys.num_rows - 1)
        return taken

    def _refuse(self, schema: pa.Schema) -> None:
        incoming.refuse_twice(f"ingest.sql: {self.asked.name}", schema)
        for column in self.asked.order_by:  # SQLite takes an unknown name for a text
            if column not in schema.names:
                there = ", ".join(schema.names)[:200]
                raise PipelineError(f"ingest.sql.order_by: no column '{column}', but {there}")
        for field in schema:
            try:
                table = pa.table({"": pa.nulls(0, field.type)})
                pa.parquet.write_table(table, pa.BufferOutputStream())
            except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
                raise PipelineError(
                    f"ingest.sql: Parquet holds no column like '{field.name}' ({field.type}): "
                    f"leave it out, or CAST({field.name} AS TEXT) in ingest.sql.query"
                ) from None


def _kind(field: pa.Field) -> pa.DataType:
    """Return the type by which a column is kept: what is the driver's own becomes a plain one.

    PostgreSQL's NUMERIC(12, 2) comes as text and is a decimal again; one of no fixed digits stays
    text, which is exact. A UUID is the text that everybody knows.
    """
    kind = field.type
    if isinstance(kind, pa.UuidType):
        return pa.string()
    if isinstance(kind, pa.BaseExtensionType):
        digits = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1")) - 4
        numeric = getattr(kind, "type_name", "") == "numeric"
        if numeric and digits >= 0:
            precision, scale = digits >> 16, ((digits & 0x7FF) ^ 0x400) - 0x400
            if 0 <= scale <= precision <= MOST_DIGITS:
                return _decimal(precision, scale)
        return kind.storage_type
    return kind


def _decimal(precision: int, scale: int) -> pa.DataType:
    if precision <= 38:
        return pa.decimal128(precision, scale)
    return pa.decimal256(precision, scale)


def _cast(raw: pa.Array, field: pa.Field) -> pa.Array:
    if isinstance(raw.type, pa.UuidType):
        texts = [None if each is None else str(each) for each in raw.to_pylist()]
        return pa.array(texts, pa.string())
    plain = raw.storage if isinstance(raw, pa.ExtensionArray) else raw
    try:
        return plain if plain.type.equals(field.type) else plain.cast(field.type)
    except pa.ArrowInvalid:
        raise PipelineError(
            f"ingest.sql: the column '{field.name}' holds what is no number (NaN, infinity): "
            f"CAST({field.name} AS DOUBLE PRECISION) in ingest.sql.query"
        ) from None


def _text(batch: pa.RecordBatch) -> bytes:
    """Return rows as CSV without a header: the same bytes however a driver cuts its batches."""
    sink = pa.BufferOutputStream()
    columns = [flat(column) for column in batch.columns]
    options = pa.csv.WriteOptions(include_header=False)
    pa.csv.write_csv(pa.RecordBatch.from_arrays(columns, batch.schema.names), sink, options)
    return sink.getvalue().to_pybytes()


def flat(column: pa.Array) -> pa.Array:
    """Return a column as text can tell it: lists and structs as JSON, bytes in hexadecimal."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return flat(column.dictionary_decode())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        told = (None if each is None else each.hex() for each in column.to_pylist())
    elif pa.types.is_nested(kind):
        cells = column.to_pylist()
        told = (None if each is None else json.dumps(each, default=str) for each in cells)
    else:
        return column
    return pa.array(told, pa.string())


def _ties(keys: pa.RecordBatch, before: pa.RecordBatch | None) -> int:
    """Return how many rows have all the values of the row before them; `before`: that of the first.

    Where a value is missing, it equals another that is missing.
    """
    whole = [before, keys] if before is not None else [keys]
    table = pa.Table.from_batches(whole)
    if table.num_rows < 2:
        return 0
    same = None
    for column in table.columns:
        values = column.combine_chunks()
        here, above = values.slice(1), values.slice(0, len(values) - 1)
        equal = pc.if_else(here.is_null(), above.is_null(), pc.equal(here, above).fill_null(False))
        same = equal if same is None else pc.and_(same, equal)
    return pc.sum(same).as_py() or 0
