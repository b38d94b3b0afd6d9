"""`make watch` on a real registry and a log of rows that its service kept: docs/watching.md."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import files, params
from sales.registry import changing, clock, history, tracking
from sales.retraining import findings
from sales.watching.windows import webhook
from stages import watch
from tests.examples import make_orders, set_params
from tests.kept import Keeping

ON = "2025-11-27T03:00:00+00:00"
FOLDER = Path("state/watch")


@pytest.fixture
def service(three, monkeypatch):
    """The service over a project with a champion, linear_regression, version 3."""
    one = Keeping(Path("models/promoted").absolute(), three)
    monkeypatch.setenv("SERVED", one.address)
    monkeypatch.setenv(clock.NOW, ON)
    for name in ("WINDOW", "SINCE", "ALERT_URL"):
        monkeypatch.delenv(name, raising=False)
    return one


def served(service, orders, day, *, truths=True):
    """Let the service answer orders as if on a day, and let them come true."""
    fields = [*service.models.now().schema.json_schema()["properties"]]
    sent = orders.drop(columns=[name for name in orders if name not in [*fields, "OrderDate"]])
    body = sent.to_json(orient="records", date_format="iso")
    asked = service.ask(
        "POST",
        "/predict_batch",
        content=body,
        headers={"X-Request-ID": f"d{day}", "Content-Type": "application/json"},
    )
    assert asked.status_code == 200, asked.text
    if truths:
        ids = asked.json()["request_ids"]
        told = [
            {"request_id": one, "TotalAmount": float(amount)}
            for one, amount in zip(ids, orders["TotalAmount"], strict=True)
        ]
        assert service.ask("POST", "/truths", json=told).status_code == 200
    service.log.flush()
    moved(Path(service.address), day)


def moved(address, day):
    """Let the rows that were kept today have come on another day."""
    today = pd.Timestamp.now("UTC").strftime("%Y-%m-%d")
    for folder in address.glob(f"rows/day={today}"):
        for path in folder.glob("*.parquet"):
            rows = pd.read_parquet(path)
            first = pd.Timestamp(day, tz="UTC")
            seconds = np.linspace(0, 86_000, len(rows))
            rows["time"] = (first + pd.to_timedelta(seconds, unit="s")).astype(
                "datetime64[us, UTC]"
            )
            there = address / "rows" / f"day={day}"
            there.mkdir(parents=True, exist_ok=True)
            rows.to_parquet(there / path.name)
            path.unlink()


def run(monkeypatch, capsys, **environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["watch"])
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        watch.main()
    told = capsys.readouterr()
    return stopped.value.code, told.out.splitlines(), told.err


def drifted(count, seed):
    orders = make_orders(count, seed)
    orders["UnitPrice"] = orders["UnitPrice"] + 150
    orders["TotalAmount"] = orders["TotalAmount"] * 2 + 100
    return orders


def test_a_calm_day_then_one_that_is_not(service, monkeypatch, capsys):
    served(service, make_orders(300, 8), "2025-11-25")
    code, lines, _ = run(monkeypatch, capsys)
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith("ok: 1 window judged; the last one, of 2025-11-25 (300 orders, 300")
    told = files.read_json(FOLDER / watch.METRICS)
    assert told["champion"]["version"] == 3
    assert [change["what"] for change in told["changes"]] == ["promoted"] * 3
    found = findings.read(FOLDER / watch.FINDINGS)
    assert found.content_hash == told["champion"]["content_hash"]
    assert "<!doctype html>" in (FOLDER / watch.PAGE).read_text()

    served(service, drifted(300, 9), "2025-11-26")
    posted = []
    monkeypatch.setattr(webhook, "post", lambda _, told: posted.append(told) or "it answers 503")
    code, lines, _ = run(monkeypatch, capsys, ALERT_URL="http://127.0.0.1:1/hook")
    assert code == 1
    assert any(line.startswith("alarm, 2025-11-26: UnitPrice lies") for line in lines)
    assert any(line.startswith("alarm, 2025-11-26: RMSE") for line in lines)
    assert "ALERT_URL was not told, the next make watch tries again: it answers 503" in lines
    events = changing.events(params.read("register", tracking.RegisterParams))
    assert [event.what for event in events].count("alarm") == 1
    assert events[-1].to == events[-1].champion
    assert events[-1].reason.startswith("2025-11-26: ")
    assert "UnitPrice" in history.as_text(events)

    # Told once: the history has it, and what nobody took is posted again.
    monkeypatch.setattr(webhook, "post", lambda _, told: posted.append(told) or "")
    code, lines, _ = run(monkeypatch, capsys)
    assert code == 1
    alarms = [line for line in lines if line.startswith("alarm, ")]
    assert alarms
    assert all(line.endswith("(known since 2025-11-27)") for line in alarms)
    code, _, _ = run(monkeypatch, capsys)
    assert len(posted) == 2
    assert posted[0]["alarms"][0]["id"] == posted[1]["alarms"][0]["id"]
    again = changing.events(params.read("register", tracking.RegisterParams))
    assert len(again) == len(events)


def test_windows_of_rows_and_since_a_day(service, monkeypatch, capsys):
    for day in ("2025-11-23", "2025-11-24", "2025-11-25"):
        served(service, make_orders(120, 8), day, truths=False)
    code, lines, _ = run(monkeypatch, capsys, WINDOW="100", SINCE="2025-11-24")
    assert code == 0
    told = files.read_json(FOLDER / watch.METRICS)
    assert (told["window"], told["since"]) == ("100 rows", "2025-11-24")
    assert [one["kept"] for one in told["windows"]] == [100, 100, 40]
    assert [bool(one["judged"]) for one in told["windows"]] == [True, True, False]
    assert told["windows"][0]["start"].startswith("2025-11-24")
    assert "by estimate" in lines[-1]


def test_refused_requests_are_told_by_reason(service, monkeypatch, capsys):
    served(service, make_orders(300, 8), "2025-11-25")
    service.log._refused._now = lambda: pd.Timestamp("2025-11-25 12:00Z").timestamp()
    for _ in range(2):
        assert service.ask("POST", "/predict", json={}).status_code == 422
    service.log._refused._now = lambda: pd.Timestamp("2025-11-26 12:00Z").timestamp()
    assert service.ask("POST", "/predict_batch", json=[]).status_code == 400
    service.log.flush()
    code, lines, _ = run(monkeypatch, capsys)
    assert code == 0
    assert lines[0] == "note, 2025-11-26: 1 request was refused: 1 empty"
    told = files.read_json(FOLDER / watch.METRICS)
    [day, after] = told["windows"]
    [why] = day["refused"]
    assert why.startswith("missing ")
    assert day["refused"] == {why: 2}
    assert (after["refused"], after["kept"], after["why"]) == (
        {"empty": 1},
        0,
        "no orders were answered",
    )
    found = findings.read(FOLDER / watch.FINDINGS)
    assert found.refused.value == 1
    shown = (FOLDER / watch.PAGE).read_text()
    assert "Refused requests, 2025-11-25" in shown
    file = (FOLDER / watch.METRICS).absolute()
    one = Keeping(Path("models/promoted").absolute(), Path.cwd(), WATCHED=str(file))
    gauges = one.ask("GET", "/metrics").text
    assert f'watch_refused{{reason="{why}"}} 2.0' in gauges


def test_what_cannot_be_told_is_2_and_a_line(service, monkeypatch, capsys):
    code, lines, _ = run(monkeypatch, capsys)
    assert (code, lines) == (2, ["could not tell: no window can be judged: no orders are kept"])
    code, _, error = run(monkeypatch, capsys, WINDOW="month")
    assert code == 2
    assert error.startswith("error: could not tell: WINDOW is 'month': day, week or a number")
    code, _, error = run(monkeypatch, capsys, WINDOW="day", SINCE="yesterday")
    assert (code, "SINCE is 'yesterday': a day such as 2026-11-26 is meant" in error) == (2, True)
    code, _, error = run(monkeypatch, capsys, SINCE="", ALERT_URL="nowhere")
    assert (code, "ALERT_URL is no address" in error) == (2, True)
    monkeypatch.delenv("ALERT_URL")
    set_params({"watch.needed": 9})
    code, _, error = run(monkeypatch, capsys)
    assert (code, "watch.of_last" in error) == (2, True)


def test_an_older_export_has_no_reference_and_that_is_said(service, monkeypatch, capsys):
    served(service, make_orders(120, 8), "2025-11-25", truths=False)
    for path in Path("models/promoted/reference").glob("*.json"):
        path.unlink()
    code, lines, _ = run(monkeypatch, capsys)
    assert code == 2
    assert "was exported before models had a reference" in lines[-1]


def test_a_history_that_cannot_be_written_keeps_no_alarm_from_being_told(
    service, monkeypatch, capsys
):
    served(service, drifted(300, 9), "2025-11-26")

    def away(*_, **__):
        raise ConnectionError("the server is away")

    with monkeypatch.context() as without:
        without.setattr(changing, "changed", away)
        code, lines, _ = run(monkeypatch, capsys)
    assert code == 1
    assert "the history was not told, the next make watch tries again: the server is away" in lines
    code, _, _ = run(monkeypatch, capsys)
    events = changing.events(params.read("register", tracking.RegisterParams))
    assert [event.what for event in events].count("alarm") == 1


def test_a_cluster_finds_the_same(service, monkeypatch, capsys, small_cluster):
    for day, orders in (("2025-11-25", make_orders(300, 8)), ("2025-11-26", drifted(300, 9))):
        served(service, orders, day)
    assert service.ask("POST", "/predict", json={}).status_code == 422
    service.log.flush()
    code, lines, _ = run(monkeypatch, capsys)
    here = files.read_json(FOLDER / watch.METRICS)
    (FOLDER / watch.TOLD).unlink()
    set_params({"run.engine": "dask", "run.partition_rows": 100})
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", small_cluster.scheduler_address)
    there, told, error = run(monkeypatch, capsys)
    assert (there, told) == (code, lines), error
    assert files.read_json(FOLDER / watch.METRICS) == here


def test_the_service_shows_it(service, monkeypatch, capsys):
    shown = service.ask("GET", "/watch")
    assert shown.status_code == 404
    served(service, make_orders(300, 8), "2025-11-25")
    run(monkeypatch, capsys)
    file = FOLDER / watch.METRICS
    one = Keeping(Path("models/promoted").absolute(), Path.cwd(), WATCHED=str(file.absolute()))
    assert one.ask("GET", "/watch").json() == json.loads(file.read_text())
    gauges = one.ask("GET", "/metrics").text
    assert 'watch_state{state="ok"} 1.0' in gauges
