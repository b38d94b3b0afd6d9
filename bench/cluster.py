"""What the cluster costs XGBoost: two workers of a thread each against two threads of one process.

    python -m bench.cluster     # a million orders, 700,000 to train on

Both learn a hundred rounds from the same rows in float32, with the parameters of params.yaml and
both parts watched, three times in turn. `train` is from rows in memory to the booster, the making
of the quantile matrix within it; `whole` begins at the Parquet files. Neither the start of the
workers nor imports count. The ratio is of the best of each. Writes state/bench/cluster.json.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import xgboost.dask
from distributed import Client, LocalCluster

from bench import pipeline
from sales import files, params
from sales.estimators import TrainingFiles
from sales.estimators.fitting import shares
from sales.estimators.xgboost import Params, settings
from sales.models import matrices

ROWS = 1_000_000
PARTITION = 250_000  # rows of a file
ROUNDS, RUNS, WORKERS = 100, 3, 2
Seconds = dict[str, float]


def laid_down() -> TrainingFiles:
    """Return where the train and valid rows lie, as the stages make them on a cluster."""
    changes = {"ingest.rows": ROWS, "run.engine": "dask", "run.partition_rows": PARTITION}
    folder = pipeline.clone(f"xgboost_{ROWS}", changes)
    for stage in ("ingest", "prepare", "featurize"):
        pipeline._run([sys.executable, "-m", f"stages.{stage}"], folder)
    return matrices.files(folder / "data/features")[1]


def local(told: Params, rows: TrainingFiles) -> Seconds:
    """Return what `xgboost.train` takes with as many threads."""
    start = time.perf_counter()
    pieces = [shares.equal(parts, 1)[0] for parts in (rows.train, rows.valid)]
    loaded = [(shares.load(p, rows.columns), shares.column(p, rows.target)) for p in pieces]
    ready = time.perf_counter()
    train = xgboost.QuantileDMatrix(*loaded[0], max_bin=told.max_bin, nthread=WORKERS)
    valid = xgboost.QuantileDMatrix(*loaded[1], max_bin=told.max_bin, nthread=WORKERS, ref=train)
    xgboost.train(
        {**settings(told, rows.columns), "nthread": WORKERS},
        train,
        num_boost_round=ROUNDS,
        evals=[(train, "train"), (valid, "valid")],
        verbose_eval=False,
    )
    return _seconds(start, ready)


def on(client: Client, told: Params, rows: TrainingFiles) -> Seconds:
    """Return what `xgboost.dask.train` takes, as our xgboost_on_cluster calls it."""
    start = time.perf_counter()
    addresses = shares.workers(client, rows.train, rows.valid)

    def matrix(
        parts: tuple[Path, ...], ref: xgboost.dask.DaskQuantileDMatrix | None = None
    ) -> xgboost.dask.DaskQuantileDMatrix:
        X, y = shares.on(client, addresses, parts, rows.columns, rows.target)
        return xgboost.dask.DaskQuantileDMatrix(client, X, y, max_bin=told.max_bin, ref=ref)

    train = matrix(rows.train)
    valid = matrix(rows.valid, train)
    ready = time.perf_counter()
    xgboost.dask.train(
        client,
        settings(told, rows.columns),
        train,
        num_boost_round=ROUNDS,
        evals=[(train, "train"), (valid, "valid")],
        verbose_eval=False,
    )
    return _seconds(start, ready)


def _seconds(start: float, ready: float) -> Seconds:
    now = time.perf_counter()
    return {"train": round(now - ready, 2), "whole": round(now - start, 2)}


def main() -> None:
    """Run both in turn, print and write the figures."""
    told = params.read("train.xgboost", Params)
    rows = laid_down()
    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=40
        ) as cluster,
        Client(cluster) as client,
    ):
        ways: dict[str, Callable[[], Seconds]] = {
            "local": lambda: local(told, rows),
            "dask": lambda: on(client, told, rows),
        }
        client.run(__import__, "xgboost.dask")
        found: dict[str, list[Seconds]] = {way: [] for way in ways}
        for _ in range(RUNS):
            for way, run in ways.items():
                seconds = run()
                found[way].append(seconds)
                print(
                    f"{way:<6} train {seconds['train']:>6.2f} s, whole {seconds['whole']:>6.2f} s"
                )
    ratios = {}
    for part in ("train", "whole"):
        best = {way: min(one[part] for one in runs) for way, runs in found.items()}
        ratios[part] = round(best["dask"] / best["local"], 3)
        print(f"{part}: dask takes {ratios[part]} of the time (best of {RUNS}: {best})")
    told_of = {"rows": ROWS, "rounds": ROUNDS, "cpus": os.cpu_count(), "ratios": ratios}
    files.write_json(pipeline.WORK / "cluster.json", {**told_of, "seconds": found})
    print(f"written to {pipeline.WORK / 'cluster.json'}")


if __name__ == "__main__":
    main()
