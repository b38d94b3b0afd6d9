"""`make cluster`: a scheduler and workers that stages can join, and that end as one."""

import importlib.util
import os
import signal
import subprocess

import psutil
import pytest

from tests import patience
from tests.bento_server import free_port
from tests.examples import ROOT

if importlib.util.find_spec("distributed") is None and os.environ.get("CI") != "true":
    pytest.skip("Dask is not installed (make setup-cluster)", allow_module_level=True)


def test_it_starts_what_it_says_and_leaves_nobody_behind(tmp_path):
    from distributed import Client

    port, dashboard = free_port(), f"127.0.0.1:{free_port()}"
    told = {"DASK_PORT": str(port), "DASK_DASHBOARD_ADDRESS": dashboard}
    told |= {"DASK_WORKERS": "1", "DASK_WORKER_MEMORY": "1GiB", "SALES_STATE": str(tmp_path)}
    command = ["make", "cluster", *(f"{name}={value}" for name, value in told.items())]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        with Client(
            f"tcp://127.0.0.1:{port}", timeout=patience.SECONDS, set_as_default=False
        ) as client:
            client.wait_for_workers(1, timeout=patience.SECONDS)
            [worker] = client.scheduler_info()["workers"].values()
            assert worker["memory_limit"] == 2**30
            assert worker["local_directory"].startswith(str(tmp_path))
            [answer] = client.run(lambda: importlib.util.find_spec("sales") is not None).values()
            assert answer
            started = [
                one
                for one in psutil.process_iter(["cmdline"])
                if str(port) in " ".join(one.info["cmdline"] or [])
            ]
            assert started
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(patience.SECONDS)
    printed = (tmp_path / "log").read_text()
    assert f"export DASK_SCHEDULER_ADDRESS=tcp://127.0.0.1:{port}" in printed
    assert f"dashboard: http://{dashboard}/status" in printed
    _, alive = psutil.wait_procs(started, patience.SECONDS)
    assert not alive
