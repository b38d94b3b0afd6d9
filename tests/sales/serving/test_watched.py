"""What `make watch` found, as gauges: by Prometheus' own reading of the text."""

import json
import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sales.serving.watched import Watched

ERROR = {"rmse": 2.5, "rmse_low": 2.4, "rmse_high": 2.6, "mae": 2.0, "bias": 0.1}
WINDOW = {
    "end": "2026-11-26T00:00:00+00:00",
    "rows": 1200.0,
    "judged": {"version": 3},
    "truths": 700,
    "drift": [{"field": 'Unit"Price', "unit": "SD", "distance": 0.31, "threshold": 0.1}],
    "quality": [{"field": "Brand", "what": "unknown", "now_pct": 3.1}],
    "refused": {"missing Brand": 3, "too_large": 1},
    "error": {**ERROR, "coverage_pct": None},
    "estimated": {"rmse": 2.2},
}
TOLD = {
    "when": "2026-11-26T03:00:00+00:00",
    "state": "alarm",
    "windows": [WINDOW, {**WINDOW, "judged": None}],
    "alarms": [{"kind": "drift", "window": 0}, {"kind": "rmse", "window": 1}],
    "promised": {"rmse": 2.0, "coverage_pct": 90.0},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.json"


def gauges(path, told) -> dict:
    path.write_text(json.dumps(told))
    return read(Watched(path).gauges())


def read(text: bytes) -> dict:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_last_judged_window_is_told(path):
    found = gauges(path, TOLD)
    assert found["watch_state", "alarm"] == 1
    assert found["watch_state", "ok"] == found["watch_state", "unknown"] == 0
    assert found["watch_last_run_timestamp_seconds",] == 1795662000
    assert found["watch_judged_windows",] == 1
    assert found["watch_alarms", "drift"] == 1
    assert found["watch_alarms", "rmse"] == 0  # of a window that was not judged: none is made
    assert found["watch_drift", 'Unit"Price', "SD"] == 0.31
    assert found["watch_drift_threshold", 'Unit"Price', "SD"] == 0.1
    assert found["watch_unknown_pct", "Brand"] == 3.1
    assert (found["watch_rows",], found["watch_truths",]) == (1200, 700)
    assert found["watch_refused", "missing Brand"] == 3
    assert found["watch_rmse",] == 2.5
    assert found["watch_rmse_promised",] == 2.0
    assert found["watch_rmse_estimated",] == 2.2
    assert ("watch_coverage_pct",) not in found


def test_without_a_window_there_is_its_state(path):
    found = gauges(
        path, {**TOLD, "state": "unknown", "windows": [], "alarms": [], "promised": None}
    )
    assert found["watch_state", "unknown"] == 1
    assert found["watch_judged_windows",] == 0
    assert ("watch_rows",) not in found


def test_it_is_read_again_when_it_changes_and_never_fails(path):
    watched = Watched(path)
    assert watched.gauges() == b""
    path.write_text(json.dumps(TOLD))
    first = watched.gauges()
    assert watched.gauges() is first
    path.write_text("{")
    os.utime(path, ns=(1, 1))
    assert watched.gauges() == b""
    path.write_text(json.dumps({**TOLD, "state": "ok"}))
    os.utime(path, ns=(2, 2))
    assert read(watched.gauges())["watch_state", "ok"] == 1
    path.unlink()
    assert watched.gauges() == b""
