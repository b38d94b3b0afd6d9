"""The pipeline on a Dask cluster as the rows grow: two workers of 3 GiB on this machine.

    make bench-cluster                                     # 100,000 rows, both engines
    make bench-cluster BENCH_ROWS="1000000 20000000"

Up to 100,000 rows, the smallest number runs on both engines, and what is equal is told. Then, for
each number, a `dvc repro` with `run.engine: dask` in a clone of HEAD with an empty cache, and a
`make score` of all its raw rows by the champion. bench/meter.py takes the cost of each stage's own
process, a watch the memory of each worker (its resident set, every fifth of a second). Writes
state/bench/cluster_pipeline.json.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench import pipeline
from sales import engine, estimators, files, params
from sales.data.split import PARTS
from sales.engine import partitions
from sales.judging import evaluation
from sales.judging.scores import EvaluateParams
from sales.models import saved

ROWS = tuple(int(rows) for rows in os.environ.get("BENCH_ROWS", "100000").split())
BOTH = 100_000  # rows up to which one machine is asked too
WORKERS = int(os.environ.get("DASK_WORKERS", "2"))
MEMORY = os.environ.get("DASK_WORKER_MEMORY", "3GiB")
PORT = os.environ.get("DASK_PORT", "8786")
ADDRESS = f"tcp://127.0.0.1:{PORT}"


@contextmanager
def cluster(folder: Path) -> Iterator[psutil.Process]:
    """Yield the process whose children are the workers; they import the clone's modules."""
    env = {**os.environ, "PYTHONPATH": str(folder)}
    dask = [sys.executable, "-m"]
    scheduler = [*dask, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", PORT]
    worker = [*dask, "distributed.cli.dask_worker", ADDRESS, "--nworkers", str(WORKERS)]
    worker += ["--nthreads", "1", "--memory-limit", MEMORY]
    worker += ["--local-directory", str(folder / ".git/dask")]
    with (folder / ".git/cluster.log").open("w") as log:
        started = [
            subprocess.Popen(
                [*command, "--no-dashboard"], cwd=folder, env=env, stdout=log, stderr=log
            )
            for command in (scheduler, worker)
        ]
    try:
        yield psutil.Process(started[1].pid)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


class Watch(threading.Thread):
    """Notes the workers' memory while a stage runs: by stage, the peak of the largest worker."""

    def __init__(self, nannies: psutil.Process, folder: Path) -> None:
        super().__init__(daemon=True)
        self.nannies, self.folder, self.over = nannies, folder, threading.Event()
        self.peaks: dict[str, float] = {}

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(0.2):
            stage = self._stage()
            try:
                sizes = [w.memory_info().rss / 1e6 for w in self.nannies.children(recursive=True)]
            except psutil.Error:  # one has just ended
                continue
            if stage and sizes:
                self.peaks[stage] = round(max(self.peaks.get(stage, 0.0), *sizes), 1)

    def _stage(self) -> str | None:
        """Return what of ours runs in the clone: the words after `-m stages.`."""
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            module = next((word for word in words if word.startswith("stages.")), None)
            try:
                if (
                    module
                    and "meter.py" not in " ".join(words)
                    and process.cwd() == str(self.folder)
                ):
                    at = words.index(module)
                    return " ".join([module.removeprefix("stages."), *words[at + 1 :][:1]])
            except psutil.Error:
                continue
        return None


def alike(rows: int) -> dict[str, Any]:
    """Run both engines on the same rows; return what is equal, and how near the rest is."""
    folders = {}
    for name in ("local", "dask"):
        changes = {"run.engine": name, "run.partition_rows": 10_000, "ingest.rows": rows}
        folders[name] = pipeline.clone(f"alike_{name}", changes)
        os.environ.pop("DASK_SCHEDULER_ADDRESS", None)
        pipeline.repro(folders[name])
    one, many = folders["local"], folders["dask"]

    def bytes_equal(path: str) -> bool:
        return (one / path).read_bytes() == (many / path).read_bytes()

    def rows_equal(path: str) -> bool:
        tables = (partitions.read(partitions.of(folder / path)) for folder in (one, many))
        return next(tables).equals(next(tables))

    parts = [f"data/{stage}/{part}.parquet" for stage in ("prepared", "features") for part in PARTS]
    scored = {
        name: [files.read_json(folder / f"metrics/{name}.json") for folder in (one, many)]
        for name in estimators.NAMES
    }
    verdicts = [
        {
            n: m["verdict"]
            for n, m in files.read_json(folder / "metrics/gate.json")["models"].items()
        }
        for folder in (one, many)
    ]
    linear = [
        files.read_json(folder / "models/linear_regression/linear_regression.json")
        for folder in (one, many)
    ]
    weights = [
        np.concatenate([[each["intercept"]], *(f["weights"] for f in each["features"])])
        for each in linear
    ]
    tallies = [_tallies_of(folder, one / "models") for folder in (one, many)]
    found: dict[str, Any] = {
        "same_rows": {path: rows_equal(path) for path in ["data/raw/synthetic.parquet", *parts]},
        "same_bytes": {
            path: bytes_equal(path)
            for path in ("data/prepared/quarantine.csv", "data/features/featuriser.json")
        },
        "linear_regression_largest_difference": float(np.abs(weights[0] - weights[1]).max()),
        "tallies_largest_difference": max(
            abs(a - b) / max(abs(a), 1e-300)
            for a, b in zip(*(each.values() for each in tallies), strict=True)
        ),
        "same_metrics": {name: a == b for name, (a, b) in scored.items()},
        "test_rmse_ratio": {
            name: round(b["test"]["rmse"] / a["test"]["rmse"], 5) for name, (a, b) in scored.items()
        },
        "same_verdicts": verdicts[0] == verdicts[1],
    }
    for folder in folders.values():
        shutil.rmtree(folder)
    return found


def _tallies_of(folder: Path, models: Path) -> dict[str, float]:
    """Return what `tallies` prints in a clone, by the engine that it is set to."""
    command = [sys.executable, "-m", "bench.cluster_pipeline", "tallies", str(models)]
    return json.loads(pipeline._run(command, folder).splitlines()[-1])


def tallies(models: Path) -> dict[str, float]:
    """Return RMSE, mean absolute error and R² of models, unrounded, by part and test slice."""
    folders = [models / name for name in estimators.NAMES]
    orders = {
        part: partitions.of(Path(f"data/prepared/{part}.parquet").absolute()) for part in PARTS
    }
    settings = params.read("evaluate", EvaluateParams)
    loaded = [saved.load(folder) for folder in folders]
    with engine.started() as on:
        told, *_ = evaluation.tallied(loaded, folders, orders, settings, on)
    found = {}
    for name, parts in zip(estimators.NAMES, told, strict=True):
        every = [*parts.items(), *((key[2], one) for key, one in parts["test"].slices.items())]
        for part, one in every:
            found[f"{name} {part} rmse"] = one.rmse
            found[f"{name} {part} mae"] = one.absolute / one.rows
            found[f"{name} {part} r2"] = 1 - one.squares / one.spread
    return dict(sorted(found.items()))


def run(rows: int) -> dict[str, Any]:
    """Run pipeline and score on so many rows; return the costs of each stage."""
    changes = {"run.engine": "dask", "run.worker_memory": MEMORY, "ingest.rows": rows}
    folder = pipeline.clone(f"dask_{rows}", changes)
    os.environ["DASK_SCHEDULER_ADDRESS"] = ADDRESS
    with cluster(folder) as nannies:
        watch = Watch(nannies, folder)
        watch.start()
        costs = pipeline.repro(folder)
        start = time.perf_counter()
        score = ["-m", "stages.score", "data/raw/synthetic.parquet", "scored"]
        printed = pipeline._run([sys.executable, *score], folder)
        seconds = time.perf_counter() - start
        watch.over.set()
        watch.join()
    for one in costs:
        one["worker_mb"] = watch.peaks.get(one["command"])
    scored = {"command": "score", "wall_s": round(seconds, 3), "printed": printed.strip()}
    scored["worker_mb"] = max(
        (peak for stage, peak in watch.peaks.items() if stage.startswith("score")), default=None
    )
    shutil.rmtree(folder)
    return {"stages": costs, "score": scored, "worker_peak_mb": max(watch.peaks.values())}


def main() -> None:
    """Run every size, print and write the figures."""
    told: dict[str, Any] = {"workers": WORKERS, "memory": MEMORY, "cpus": os.cpu_count()}
    if min(ROWS) <= BOTH:
        told["alike"] = alike(min(ROWS))
        print(
            f"{min(ROWS):,} rows on both engines: {json.dumps(told['alike'], indent=2)}", flush=True
        )
    found = {}
    for rows in ROWS:
        found[rows] = run(rows)
        print(f"{rows:,} rows on {WORKERS} workers of {MEMORY}:")
        print(f"{'':<32} {'wall s':>9} {'rows/s':>11} {'driver MB':>10} {'worker MB':>10}")
        for one in [*found[rows]["stages"], found[rows]["score"]]:
            rate = rows / one["wall_s"]
            sizes = [f"{one.get(key) or 0:>10,.0f}" for key in ("peak_mb", "worker_mb")]
            print(f"{one['command']:<32} {one['wall_s']:>9.2f} {rate:>11,.0f} {' '.join(sizes)}")
        print(f"largest worker: {found[rows]['worker_peak_mb']:,.0f} MB", flush=True)
    told["runs"] = {str(rows): one for rows, one in found.items()}
    if len(found) > 1:
        told["exponents"] = pipeline.exponents({n: one["stages"] for n, one in found.items()})
        print("growth: time and the driver's memory as a power of the rows")
        for command, powers in told["exponents"].items():
            print(f"{command:<32} {powers['wall_s']:>6.2f} {powers['peak_mb']:>6.2f}")
    files.write_json(pipeline.WORK / "cluster_pipeline.json", told)
    print(f"written to {pipeline.WORK / 'cluster_pipeline.json'}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["tallies"]:
        print(json.dumps(tallies(Path(sys.argv[2]))))
    else:
        main()
