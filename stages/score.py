"""Scores rows of any number with the promoted model: `make score IN=... OUT=...`."""

import argparse
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sales import engine, params
from sales.data import addresses, database, pieces, sources
from sales.data.incoming import IngestParams
from sales.data.query import SqlParams
from sales.data.reading import formats
from sales.data.result import Result
from sales.data.sources import Source
from sales.engine import Engine, RunParams
from sales.errors import PipelineError, run
from sales.serving import scoring
from sales.serving.scored import SCORED, Part, Scored
from sales.serving.scored_table import ScoredTable, run_of
from sales.serving.scoring import Scoring, Task

PROMOTED = Path("models/promoted")
STATE = Path(os.environ.get("SALES_STATE", "state"))


def main() -> None:
    """Write the scored rows, the bad ones beside them, and the record; tell how many of each."""
    parser = argparse.ArgumentParser(prog="python -m stages.score", description=__doc__)
    parser.add_argument("address", metavar="in", help="a file, a folder, a data set, an address")
    parser.add_argument("out", help="a folder, new or of the same run, or its address, or a table")
    parser.add_argument("--alias", default="champion")
    given = parser.parse_args()
    if not given.address or not given.out:
        raise PipelineError("say which rows, and where to: make score IN=orders.csv OUT=scored")
    served = scoring.load(PROMOTED.resolve(), given.alias)
    model = {
        "alias": served.alias,
        "name": served.model_name,
        "version": served.entry["version"],
        "content_hash": served.model.content_hash,
    }
    table = ScoredTable.at(given.out, "OUT") if database.is_address(given.out) else None
    with rows_of(given.address) as (found, inputs):
        if table is None:
            into = Scored(addresses.absolute(given.out))
            report(score(model, found, inputs, into), f"{into.address}/{SCORED}")
            return
        run = run_of(model, inputs)
        work = STATE.absolute() / "score"
        folder = work / f"{hashlib.sha256(table.told.encode()).hexdigest()[:16]}.{run}"
        ended = score(model, found, inputs, Scored(str(folder)))
        added = table.add(folder, ended, run)
        # Also what was begun for this table and never ended.
        for left in work.glob(f"{folder.stem}.*"):
            shutil.rmtree(left)
        report(ended, f"{table.told}, run {run}")
        if not added:
            print("this run's rows are there already: nothing was added")


@contextmanager
def rows_of(address: str) -> Iterator[tuple[list[Source], list[dict[str, Any]]]]:
    """Yield the sources at an address, and what tells them from others.

    Of a table its rows are read first, to a file that goes when the block ends: all are of one
    moment then, and a run that goes on after a crash knows that they are the same.
    """
    if not database.is_address(address):
        found = sources.find(address, params.read("ingest", IngestParams))
        if not found:
            raise PipelineError(f"{address} holds no {formats.TOLD}")
        yield found, [source.told() for source in found]
        return
    table = ScoredTable.at(address, "IN")
    result = Result(SqlParams(url=table.url, table=table.table))
    place = STATE.absolute() / "score" / "in" / str(os.getpid())
    file = place / f"{result.asked.name}.parquet"
    try:
        place.mkdir(parents=True)
        pieces.stream(result.batches(), file)
        yield sources.find(str(file)), [result.record()]
    finally:
        shutil.rmtree(place, ignore_errors=True)


def score(
    model: dict[str, Any], found: list[Source], inputs: list[dict[str, Any]], into: Scored
) -> dict[str, Any]:
    """Score what is not there yet; return the record of all of it."""
    rows = params.read("run", RunParams).partition_rows
    rows, before = into.begin(model, inputs, rows)
    todo = scoring.tasks(found, rows)
    job = Scoring(PROMOTED.resolve(), model["alias"], model["content_hash"], into, rows)
    with engine.started() as running:
        if running.client:
            parts = running.map(partial(scoring.score, job), todo, what="score")
        else:
            parts = with_a_bar(job, todo, running)
    ended = into.end([part for each in parts for part in each])
    return {**ended, "before": before}


def report(ended: dict[str, Any], where: str) -> None:
    """Tell what became of the rows."""
    for warning in ended["warnings"]:
        print(warning)
    for reason, cells in ended["rejected_by_reason"].items():
        print(f"rejected: {reason} ({cells:,})")
    if blank := ended.get("rows_without_cells"):
        print(f"skipped, as they hold no cell at all: {blank:,} row(s)")
    if ended["before"]:
        print(f"{ended['before']:,} of {ended['parts']:,} parts were there already")
    print(
        f"{ended['rows_in']:,} rows in, {ended['rows_scored']:,} scored, "
        f"{ended['rows_rejected']:,} rejected ({ended['rejected_pct']:.2f} %), "
        f"by {ended['model']['name']} version {ended['model']['version']}: {where}"
    )


def with_a_bar(job: Scoring, todo: list[Task], running: Engine) -> list[list[Part]]:
    """Return what became of the tasks; a person at a terminal sees the rows go by."""
    rows = [task.stretch.rows for task in todo]
    total = None if None in rows else sum(filter(None, rows))
    with tqdm(total=total, desc="score", unit=" rows", unit_scale=True, disable=None) as bar:
        return running.map(partial(scoring.score, job, told=bar.update), todo, what="score")


if __name__ == "__main__":
    run(main)
