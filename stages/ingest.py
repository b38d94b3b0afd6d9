"""Brings orders in, as they are: from the seeded generator, from files, or from a database."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from sales import engine, files, params
from sales.data import generator, pieces, sources, spans
from sales.data.drift import DriftParams
from sales.data.incoming import IngestParams
from sales.data.pieces import Read
from sales.data.query import SqlParams
from sales.data.reading import dialects, formats
from sales.data.result import RECORD, Result
from sales.data.sources import Source
from sales.engine import partitions
from sales.errors import PipelineError, run

INCOMING = Path("data/incoming")
RAW = Path("data/raw")
SYNTHETIC = "synthetic"  # the source that makes orders, and the table of them


def main() -> None:
    """Write data/raw/: a table for each file or data set that came in, or for what was asked for.

    On one machine a table is a file, on a cluster a folder of files. Never silently files for
    generated orders, nor the other way round.
    """
    settings = params.read("ingest", IngestParams)
    asked = params.read("ingest.sql", SqlParams) if settings.sql else SqlParams()
    changes = params.read("ingest.drift", DriftParams) if settings.drift else generator.STEADY
    found = came_in(settings, asked)
    hold_drift(settings, changes)
    with files.replacing(RAW) as folder, engine.started() as running:
        folder.mkdir()
        if settings.source == "sql":
            rows = from_database(asked, folder, running.partition_rows)
        elif running.partition_rows is None:
            rows = 0
            for name, table in whole(settings, changes, found):
                pieces.write_table(table, folder / f"{name}.parquet")
                rows += table.num_rows
        else:
            tasks: list[tuple[Read, Path, int, int]] = []
            for name, reads in in_tasks(settings, changes, found, running.partition_rows):
                into = folder.absolute() / f"{name}.parquet"
                into.mkdir()
                tasks += [(read, into, task, most) for task, (read, most) in enumerate(reads)]
            rows = sum(running.map(pieces.write, *zip(*tasks, strict=True), what="ingest"))
        if found:
            used = [{"name": one.name, "sha256": spans.content_hash(one)} for one in found]
            files.write_json(folder / spans.RECORD, used)
    for source in found:
        if told := how_read(source.name):
            print(f"{source.name}: {told}")
    for since, what in changes.truth():
        print(f"from {since} on {what}")
    print(f"{settings.source}: {rows:,} rows in {max(1, len(found))} table(s)")


def how_read(name: str) -> str:
    """Return what the table of a CSV file knows of how that was written; nothing: plainly."""
    first = next(iter(partitions.of(RAW / f"{name}.parquet")), None)
    return dialects.of(pa.parquet.read_schema(first)).told if first else ""


def came_in(settings: IngestParams, asked: SqlParams) -> list[Source]:
    """Return the files and data sets that params.yaml names: none for the generator or a database.

    Raises PipelineError where what is there is not what is asked for.
    """
    dropped = sources.find(str(INCOMING), settings) if INCOMING.is_dir() else []
    if settings.source != "files" and dropped:
        raise PipelineError(
            f"{INCOMING} holds {dropped[0].name}, but ingest.source is {settings.source}: "
            "set it to files in params.yaml, or move the file away"
        )
    if settings.source != "files" and settings.address:
        raise PipelineError(
            f"ingest.address is {settings.address}, but ingest.source is {settings.source}: "
            "set it to files in params.yaml, or leave the address empty"
        )
    if settings.source == "sql":
        asked.refuse_incomplete()
        return []
    if asked.url:
        raise PipelineError(
            f"ingest.sql.url is {asked.url}, but ingest.source is {settings.source}: "
            "set it to sql in params.yaml, or leave the url empty"
        )
    if settings.address and dropped:
        raise PipelineError(
            f"{INCOMING} holds {dropped[0].name}, but ingest.address is {settings.address}: "
            "leave it empty in params.yaml, or move the file away"
        )
    found = sources.find(settings.address, settings) if settings.address else dropped
    if settings.source == "files" and not found and settings.address:
        raise PipelineError(f"ingest.address: {settings.address} holds no {formats.TOLD}")
    if settings.source == "files" and not found:
        raise PipelineError(
            f"ingest.source is files, but {INCOMING} holds none: put files there "
            f"({formats.TOLD}), "
            "or set it to synthetic (a queued or --temp experiment runs in a copy that lacks them: "
            f"name each, as in `--copy-paths {INCOMING}/orders.csv`)"
        )
    return found


def hold_drift(settings: IngestParams, changes: DriftParams) -> None:
    """Raise PipelineError where a change is asked for that the generator cannot make."""
    if settings.source == SYNTHETIC:
        generator.refuse_unlike(changes)
    elif changes.truth():
        raise PipelineError(
            f"ingest.drift changes the orders that are made, but ingest.source is "
            f"{settings.source}: leave each of its `from` empty in params.yaml"
        )


def from_database(asked: SqlParams, folder: Path, most: int | None) -> int:
    """Write the rows of a query as one table, and what was asked beside it; return their number.

    A query is one stream of rows, which this process takes on either engine. Raises PipelineError
    where the database refuses, or is lost.
    """
    result = Result(asked)
    table = folder / f"{asked.name}.parquet"
    if most is None:
        pieces.stream(result.batches(), table)
    else:
        table.mkdir()
        pieces.write(result.batches, table, 0, most)
    files.write_json(folder / RECORD, result.record())
    for doubt in result.doubts():
        print(doubt)
    return result.rows


def whole(
    settings: IngestParams, changes: DriftParams, found: list[Source]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield each table with its name, one in memory at a time."""
    if settings.source == SYNTHETIC:
        yield SYNTHETIC, generator.generate(settings.rows, settings.seed, changes)
    for source in found:
        yield source.name, source.read()


def in_tasks(
    settings: IngestParams, changes: DriftParams, found: list[Source], most: int
) -> Iterator[tuple[str, list[tuple[Read, int]]]]:
    """Yield each table's name with what reads it task by task, and with how many rows a piece."""
    if settings.source == SYNTHETIC:
        blocks = range(generator.blocks(settings.rows))
        made = (partial(generated, settings, changes, block) for block in blocks)
        yield SYNTHETIC, [(read, most) for read in made]
    for source in found:
        stretches = source.stretches(most)
        yield source.name, [(each.batches, pieces.evenly(each.rows, most)) for each in stretches]


def generated(settings: IngestParams, changes: DriftParams, block: int) -> list[pa.RecordBatch]:
    """Return a block of generated orders."""
    return generator.generate_block(settings.rows, settings.seed, block, changes).to_batches()


if __name__ == "__main__":
    run(main)
