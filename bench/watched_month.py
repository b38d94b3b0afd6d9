"""A month of answered rows that `make watch` has looked at: what the page's Watch is measured with.

Rows that the champion was tested with, a thousand a day, one of ten of which came true; in the last
three days only the dearer half of them, so that something has moved.
"""

import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from bench import watched_rows
from bench.servers import WORK

ROWS, DAYS, MOVED = 30_000, 30, 3  # in all; of the month; at its end
FOLDER = WORK / "watched_month"
FOUND = FOLDER / "state" / "watch" / "metrics.json"  # what `make watch` finds


def make() -> None:
    """Make rows and findings anew. Raises SystemExit where it could not look."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    served, state = FOLDER / "served", FOLDER / "state"
    state.mkdir(parents=True)
    test = pd.read_parquet(watched_rows.PREPARED / "test.parquet")
    as_ever = watched_rows.champion(watched_rows.PROMOTED, test)
    dearer = test[as_ever.truth > np.median(as_ever.truth)]
    moved = watched_rows.champion(watched_rows.PROMOTED, dearer)
    last = datetime.now(UTC).date() - timedelta(days=1)
    rows = ROWS * MOVED // DAYS
    before = last - timedelta(days=MOVED)
    watched_rows.write(served, ROWS - rows, as_ever, before, DAYS - MOVED)
    watched_rows.write(served, rows, moved, last, MOVED, before=ROWS - rows)
    *_, told = watched_rows.measured(served, state)
    if not FOUND.is_file():
        raise SystemExit(f"error: make watch found nothing: {told}")
