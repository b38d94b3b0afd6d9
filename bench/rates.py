"""Rows a second, beside another tree of the project: `python -m bench.rates ../before`.

`prepare` and `featurize` of BENCH_ROWS (1,000,000) of the generator's orders, each a process as DVC
runs it, the start of Python and its libraries included; the trees take turns, BENCH_ROUNDS (5)
times, and medians count. Then one order, by each model that this tree's last run trained: from its
values to the answer, in microseconds of one thread. Both trees need `make setup`, this one
`make repro`.
"""

import os
import shutil
import statistics
import subprocess
import sys
import timeit
from pathlib import Path

import pandas as pd

from bench import pipeline
from sales import estimators
from sales.models import saved
from sales.serving.request import OrderSchema

HERE = Path(__file__).resolve().parents[1]
ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
STAGES = ("prepare", "featurize")
ORDERS, TIMES = 200, 20  # each order so many times


def seconds(stage: str, folder: Path, tree: Path) -> float:
    """Return how long a stage takes in a clone, by its tree's own environment."""
    command = [str(tree / ".venv" / "bin" / "python"), "-m", f"stages.{stage}"]
    start = timeit.default_timer()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return timeit.default_timer() - start


def one_order(name: str) -> float:
    """Return the microseconds in which a model answers one order, its JSON already read."""
    model = saved.load(HERE / "models" / name)
    schema, fields = OrderSchema(model.featuriser), list(model.featuriser.request_fields)
    table = pd.read_parquet(HERE / "data/prepared/test.parquet", columns=fields)[:ORDERS]
    bodies = table.to_json(orient="records", lines=True, date_format="iso").splitlines()
    orders = [schema.one(body) for body in bodies]

    def each() -> None:
        for order in orders:
            model.predict(order)

    each()  # what is made at the first answer
    return 1e6 * min(timeit.repeat(each, number=TIMES, repeat=ROUNDS)) / (TIMES * ORDERS)


def main() -> None:
    """Print the rates of both trees and their ratio, and what one order takes here."""
    if len(sys.argv) != 2:
        raise SystemExit("error: name the other tree: python -m bench.rates ../before")
    trees = {"there": Path(sys.argv[1]).resolve(), "here": HERE}
    folders = {
        name: pipeline.clone(f"rates_{name}", {"ingest.rows": ROWS}, tree)
        for name, tree in trees.items()
    }
    found: dict[str, dict[str, list[float]]] = {one: {t: [] for t in trees} for one in STAGES}
    for name, folder in folders.items():
        seconds("ingest", folder, trees[name])
    for turn in range(ROUNDS + 1):
        for stage in STAGES:
            for name, folder in folders.items():
                took = seconds(stage, folder, trees[name])
                if turn:  # the first reads the disk
                    found[stage][name].append(took)
    print(f"rows a second of {ROWS:,}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':12} {'there':>12} {'here':>12} {'ratio':>8}")
    for stage, by_tree in found.items():
        there, here = (ROWS / statistics.median(by_tree[name]) for name in trees)
        both = zip(by_tree["there"], by_tree["here"], strict=True)
        ratio = statistics.median(one / other for one, other in both)
        print(f"{stage:12} {there:12,.0f} {here:12,.0f} {ratio:8.3f}")
    for folder in folders.values():
        shutil.rmtree(folder)
    print("\none order, microseconds")
    for name in estimators.trained(HERE / "models"):
        print(f"{name:24} {one_order(name):8.1f}")


if __name__ == "__main__":
    main()
