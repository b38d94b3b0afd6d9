"""What came true of rows that were answered, from a file: `make truths FILE=shipped.csv`.

Not a DVC stage. The truths are kept where the service keeps its rows (SERVED), as if they had been
sent to it. Then it is told how many of all that are kept name no row.
"""

import argparse
import os
import time
from pathlib import Path

from sales import params
from sales.contract import Contract
from sales.data.incoming import IngestParams
from sales.data.pictures import keys_of
from sales.errors import PipelineError, run
from sales.serving.request import RequestError
from sales.serving.settings import kept_somewhere
from sales.watching import joined, parts, secret, truths
from sales.watching.row_keys import RowKeys

SHOWN = 5  # rows named of each kind of fault


def main() -> None:
    """Keep the truths of a file."""
    parser = argparse.ArgumentParser(prog="python -m stages.truths", description=__doc__)
    parser.add_argument("file", nargs="?", default="")
    file = parser.parse_args().file
    if not file:
        raise PipelineError("name the file: make truths FILE=shipped.csv")
    kept = kept_somewhere(os.environ)
    contract = params.read("contract", Contract)
    how = params.read("ingest", IngestParams)
    keys = RowKeys.of({"keys": keys_of(contract)})
    try:
        found = truths.of_file(Path(file), contract, how)
    except RequestError as error:
        raise PipelineError(f"{file}: {_told(error)}") from None
    hashes = None
    if keys.id in keys.private and found.keyed:
        hashes = secret.needed(kept.address, kept.key)
    table = found.table(keys, hashes, time.time_ns())
    into = parts.Parts(kept.address, parts.TRUTHS)
    for day, rows in parts.by_day(table):
        into.add(day, rows)
    unknown = joined.window(kept.address).unknown()
    print(f"{found.rows:,} truths are kept in {kept.address}")
    if unknown:
        print(
            f"{unknown:,} of all truths there name no row that is kept: not yet, of a share that "
            "was not drawn, too old by now, or never answered"
        )


def _told(error: RequestError) -> str:
    """Return what is wrong with a file, in a line."""
    told = []
    for fault in error.details:
        rows = fault.get("rows", [])
        more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
        where = f" (row {', '.join(map(str, rows[:SHOWN]))}{more})" if rows else ""
        name = "".join(f"{one}: " for one in fault["loc"][1:])
        told.append(f"{name}{fault['msg']}{where}")
    return "; ".join(told)


if __name__ == "__main__":
    run(main)
