"""A small project whose rows come in by increments, with a pipeline of two stages under real DVC.

`python -m tests.increments train` and `... register` are those stages. An increment is a file of a
hundred orders, whose name tells the seed they are made from. The more files there are, the more
rounds its model is given, so that a later one is mostly better.
"""

import shutil
import sys
from pathlib import Path

import pandas as pd

from sales import estimators
from sales.errors import run
from stages import register
from tests.examples import make_orders, set_params
from tests.trained_project import NAMES, boosted

INCOMING = Path("data/incoming")
ROWS = 100  # of an increment
FIRST = 6  # increments that are there from the beginning
MAKEFILE = "repro:\n\t@dvc repro --no-run-cache\n"
PIPELINE = """
stages:
  train:
    cmd: python -m tests.increments train
    deps: [data/incoming]
    outs: [models/linear_regression, models/xgboost]
  register:
    cmd: python -m tests.increments register
    deps: [models/linear_regression, models/xgboost]
    always_changed: true
"""


def lay_out(cooldown_days: float) -> None:
    """Make the project in the current folder, which holds what `trained` left."""
    for made in ("models", "metrics", "plots", "cards", "data"):
        shutil.rmtree(made, ignore_errors=True)
    INCOMING.mkdir(parents=True)
    Path("plots").mkdir()
    Path("Makefile").write_text(MAKEFILE)
    Path("dvc.yaml").write_text(PIPELINE)
    retrain = dict.fromkeys(("new_rows_pct", "age_days", "drift", "live_error"))
    asked = {**retrain, "new_rows": ROWS, "cooldown_days": cooldown_days}
    set_params({f"retrain.{key}": value for key, value in asked.items()})
    set_params({"ingest.source": "files"})
    for _ in range(FIRST):
        come_in()


def come_in() -> None:
    """Let an increment come in, whole."""
    number = len(list(INCOMING.iterdir()))
    beside = Path("increment.parquet")
    make_orders(ROWS, seed=number).to_parquet(beside)
    beside.replace(INCOMING / f"{number:03d}.parquet")


def train() -> None:
    """Train on all that has come in."""
    seeds = [int(path.stem) for path in sorted(INCOMING.iterdir())]
    orders = pd.concat([make_orders(ROWS, seed=seed) for seed in seeds], ignore_index=True)
    orders["OrderID"] = [f"ORD{number:07d}" for number in range(len(orders))]
    boosted(12 * (len(seeds) - FIRST + 1), orders=orders)


def main() -> None:
    """Run the stage that the command line names."""
    estimators.NAMES = NAMES  # type: ignore[assignment]
    run({"train": train, "register": register.main}[sys.argv[1]])


if __name__ == "__main__":
    main()
