"""Rows from PostgreSQL, against the same rows from a CSV file.

    PGPASSWORD=... python -m bench.database postgresql://ann@127.0.0.1/shop

BENCH_ROWS (5,000,000) generated orders are put into the table bench_orders, shuffled by their hash,
and into a CSV file. `ingest` runs on each, a process of its own; then `prepare`, which must come to
the same bytes. Needs 3 GB of disk, and of memory what `prepare` takes. Writes
state/bench/database.json.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from bench import pipeline
from sales import files
from sales.data import database

ROWS = int(os.environ.get("BENCH_ROWS", "5000000"))
TABLE = "bench_orders"


def generated() -> Path:
    """Return the Parquet file of generated orders."""
    folder = pipeline.clone("database_rows", {"ingest.rows": ROWS})
    pipeline._run([sys.executable, "-m", "stages.ingest"], folder)
    return folder / "data/raw/synthetic.parquet"


def fill(url: str, rows: Path) -> None:
    """Put the orders into the table, in another order than the file's."""
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}, {TABLE}_sorted")
        with pa.parquet.ParquetFile(rows) as parquet:
            batches = (batch for batch in parquet.iter_batches(65_536))
            reader = pa.RecordBatchReader.from_batches(parquet.schema_arrow, batches)
            cursor.adbc_ingest(f"{TABLE}_sorted", reader, mode="create")
        cursor.execute(
            f'CREATE TABLE {TABLE} AS SELECT * FROM {TABLE}_sorted ORDER BY md5("OrderID")'  # noqa: S608
        )
        cursor.execute(f"DROP TABLE {TABLE}_sorted")


def as_csv(rows: Path, file: Path) -> None:
    """Write the orders as text."""
    with (
        pa.parquet.ParquetFile(rows) as parquet,
        pa.csv.CSVWriter(file, _plain(parquet.schema_arrow)) as writer,
    ):
        for batch in parquet.iter_batches(65_536):
            writer.write_batch(batch.cast(_plain(batch.schema)))


def _plain(schema: pa.Schema) -> pa.Schema:
    kinds = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in schema]
    return pa.schema(list(zip(schema.names, kinds, strict=True)))


def measured(folder: Path, stage: str) -> dict[str, Any]:
    """Run a stage; return what it cost."""
    log = folder / "cost.jsonl"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.meter", "-m", f"stages.{stage}"]
    pipeline._run(command, folder, METER_LOG=str(log))
    return files.read_json(log)


def main() -> None:
    """Print seconds, rows a second and peak memory of both ways, and whether they agree."""
    url = sys.argv[1] if len(sys.argv) == 2 else ""
    if not database.is_address(url):
        raise SystemExit(
            "error: name a database: python -m bench.database postgresql://ann@host/shop"
        )
    rows = generated()
    fill(url, rows)
    asked = {"url": url, "table": TABLE, "query": None, "order_by": ["OrderID"]}
    ways = {
        "sql": pipeline.clone("database_sql", {"ingest.source": "sql", "ingest.sql": asked}),
        "files": pipeline.clone("database_files", {"ingest.source": "files"}),
    }
    as_csv(rows, ways["files"] / "data/incoming/orders.csv")
    found: dict[str, Any] = {"rows": ROWS, "load": os.getloadavg()[0]}
    for way, folder in ways.items():
        cost = measured(folder, "ingest")
        cost["rows_per_s"] = round(ROWS / cost["wall_s"])
        found[way] = {"ingest": cost, "prepare": measured(folder, "prepare")}
        found[way]["sha256"] = files.read_json(folder / "metrics/data.json")["sha256"]
        print(
            f"{way}: ingest {cost['wall_s']:.1f} s, {cost['rows_per_s']:,} rows a second, at most "
            f"{cost['peak_mb']:,.0f} MB; prepared {found[way]['sha256'][:16]}",
            flush=True,
        )
    files.write_json(pipeline.WORK / "database.json", found)
    if found["sql"]["sha256"] != found["files"]["sha256"]:
        raise SystemExit("error: the two ways gave other rows")


if __name__ == "__main__":
    main()
