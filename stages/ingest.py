"""Brings orders in, as they are: from the seeded generator, or from files and Parquet data sets."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from sales import engine, files, params
from sales.data import generator, pieces, sources
from sales.data.incoming import IngestParams
from sales.data.pieces import Read
from sales.data.reading import dialects, formats
from sales.data.sources import Source
from sales.engine import partitions
from sales.errors import PipelineError, run

INCOMING = Path("data/incoming")
RAW = Path("data/raw")
SYNTHETIC = "synthetic"  # the table of generated orders


def main() -> None:
    """Write data/raw/: a table for each file or data set that came in, or synthetic.parquet.

    On one machine a table is a file, on a cluster a folder of files. Never silently files for
    generated orders, nor the other way round.
    """
    settings = params.read("ingest", IngestParams)
    found = came_in(settings)
    with files.replacing(RAW) as folder, engine.started() as running:
        folder.mkdir()
        if running.partition_rows is None:
            rows = 0
            for name, table in whole(settings, found):
                pieces.write_table(table, folder / f"{name}.parquet")
                rows += table.num_rows
        else:
            tasks: list[tuple[Read, Path, int, int]] = []
            for name, reads in in_tasks(settings, found, running.partition_rows):
                into = folder.absolute() / f"{name}.parquet"
                into.mkdir()
                tasks += [(read, into, task, most) for task, (read, most) in enumerate(reads)]
            rows = sum(running.map(pieces.write, *zip(*tasks, strict=True), what="ingest"))
    for source in found:
        if told := how_read(source.name):
            print(f"{source.name}: {told}")
    print(f"{settings.source}: {rows:,} rows in {max(1, len(found))} table(s)")


def how_read(name: str) -> str:
    """Return what the table of a CSV file knows of how that was written; nothing: plainly."""
    first = next(iter(partitions.of(RAW / f"{name}.parquet")), None)
    return dialects.of(pa.parquet.read_schema(first)).told if first else ""


def came_in(settings: IngestParams) -> list[Source]:
    """Return the sources that params.yaml names, none for the generator.

    Raises PipelineError where what is there is not what is asked for.
    """
    dropped = sources.find(str(INCOMING), settings) if INCOMING.is_dir() else []
    if settings.source == "synthetic" and dropped:
        raise PipelineError(
            f"{INCOMING} holds {dropped[0].name}, but ingest.source is synthetic: "
            "set it to files in params.yaml, or move the file away"
        )
    if settings.source == "synthetic" and settings.address:
        raise PipelineError(
            f"ingest.address is {settings.address}, but ingest.source is synthetic: "
            "set it to files in params.yaml, or leave the address empty"
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


def whole(settings: IngestParams, found: list[Source]) -> Iterator[tuple[str, pa.Table]]:
    """Yield each table with its name, one in memory at a time."""
    if settings.source == "synthetic":
        yield SYNTHETIC, generator.generate(settings.rows, settings.seed)
    for source in found:
        yield source.name, source.read()


def in_tasks(
    settings: IngestParams, found: list[Source], most: int
) -> Iterator[tuple[str, list[tuple[Read, int]]]]:
    """Yield each table's name with what reads it task by task, and with how many rows a piece."""
    if settings.source == "synthetic":
        blocks = range(generator.blocks(settings.rows))
        yield SYNTHETIC, [(partial(generated, settings, block), most) for block in blocks]
    for source in found:
        stretches = source.stretches(most)
        yield source.name, [(each.batches, pieces.evenly(each.rows, most)) for each in stretches]


def generated(settings: IngestParams, block: int) -> list[pa.RecordBatch]:
    """Return a block of generated orders."""
    return generator.generate_block(settings.rows, settings.seed, block).to_batches()


if __name__ == "__main__":
    run(main)
