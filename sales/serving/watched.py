"""What the last `make watch` beside the service found, as gauges of /metrics."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

STATES = ("ok", "alarm", "unknown")
KINDS = ("drift", "missing", "outside", "unknown", "rmse", "bias", "coverage", "slice")
ERROR = {
    "rmse": "RMSE on what came true, in units of the target.",
    "rmse_low": "Lower end of the 95 % interval of the RMSE.",
    "rmse_high": "Upper end of the 95 % interval of the RMSE.",
    "mae": "Mean absolute error on what came true.",
    "bias": "Mean of predicted - true on what came true.",
    "coverage_pct": "Percent of what came true within its interval.",
}


class Watched:
    """The file that `make watch` writes, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] = (0, 0)
        self._gauges = b""

    def gauges(self) -> bytes:
        """Return the gauges as Prometheus reads them; nothing where nobody has watched yet."""
        try:
            now = self._path.stat()
        except OSError:
            return b""
        stamp = (now.st_mtime_ns, now.st_ino)
        if stamp != self._seen:
            try:
                told = json.loads(self._path.read_bytes())
                registry = CollectorRegistry()
                registry.register(_Gauges(told))
                self._gauges = generate_latest(registry)
            except (OSError, ValueError, KeyError, TypeError):  # not what make watch writes
                self._gauges = b""
            self._seen = stamp
        return self._gauges


class _Gauges(Collector):
    """The gauges of one look. Not the counters' kind: no worker keeps numbers of its own."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        told = self._told
        windows = [window for window in told["windows"] if window["judged"]]
        yield _one(
            "watch_last_run_timestamp_seconds", "When make watch last ran.", _at(told["when"])
        )
        states = [({"state": state}, float(told["state"] == state)) for state in STATES]
        yield _many("watch_state", "1 for how the last look ended: ok, alarm or unknown.", states)
        yield _one("watch_judged_windows", "Windows that could be judged.", len(windows))
        last = max((n for n, one in enumerate(told["windows"]) if one["judged"]), default=None)
        kinds = [alarm["kind"] for alarm in told["alarms"] if alarm["window"] == last]
        counts = [({"kind": kind}, float(kinds.count(kind))) for kind in KINDS]
        yield _many("watch_alarms", "Alarms of the last judged window, by kind.", counts)
        if told["promised"]:
            yield from _promised(told["promised"])
        if windows:
            yield from _of_window(windows[-1])


def _promised(told: Mapping[str, Any]) -> Iterator[Metric]:
    yield _one("watch_rmse_promised", "RMSE on the test rows.", told["rmse"])
    if told["coverage_pct"] is not None:
        what = "Percent of the test rows within their interval."
        yield _one("watch_coverage_promised_pct", what, told["coverage_pct"])


def _of_window(window: Mapping[str, Any]) -> Iterator[Metric]:
    end = "When the last judged window ended, or ends."
    yield _one("watch_window_end_timestamp_seconds", end, _at(window["end"]))
    yield _one("watch_rows", "Answered rows of the last judged window.", window["rows"])
    yield _one("watch_truths", "Rows of the last judged window that came true.", window["truths"])
    for key, name, what in (
        ("distance", "watch_drift", "Distance of a field from the reference"),
        ("threshold", "watch_drift_threshold", "Distance that chance alone reaches"),
    ):
        told = [({"field": one["field"], "unit": one["unit"]}, one[key]) for one in window["drift"]]
        unit = "in standard deviations (SD) or as a share of rows."
        yield _many(name, f"{what}, {unit}", told)
    for what in ("missing", "outside", "unknown"):
        told = [
            ({"field": one["field"]}, one["now_pct"])
            for one in window["quality"]
            if one["what"] == what
        ]
        if told:
            yield _many(f"watch_{what}_pct", f"Percent of rows whose field is {what}.", told)
    if window["refused"]:
        counts = [({"reason": why}, float(many)) for why, many in window["refused"].items()]
        yield _many("watch_refused", "Requests refused in the last judged window.", counts)
    error, guess = window["error"], window["estimated"]
    for key, what in ERROR.items():
        if error and error[key] is not None:
            yield _one(f"watch_{key}", what, error[key])
    if guess:
        what = "RMSE by estimate, from the mix of predictions: it sees no change of the truth."
        yield _one("watch_rmse_estimated", what, guess["rmse"])


def _one(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _many(name: str, what: str, told: list[tuple[dict[str, str], float]]) -> Metric:
    names = [*told[0][0]] if told else []
    found = GaugeMetricFamily(name, what, labels=names)
    for labels, value in told:
        found.add_metric([*labels.values()], value)
    return found


def _at(when: str) -> float:
    return datetime.fromisoformat(when).timestamp()
