"""Brings orders in, as they are: from the seeded generator, or from the files in data/incoming/."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from sales import files, generator, incoming, params
from sales.errors import PipelineError, run

INCOMING = Path("data/incoming")
RAW = Path("data/raw")


def main() -> None:
    """Write data/raw/: one Parquet file for each file that came in, or synthetic.parquet.

    Never silently one for the other.
    """
    settings = params.read("ingest", incoming.IngestParams)
    found = incoming.find(INCOMING) if INCOMING.is_dir() else []
    if settings.source == "synthetic" and found:
        raise PipelineError(
            f"{INCOMING} holds {found[0].name}, but ingest.source is synthetic: "
            "set it to files in params.yaml, or move the file away"
        )
    if settings.source == "files" and not found:
        raise PipelineError(
            f"ingest.source is files, but {INCOMING} holds none: put CSV or Parquet files there, "
            "or set it to synthetic (a queued or --temp experiment runs in a copy that lacks them: "
            f"name each, as in `--copy-paths {INCOMING}/orders.csv`)"
        )
    rows = 0
    with files.replacing(RAW) as folder:
        folder.mkdir()
        if settings.source == "synthetic":
            tables = iter([("synthetic", generator.generate(settings.rows, settings.seed))])
        else:
            tables = ((path.name, incoming.read(path)) for path in found)
        for name, table in tables:
            # Without statistics: nobody looks for a part of it, and they cost a fifth of the time.
            pa.parquet.write_table(
                table, folder / f"{name}.parquet", compression="zstd", write_statistics=False
            )
            rows += table.num_rows
    print(f"{settings.source}: {rows:,} rows in {max(1, len(found))} file(s)")


if __name__ == "__main__":
    run(main)
