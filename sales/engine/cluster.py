"""The Dask cluster that the stages run on: joined, or started for the run. The one place of Dask.

Scheduling, moving of rows and the recovery of what a lost worker did are Dask's own. Ours is what
Dask cannot know: that the workers must see the project's folder, and errors that name what to do.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import dask
import dask.dataframe as dd
import pandas as pd
import psutil
from distributed import Client, KilledWorker, LocalCluster, progress
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError

import sales
from sales.engine.partitions import Kept, kept
from sales.errors import PipelineError

Result = TypeVar("Result")
ADDRESS, DASHBOARD = "DASK_SCHEDULER_ADDRESS", "DASK_DASHBOARD_ADDRESS"
CLOCKS = 2.0  # seconds by which a process's start may be told too early
PATIENCE = 30  # seconds until the scheduler must answer, and a worker be there
# Seconds until one of our own workers that was killed must be there again. After Dask's 15 it would
# be given up for good, where a busy machine is slow to start it.
LOST = 600


class Cluster:
    """An engine whose partitions are worked on by Dask's workers."""

    def __init__(self, client: Client, partition_rows: int) -> None:
        self.client: Client = client
        self.partition_rows: int = partition_rows

    def map(
        self, function: Callable[..., Result], *items: Iterable[Any], what: str
    ) -> list[Result]:
        """Return the function's results; what a lost worker had to do, another one does."""
        with refusals(what):
            futures = self.client.map(function, *map(list, items), pure=False, key=what)
            try:
                _show(futures, what)
                return self.client.gather(futures)
            except (CommClosedError, TimeoutError):
                raise  # there is nobody left to wait for
            except (PipelineError, OSError):
                self._end(futures)
                raise

    def _end(self, futures: Sequence[Any]) -> None:
        """Wait until no worker is at it any more: what they write would be swept away meanwhile."""
        self.client.cancel(futures)
        until = time.monotonic() + PATIENCE
        while any(self.client.run(_at_work).values()) and time.monotonic() < until:
            time.sleep(0.05)

    def together(
        self,
        function: Callable[[pd.DataFrame], pd.DataFrame],
        tables: Sequence[Kept],
        *,
        key: str,
        what: str,
    ) -> pd.DataFrame:
        """Return the function's rows; Dask's shuffle brings equal keys together."""
        example = kept(tables[0]).iloc[:0]
        with refusals(what):
            rows = dd.from_map(kept, list(tables), meta=example)
            shuffled = rows.shuffle(on=key).map_partitions(function, meta=function(example))
            [future] = self.client.compute([shuffled])
            _show([future], what)
            return future.result()


@contextmanager
def started(workers: int, memory: str, partition_rows: int) -> Iterator[Cluster]:
    """Yield the cluster at DASK_SCHEDULER_ADDRESS; without one, a local one that ends with us.

    So many workers with so much memory each has the local one.
    """
    dask.config.set(
        {
            "temporary-directory": str(
                Path(os.environ.get("SALES_STATE", "state"), "dask").absolute()
            ),
            "distributed.admin.large-graph-warning-threshold": "1GB",
            "distributed.comm.timeouts.connect": PATIENCE,
        }
    )
    # A scheduler that is gone is told in a line of ours, not by its log's traceback too.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    address = os.environ.get(ADDRESS)
    with _joined(address) if address else _own(workers, memory) as client:
        _look_over(client)
        yield Cluster(client, partition_rows)


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn a lost scheduler, and a worker that is lost again and again, into a line for people."""
    try:
        yield
    except KilledWorker as error:
        raise PipelineError(
            f"{what}: {error.allowed_failures + 1} workers were lost on one partition, the last at "
            f"{error.last_worker.address}: too little memory? Raise run.worker_memory, or lower "
            "run.partition_rows"
        ) from None
    except (FutureCancelledError, CommClosedError, TimeoutError) as error:
        raise PipelineError(
            f"{what}: the scheduler is lost ({' '.join(str(error).split())[:120]}): "
            "start it again, and this too"
        ) from None


@contextmanager
def _joined(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=True)
        client.wait_for_workers(1, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(
            f"{ADDRESS}={address}: no scheduler with a worker answers there ({reason}): "
            "`make cluster` starts one on this machine; unset it to have one for each stage"
        ) from None
    with client:
        yield client


@contextmanager
def _own(workers: int, memory: str) -> Iterator[Client]:
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": LOST}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory,
            dashboard_address=os.environ.get(DASHBOARD, "127.0.0.1:0"),
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _look_over(client: Client) -> None:
    """Tell where the dashboard is; raise PipelineError for a worker that cannot work for us."""
    folder, code = Path.cwd(), Path(sales.__file__).parent
    try:
        told = client.run(_unfit, str(folder), str(code))
        if os.environ.get(ADDRESS):  # it unpacks what it hands on; our own is in this process
            told["the scheduler"] = client.run_on_scheduler(_unfit, str(folder), str(code))
    except Exception as error:  # of a worker's, Dask hands on the text alone
        missing = re.search(r"No module named ('.+?')", str(error))
        if not missing:
            raise
        raise PipelineError(
            f"a worker or the scheduler finds no module {missing[1]}: each needs the packages of "
            f"the lock, the group cluster among them, and PYTHONPATH={code.parent}"
        ) from None
    told = {where if " " in where else f"the worker {where}": why for where, why in told.items()}
    for where, unfit in told.items():
        if unfit:
            raise PipelineError(f"{where} {unfit}")
    print(f"{len(client.nthreads())} workers; dashboard: {client.dashboard_link}", file=sys.stderr)


def _unfit(folder: str, code: str) -> str | None:
    """Return why the process that is asked cannot work for the project, None where it can."""
    if not Path(folder, "params.yaml").is_file():
        return (
            f"does not see {folder}: tables lie in files, so that every worker, and the scheduler "
            "for our modules, needs the project's folder at the same path"
        )
    own = [(name, getattr(module, "__file__", None)) for name, module in [*sys.modules.items()]]
    files = [Path(file) for name, file in own if file and name.split(".")[0] in ("sales", "stages")]
    for file in files:
        if not file.is_relative_to(Path(code).parent):
            return f"has the project's modules from {file.parent}, not from {code}: start it anew"
        if file.stat().st_mtime > psutil.Process().create_time() + CLOCKS:
            return f"runs since before {file} was changed: start the cluster anew"
    return None


def _at_work(dask_worker: Any) -> int:
    """Return how many tasks the worker that is asked works on."""
    return dask_worker.state.executing_count


def _show(futures: Sequence[Any], what: str) -> None:
    """Show Dask's progress bar to a person at a terminal."""
    if sys.stdout.isatty():
        print(what)
        progress(list(futures), notebook=False)
        print()
