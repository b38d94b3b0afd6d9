"""Scores rows of any number with the promoted model: `make score IN=... OUT=...`."""

import argparse
from functools import partial
from pathlib import Path

from tqdm import tqdm

from sales import engine, params
from sales.data import addresses, sources
from sales.data.incoming import IngestParams
from sales.data.reading import formats
from sales.engine import Engine, RunParams
from sales.errors import PipelineError, run
from sales.serving import scoring
from sales.serving.scored import SCORED, Part, Scored
from sales.serving.scoring import Scoring, Task

PROMOTED = Path("models/promoted")


def main() -> None:
    """Write the scored rows, the bad ones beside them, and the record; tell how many of each."""
    parser = argparse.ArgumentParser(prog="python -m stages.score", description=__doc__)
    parser.add_argument("address", metavar="in", help="a file, a folder, a data set, an address")
    parser.add_argument("out", help="a folder, new or of the same run, or its address")
    parser.add_argument("--alias", default="champion")
    given = parser.parse_args()
    if not given.address or not given.out:
        raise PipelineError("say which rows, and where to: make score IN=orders.csv OUT=scored")
    served = scoring.load(PROMOTED.resolve(), given.alias)
    how = params.read("ingest", IngestParams)
    found = sources.find(given.address, how)
    if not found:
        raise PipelineError(f"{given.address} holds no {formats.TOLD}")
    into = Scored(addresses.absolute(given.out))
    model = {
        "alias": served.alias,
        "name": served.model_name,
        "version": served.entry["version"],
        "content_hash": served.model.content_hash,
    }
    rows = params.read("run", RunParams).partition_rows
    rows, before = into.begin(model, [source.told() for source in found], rows)
    todo = scoring.tasks(found, rows)
    job = Scoring(PROMOTED.resolve(), given.alias, served.model.content_hash, into, rows)
    with engine.started() as running:
        if running.client:
            parts = running.map(partial(scoring.score, job), todo, what="score")
        else:
            parts = with_a_bar(job, todo, running)
    ended = into.end([part for each in parts for part in each])
    for warning in ended["warnings"]:
        print(warning)
    for reason, cells in ended["rejected_by_reason"].items():
        print(f"rejected: {reason} ({cells:,})")
    if blank := ended.get("rows_without_cells"):
        print(f"skipped, as they hold no cell at all: {blank:,} row(s)")
    if before:
        print(f"{before:,} of {ended['parts']:,} parts were there already")
    print(
        f"{ended['rows_in']:,} rows in, {ended['rows_scored']:,} scored, "
        f"{ended['rows_rejected']:,} rejected ({ended['rejected_pct']:.2f} %), "
        f"by {model['name']} version {model['version']}: {into.address}/{SCORED}"
    )


def with_a_bar(job: Scoring, todo: list[Task], running: Engine) -> list[list[Part]]:
    """Return what became of the tasks; a person at a terminal sees the rows go by."""
    rows = [task.stretch.rows for task in todo]
    total = None if None in rows else sum(filter(None, rows))
    with tqdm(total=total, desc="score", unit=" rows", unit_scale=True, disable=None) as bar:
        return running.map(partial(scoring.score, job, told=bar.update), todo, what="score")


if __name__ == "__main__":
    run(main)
