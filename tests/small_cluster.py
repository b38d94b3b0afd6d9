"""A Dask cluster of two workers with a thread each, one for all tests of a module."""

import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import patience
from tests.examples import set_params


@contextmanager
def _own_modules() -> Iterator[None]:
    """Let workers find the project's modules, and no copy that a model of MLflow's brought along.

    An earlier test of this process may have loaded one.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "path", [one for one in sys.path if "/artifacts/" not in one])
        yield


@pytest.fixture(scope="module")
def small_cluster() -> Iterator[Any]:
    """Yield the cluster. The tests are skipped without Dask, but not in CI, where it must be."""
    if importlib.util.find_spec("distributed") is None and os.environ.get("CI") != "true":
        pytest.skip("Dask is not installed (make setup-cluster)")
    import dask
    from distributed import LocalCluster

    from sales.engine import cluster as engine
    from sales.estimators.fitting import watch

    with (
        pytest.MonkeyPatch.context() as patched,
        _own_modules(),
        # Else it gives up a worker that takes longer to be there again after it was killed.
        dask.config.set({"distributed.deploy.lost-worker-timeout": patience.SECONDS}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        for module in (engine, watch):
            patched.setattr(module, "PATIENCE", patience.SECONDS)
        yield cluster


@pytest.fixture
def on_dask(project, small_cluster, monkeypatch) -> Any:
    """Return the cluster, which the stages of the project now run on."""
    set_params({"run.engine": "dask", "run.partition_rows": 100})
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", small_cluster.scheduler_address)
    return small_cluster
