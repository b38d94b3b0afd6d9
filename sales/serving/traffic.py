"""What /metrics tells of the requests: how many each route answered, with what, in which time.

Under the names that BentoML's own have. Those label by path, and each unknown path would be a
series of its own for ever; here all of them share one label.
"""

import os
import time
from pathlib import Path

import psutil
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from sales.serving import state

UNKNOWN = "(unknown)"  # the route of every path that has none
# The files in which prometheus_client keeps a process's numbers, with room for all that are told.
FILES = {
    **{"counter": 1 << 20, "histogram": 1 << 20},
    **dict.fromkeys(("gauge_livesum", "gauge_livemax", "gauge_max"), 1 << 16),
}


class Traffic:
    """The counters of one process; to be made once, after `share`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        told, both = "bentoml_service_request", ["endpoint", "http_response_code"]
        self._total = Counter(told, "Requests, by route and status.", both, registry=registry)
        self._duration = Histogram(
            f"{told}_duration_seconds", "How long they took.", both, registry=registry
        )
        self._progress = Gauge(
            f"{told}_in_progress",
            "Requests that are worked on now.",
            ["endpoint"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._last = Gauge(
            "bentoml_service_last_request_timestamp_seconds",
            "When the last request came.",
            registry=registry,
            multiprocess_mode="max",
        )
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def begin(self, progress: Gauge) -> None:
        """Count a request that has come."""
        progress.inc()
        self._last.set(time.time())

    def progress(self, route: str) -> Gauge:
        """Return the gauge of a route's requests that are worked on."""
        return self._progress.labels(route)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        found = self._children.get((route, status))
        if found is None:
            found = self._total.labels(route, status), self._duration.labels(route, status)
            self._children[route, status] = found
        found[0].inc()
        found[1].observe(seconds)


def share(folder: Path) -> None:
    """Let this process keep its numbers in a folder, where `told` adds up those of all workers.

    To be called before the first counter is made. Raises OSError where there is no room for them:
    then they are kept, and told, by each process alone.
    """
    try:
        for kind, size in FILES.items():
            state.reserve(folder / f"{kind}_{os.getpid()}.db", size)
    except OSError:
        values.ValueClass = values.MutexValue
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        raise
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue()
    for left in folder.glob("gauge_live*.db"):  # of workers that were killed
        if not psutil.pid_exists(int(left.stem.rpartition("_")[2])):
            left.unlink(missing_ok=True)


def told(registry: CollectorRegistry) -> tuple[bytes, str]:
    """Return what /metrics answers, of all workers where they share it, and its media type."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ and values.ValueClass is not values.MutexValue:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST
