"""How long `make contract` takes for 200,000 rows of 100 columns: `python -m bench.drafting`.

The table has something of everything: numbers, whole numbers, categories of 3 to 300 values, an id,
dates in two forms, free text. It is read from a CSV file, in a process of its own, as a user's is.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from subprocess import DEVNULL, run

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
ROWS = 200_000


def main() -> None:
    """Print seconds, those of the processor, and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wide.csv"
        wide(ROWS).to_csv(file, index=False)
        words = [sys.executable, "-m", "stages.contract", "--target=y", str(file)]
        env = {**os.environ, "SALES_STATE": folder}
        started = time.perf_counter()
        run(words, cwd=ROOT, env=env, stdout=DEVNULL, check=True)
        seconds = time.perf_counter() - started
        size = file.stat().st_size / 1e6
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = spent.ru_utime + spent.ru_stime
    print(
        f"{ROWS:,} rows x 100 columns ({size:.0f} MB): {seconds:.1f} s, {cpu:.1f} s of processor, "
        f"{spent.ru_maxrss / 1e3:.0f} MB, load {os.getloadavg()[0]:.1f}"
    )


def wide(rows: int) -> pd.DataFrame:
    """Return the table, the same each time."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {
        f"x{n}": np.round(rng.normal(100, 30, rows), 3) for n in range(60)
    }
    columns |= {f"k{n}": rng.integers(0, 10 ** (1 + n % 6), rows) for n in range(20)}
    for n in range(15):
        columns[f"c{n}"] = rng.choice([f"level {i}" for i in range(3 + n * 20)], rows)
    days = np.datetime64("2015-01-01") + rng.integers(0, 3_000, rows)
    columns["id"] = [f"ORD{n:07d}" for n in range(rows)]
    columns["day"] = days.astype(str)
    columns["us"] = pd.Series(days).dt.strftime("%m/%d/%Y")
    columns["remarks"] = [f"some free text {n} and {n * 7}" for n in range(rows)]
    noise = rng.normal(0, 5, rows)
    columns["y"] = np.round(np.asarray(columns["x0"]) * 3 + np.asarray(columns["k1"]) + noise, 2)
    return pd.DataFrame(columns)


if __name__ == "__main__":
    main()
