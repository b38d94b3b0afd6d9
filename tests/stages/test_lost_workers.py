"""Workers and schedulers that die in the middle: others go on, or a line says what is lost.

Of training tests/sales/estimators/test_on_cluster.py tells, of scoring test_stage_score.py.
"""

import os
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from sales import engine, files
from sales.data.split import PARTS
from sales.engine import partitions
from sales.errors import PipelineError
from stages import prepare
from tests import patience
from tests.bento_server import free_port
from tests.examples import ROOT, make_orders, set_params

pytestmark = pytest.mark.usefixtures("small_cluster")


class Cluster:
    """A scheduler and three workers, each a process that can be killed."""

    def __init__(self, folder, modules=str(ROOT)):
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.log = (folder / "log").open("w")
        env = {**os.environ, "PYTHONPATH": modules}
        host, port = self.address.removeprefix("tcp://").split(":")

        def start(*words):
            command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
            return subprocess.Popen(
                command, cwd=folder, env=env, stdout=self.log, stderr=self.log, text=True
            )

        bare = ("--no-dashboard",)
        self.scheduler = start("dask_scheduler", "--host", host, "--port", port, *bare)
        self.workers = [
            start("dask_worker", self.address, "--nthreads", "1", "--no-nanny", *bare)
            for _ in range(3)
        ]

    def stop(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self.log.close()


@pytest.fixture
def cluster(project, tmp_path_factory):
    """Yield a cluster of our own, which the stages of the project then run on."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    set_params({"run.engine": "dask"})
    yield cluster
    cluster.stop()


def stage(cluster, *words):
    """Start a stage as `dvc repro` does; return its process once a worker is busy with it."""
    from distributed import Client

    env = {**os.environ, "DASK_SCHEDULER_ADDRESS": cluster.address, "PYTHONPATH": str(ROOT)}
    with Client(cluster.address, timeout=patience.SECONDS, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=patience.SECONDS)
        process = subprocess.Popen(
            [sys.executable, "-m", *words], env=env, stderr=subprocess.PIPE, text=True
        )

        def busy():
            assert process.poll() is None, process.communicate()[1]
            return any(client.processing().values())

        patience.until(busy, every=0.01)
    return process


def lay_down(rows, each):
    orders = make_orders(rows)
    for number, start in enumerate(range(0, rows, each)):
        path = partitions.name(Path("data/raw/a.csv.parquet"), number)
        path.parent.mkdir(parents=True, exist_ok=True)
        partitions.write(orders[start : start + each], path)


def test_whatever_is_killed_the_stage_ends_and_nothing_half_written_counts(cluster):
    lay_down(20_000, 250)
    set_params({"prepare.split": "random"})  # whose shares are known
    for name, worker in (("prepare", cluster.workers[0]), ("featurize", cluster.workers[1])):
        process = stage(cluster, f"stages.{name}")
        worker.send_signal(signal.SIGKILL)
        told = process.communicate(timeout=patience.SECONDS)[1]
        assert process.returncode == 0, told  # on those that are left
    for folder in ("prepared", "features"):
        tables = [Path("data") / folder / f"{part}.parquet" for part in PARTS]
        counts = [sum(partitions.rows(partitions.of(table))) for table in tables]
        assert counts == [14_000, 2_000, 4_000]

    before = files.content_hash(Path("data"))
    process = stage(cluster, "stages.prepare")
    cluster.scheduler.send_signal(signal.SIGKILL)
    told = process.communicate(timeout=patience.SECONDS)[1]
    assert process.returncode == 1
    assert told.count("error: ") == 1
    assert re.search(r"error: .*: the scheduler is lost \(.*\): start it again, and this too", told)
    assert files.content_hash(Path("data")) == before


def test_a_scheduler_that_is_not_there_is_told(project, monkeypatch):
    lay_down(100, 100)
    set_params({"run.engine": "dask"})
    address = f"tcp://127.0.0.1:{free_port()}"
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    from sales.engine import cluster

    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(PipelineError, match=f"{address}: no scheduler with a worker answers there"):
        prepare.main()


def test_a_worker_that_does_not_see_the_folder_is_named(on_dask, monkeypatch):
    from sales.engine import cluster

    monkeypatch.setattr(cluster.Path, "cwd", classmethod(lambda _: Path("/nowhere")))
    with (
        pytest.raises(
            PipelineError, match=r"the worker tcp://.* does not see /nowhere: tables lie"
        ),
        engine.started(),
    ):
        pass


def test_workers_that_find_no_modules_of_ours_are_told(
    project, tmp_path_factory, monkeypatch, request
):
    set_params({"run.engine": "dask"})
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), modules="")
    request.addfinalizer(cluster.stop)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.address)
    with (
        pytest.raises(PipelineError, match=f"finds no module 'sales': .* PYTHONPATH={ROOT}$"),
        engine.started(),
    ):
        pass


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PipelineError("no")])
def test_an_error_on_one_partition_waits_for_those_that_still_write(on_dask, tmp_path, error):
    def write(path):
        if path is None:
            patience.until((tmp_path / "begun").exists)
            raise error
        (tmp_path / "begun").touch()
        time.sleep(1)  # meanwhile the error is on its way, or the test shows less
        path.touch()

    with engine.started() as on, pytest.raises(type(error), match=str(error.args[-1])):
        on.map(write, [tmp_path / "late", None], what="a test")
    assert (tmp_path / "late").is_file()


@pytest.mark.parametrize("where", ["elsewhere", "here"])
def test_a_worker_with_other_code_is_unfit(project, monkeypatch, tmp_path, where):
    from sales.engine import cluster

    code = ROOT / "sales"
    assert cluster._unfit(str(project), str(code)) is None
    file = tmp_path / "strange.py"
    file.touch()
    code = tmp_path / "sales" if where == "here" else code
    later = time.time() + 10
    os.utime(file, (later, later))
    loaded = types.ModuleType("stages.strange")
    loaded.__file__ = str(file)
    for name in [name for name in sys.modules if name.split(".")[0] in ("sales", "stages")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "stages.strange", loaded)
    told = {
        "elsewhere": f"has the project's modules from {tmp_path}, not from {code}: start it anew",
        "here": f"runs since before {file} was changed: start the cluster anew",
    }
    assert cluster._unfit(str(project), str(code)) == told[where]


def test_a_worker_that_runs_out_of_memory_again_and_again_is_told(on_dask):
    def ends(_):
        os.kill(os.getpid(), signal.SIGKILL)

    with (
        pytest.raises(
            PipelineError, match=r"ends: 4 workers were lost on one partition.*worker_mem"
        ),
        engine.started() as on,
    ):
        on.map(ends, [1], what="ends")
    on_dask.wait_for_workers(2, timeout=patience.SECONDS)  # brought back by their nannies


def test_own_workers_that_are_killed_have_time_to_start_anew_on_a_busy_machine(project):
    from dask import config

    from sales.engine import cluster

    set_params({"run.engine": "dask", "run.workers": 1})
    given_up_after = "distributed.deploy.lost-worker-timeout"
    with config.set({given_up_after: "15 s"}):
        with engine.started():
            assert config.get(given_up_after) == cluster.LOST
        assert config.get(given_up_after) == "15 s"
