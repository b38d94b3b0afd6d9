"""The canary, and how the trial stood when it was looked at last, as gauges of /metrics.

They are made as they are asked for: no worker keeps numbers of its own, which would outlive them.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS = 10.0  # between two readings
STATES = ("not yet", "better", "worse", "equal", "undecided", "stopped", "overtaken")
IMPROVEMENT = {
    "improvement_pct": "Percent by which the challenger's RMSE (or MAE) is lower, as it is seen.",
    "low_pct": "Lower end of the confidence sequence of that; absent while nothing bounds it.",
    "high_pct": "Upper end of the confidence sequence of that.",
}


def of_now(percent: float, *, trial: bool, watch: bool) -> bytes:
    """Return what share the challenger answers, and whether it is on trial or was promoted.

    >>> print(of_now(5.0, trial=True, watch=False).decode().splitlines()[2])
    canary_percent 5.0
    """
    share = "Percent of the requests that the challenger answers."
    goes_on = "1: a trial goes on; 0: none does."
    watched = "1: the champion before this one answers in the shadow; 0: none does."
    return _written(
        _one("canary_percent", share, percent),
        _one("challenger_on_trial", goes_on, trial),
        _one("champion_watched", watched, watch),
    )


class LastLook:
    """The gauges of the last look; `read` returns it as JSON, None where there is none.

    Where rows are kept in a bucket, so is this: it is read now and then, and what was read last
    goes on to be told while it cannot be.
    """

    def __init__(self, read: Callable[[], bytes | None], seconds: float = SECONDS) -> None:
        self._read, self._seconds = read, seconds
        self._again = 0.0
        self._told = b""

    def told(self) -> bytes:
        """Return them as Prometheus reads them; nothing where there was no trial.

        It may take as long as the disk, or the bucket, does.
        """
        now = time.monotonic()
        if now >= self._again:
            self._again = now + self._seconds
            try:
                found = self._read()
                self._told = _written(*_look(json.loads(found))) if found else b""
            except Exception:  # whatever a file system raises: /metrics must not fail for it
                return self._told
        return self._told


def _look(told: Mapping[str, Any]) -> Iterator[Metric]:
    looked = datetime.fromisoformat(told["looked"]).timestamp()
    yield _one("trial_last_look_timestamp_seconds", "When make trial last looked.", looked)
    yield _one("trial_truths", "Truths that both models have predicted.", told["rows"])
    yield _one("trial_waiting", "Answered rows of the trial without a truth.", told["waiting"])
    for key, what in IMPROVEMENT.items():
        if told["units"] > 1 and told[key] is not None:
            yield _one(f"trial_{key}", what, told[key])
    stands = told["outcome"] or told["verdict"]
    what = "1 for how the trial stands, or has ended."
    verdict = GaugeMetricFamily("trial_verdict", what, labels=["verdict"])
    for state in STATES:
        verdict.add_metric([state], float(state == stands))
    yield verdict


def _one(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _written(*metrics: Metric) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Told(metrics))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._metrics
