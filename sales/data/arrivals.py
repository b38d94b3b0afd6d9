"""How many rows ingest would read now, counted without running it.

Parquet tells in its footers, a database is asked for a count, the generator does what it is told.
Any other file is read once: it is counted again only where its size or time has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sales.data import database, incoming, sources
from sales.data.incoming import IngestParams
from sales.data.query import SqlParams
from sales.data.sources import Source
from sales.errors import PipelineError

INCOMING = Path("data/incoming")
Counts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Arrivals:
    """The rows that are there now, and where, in words for a person.

    `counts` are those of files by their place, to be handed in the next time. `unseen` is set where
    DVC does not see that the rows have changed: ingest must be told to read them again.
    """

    rows: int
    where: str
    unseen: bool = False
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)


def now(settings: IngestParams, asked: SqlParams, counted: Counts) -> Arrivals:
    """Return what ingest would read now; `counted` are the counts of the last time.

    Raises PipelineError where a file is broken, or cannot be had.
    """
    if settings.source == "synthetic":
        return Arrivals(settings.rows, "of the generator (ingest.rows)")
    if settings.source == "sql":
        asked.refuse_incomplete()
        return Arrivals(_in_database(asked), f"of {database.told(asked.url or '')}", unseen=True)
    address = settings.address or str(INCOMING)
    found = sources.find(address, settings)
    if not found:
        raise PipelineError(f"ingest.source is files, but {address} holds none")
    counts = {source.root: _count(source, counted.get(source.root, {})) for source in found}
    rows = sum(count["rows"] for count in counts.values())
    files = "1 file" if len(found) == 1 else f"{len(found)} files"
    return Arrivals(rows, f"in {files} of {address}", bool(settings.address), counts)


def _count(source: Source, before: Mapping[str, Any]) -> dict[str, Any]:
    told = {"fingerprint": source.told()["fingerprint"], "how": source.how.model_dump_json()}
    if before.get("rows") is not None and {key: before.get(key) for key in told} == told:
        return dict(before)
    parts = source.stretches()
    if incoming.is_parquet(source.name):
        rows = sum(part.rows or 0 for part in parts)
    else:
        rows = sum(batch.num_rows for part in parts for batch in part.batches())
    return {**told, "rows": rows}


def _in_database(asked: SqlParams) -> int:
    statement = f"SELECT count(*) FROM ({asked.rows}) AS counted"  # noqa: S608 (as query.py has it)
    with (
        database.reading(asked.url or "") as connection,
        database.rows(connection, statement) as reader,
    ):
        return int(reader.read_all().column(0)[0].as_py())
