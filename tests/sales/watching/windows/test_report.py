"""A log as a document: windows judged, alarms with what to do, what `make retrain` is told."""

import functools
import json
from dataclasses import replace

import numpy as np
import pytest

from sales.retraining.findings import Findings
from sales.watching.windows import cuts, findings, page, report, sketches
from sales.watching.windows.limits import Simulated
from tests import watched
from tests.watched import HASH, SETTINGS

SIMULATED = Simulated(None, 1.0)  # of all tests, so that each size is simulated once
CHAMPION = {"model": "linear_regression", "version": 3, "content_hash": HASH}
ASKED = watched.asked()


def told(*tables, asked=ASKED, window="day"):
    cut = cuts.by_time(cuts.asked(window))
    found = [sketches.of(table, cut, asked.references) for table in tables]
    return report.document(cut, functools.reduce(sketches.added, found, {}), asked, SIMULATED)


@pytest.fixture(scope="module")
def calm():
    return watched.table(watched.rows(600, 5))


@pytest.fixture(scope="module")
def changed():
    """Prices a third of a standard deviation up, a new brand, holes, and errors twice as large."""
    rows = watched.rows(600, 6)
    rows["Price"] = np.minimum(rows["Price"] + 60, 600)
    rows["Brand"][:30] = "Novus"
    rows["Brand"][30:60] = None
    rows["truth"] = rows["prediction"] + 2 * (rows["truth"] - rows["prediction"]) - 12
    return watched.table(rows, day=26)


def test_rows_like_the_references_are_no_alarm(calm):
    found = told(calm)
    [window] = found["windows"]
    assert (found["state"], found["alarms"], found["told"]) == ("ok", [], [])
    assert window["judged"] == CHAMPION
    assert (window["rows"], window["truths"], window["truths_pct"]) == (600, 600, 100)
    assert [one["field"] for one in window["drift"]] == ["Price", "Brand", "Month", "(prediction)"]
    assert window["error"]["rmse_low"] < 10 < window["error"]["rmse_high"]
    assert window["estimated"]["rmse"] == pytest.approx(found["promised"]["rmse"], rel=0.1)
    assert report.summary(found).startswith("ok: 1 window judged; the last one, of 2026-11-25")
    json.dumps(found, allow_nan=False)


def test_what_has_changed_is_told_with_what_to_do(calm, changed):
    found = told(calm, changed)
    kinds = {(alarm["kind"], alarm["field"]) for alarm in found["alarms"]}
    assert kinds >= {("drift", "Price"), ("unknown", "Brand"), ("missing", "Brand")}
    assert kinds >= {("rmse", ""), ("bias", ""), ("coverage", "")}
    assert found["state"] == "alarm"
    assert found["windows"][1]["alarms"] == len(found["alarms"])
    assert found["windows"][0]["alarms"] == 0
    assert {alarm["window"] for alarm in found["alarms"]} == {1}
    assert all(alarm["do"] and alarm["what"] and alarm["new"] for alarm in found["alarms"])
    assert len({alarm["id"] for alarm in found["alarms"]}) == len(found["alarms"])
    [price] = [one for one in found["alarms"] if (one["kind"], one["field"]) == ("drift", "Price")]
    assert price["value"] == pytest.approx(0.35, abs=0.06)
    assert price["unit"] == "SD"
    assert [one["field"] for one in found["worst"]][:1] == ["Price"]
    for one in found["worst"]:
        assert len(one["labels"]) == len(one["now_pct"]) == len(one["reference_pct"])
        assert sum(one["now_pct"]) == pytest.approx(100, abs=0.01)
    assert len(found["told"]) == len(found["alarms"])
    json.dumps(found, allow_nan=False)


def test_a_slice_that_does_worse_alarms_by_itself(calm):
    rows = watched.rows(600, 5)
    worse = rows["Brand"] == "Nexus"
    rows["truth"] = rows["prediction"] + (1 + worse) * (rows["truth"] - rows["prediction"])
    found = told(calm, watched.table(rows, day=26))
    slices = [alarm for alarm in found["alarms"] if alarm["kind"] == "slice"]
    assert [alarm["field"] for alarm in slices] == ["Brand=Nexus"]
    assert slices[0]["what"].startswith("Brand=Nexus: RMSE ")
    assert "Brand=Nexus" in slices[0]["do"]
    told_of = {one["slice"]: one for one in found["windows"][1]["error"]["slices"]}
    assert told_of["Brand=Nexus"]["worse_pct"] == pytest.approx(100, abs=25)
    assert [name for name, one in told_of.items() if one["more_than_chance"]] == ["Brand=Nexus"]
    assert "alarm</span>" in page.of(found).partition("<tr><th>slice</th>")[2]
    assert found["windows"][0]["alarms"] == 0


def test_refused_requests_are_told_in_windows_of_their_own_too(calm):
    day = 86_400 * cuts.SECOND
    start = int(np.datetime64("2026-11-25", "us").astype(np.int64))
    counts = {f"missing {name}": 9 - number for number, name in enumerate("abcdefgh")}
    many = counts | {f"too_small {name}": 1 for name in "abcdefgh"}
    asked = replace(ASKED, refused={start: {"empty": 1}, start + day: many})
    found = told(calm, asked=asked)
    [own, after] = found["windows"]
    assert own["refused"] == {"empty": 1}
    assert (after["judged"], after["rows"]) == (None, 0)
    assert list(after["refused"])[:2] == ["missing a", "missing b"]
    assert after["refused"]["others"] == 4
    assert sum(after["refused"].values()) == sum(many.values())
    assert found["state"] == "ok"
    assert found["told"][-1].startswith("note, 2026-11-26: 52 requests were refused: 9 missing a")
    assert "Refused requests" in page.of(found)
    told_of = findings.told(found, SETTINGS)["refused"]
    assert told_of["value"] == 52
    assert Findings.model_validate(findings.told(found, SETTINGS)).refused
    alone = told(asked=replace(ASKED, refused={start: {"empty": 1}}))
    assert alone["why"] == "no window can be judged: no orders were answered"


def test_an_alarm_is_new_once_and_stands_while_its_window_is_the_last(calm, changed):
    first = told(calm, changed)
    known = replace(ASKED, earlier={alarm["id"]: "2026-11-27" for alarm in first["alarms"]})
    again = told(calm, changed, asked=known)
    assert again["state"] == "alarm"
    assert not any(alarm["new"] for alarm in again["alarms"])
    assert {alarm["when"] for alarm in again["alarms"]} == {"2026-11-27"}
    later = told(changed, watched.table(watched.rows(600, 5), day=27), asked=known)
    assert later["state"] == "ok"
    assert later["alarms"]


def test_what_is_quiet_is_shown_and_never_alarms(changed):
    quiet = SETTINGS.model_copy(update={"quiet": ("Price", "Brand", "(prediction)")})
    found = told(changed, asked=replace(ASKED, settings=quiet))
    assert {alarm["kind"] for alarm in found["alarms"]} == {"rmse", "bias", "coverage"}
    [price] = [one for one in found["windows"][0]["drift"] if one["field"] == "Price"]
    assert (price["more_than_chance"], price["large"], price["alarm"]) == (True, True, False)
    assert any(line.startswith("note, ") and "quiet" in line for line in found["told"])


def test_a_date_moves_by_itself(calm):
    rows = watched.rows(600, 7)
    rows["Date"] = np.full(600, np.datetime64("2026-11-25T12:00", "ms"))
    found = told(watched.table(rows))
    [month] = [one for one in found["windows"][0]["drift"] if one["field"] == "Month"]
    assert (month["more_than_chance"], month["alarm"]) == (True, False)
    assert found["state"] == "ok"


def test_too_few_truths_leave_an_estimate_that_says_so(calm):
    rows = watched.rows(600, 5)
    rows["truth"][50:] = np.nan
    found = told(watched.table(rows))
    [window] = found["windows"]
    assert (window["truths"], window["error"]) == (50, None)
    assert window["estimated"]["rmse_low"] < 10 < window["estimated"]["rmse_high"]
    assert "by estimate, too few truths to know it" in report.summary(found)


def test_what_cannot_be_told_is_said(calm):
    few = told(watched.table(watched.rows(40)))
    assert few["state"] == "unknown"
    assert few["why"] == "no window can be judged: 40 orders: watch.min_rows asks for 100"
    nothing = told()
    assert nothing["why"] == "no window can be judged: no orders are kept"
    older = told(calm, asked=replace(ASKED, references={}))
    assert "was exported before models had a reference" in older["why"]
    assert older["windows"][0]["why"].startswith("there is no reference of linear_regression")
    for found in (few, nothing, older):
        assert report.summary(found).startswith("could not tell: ")
        page.of(found)


def test_a_window_that_has_not_ended_is_held_to_a_stricter_threshold(calm):
    during = replace(ASKED, now=int(np.datetime64("2026-11-25T23:59", "us").astype(np.int64)))
    now, later = told(calm, asked=during)["windows"][0], told(calm)["windows"][0]
    assert (now["open"], later["open"]) == (True, False)
    for one, other in zip(now["drift"], later["drift"], strict=True):
        assert one["distance"] == other["distance"]
        assert one["threshold"] > other["threshold"]
    assert now["error"]["threshold_pct"] >= later["error"]["threshold_pct"]


def test_a_model_of_before_is_marked_where_no_history_is_at_hand(calm):
    before = watched.table(watched.rows(100), day=20, content_hash=["b" * 64] * 100)
    found = told(before, calm)
    [change] = found["changes"]
    assert (change["what"], change["content_hash"], change["when"][:10]) == (
        *("answers", HASH),
        "2026-11-25",
    )
    assert found["windows"][0]["judged"] is None


def test_what_retrain_is_told_is_reached_in_so_many_windows(calm, changed):
    settings = SETTINGS.model_copy(update={"needed": 2, "of_last": 3})
    asked = replace(ASKED, settings=settings)
    one = findings.told(told(calm, changed, asked=asked), settings)
    assert one["drift"]["value"] == 0
    assert one["drift"]["what"].startswith("beyond chance in 1 of 2")
    assert one["live_error"]["value"] == 0
    again = watched.table(watched.rows(600, 6), day=24)
    moved = changed.set_column(1, "time", again["time"])
    both = findings.told(told(moved, calm, changed, asked=asked), settings)
    assert both["drift"]["value"] > 0.2
    assert both["live_error"]["value"] > 50
    assert Findings.model_validate(both).content_hash == HASH
    few = findings.told(told(calm), settings)
    assert few["drift"]["what"].startswith("1 could be judged, 2 of the last 3")
    nothing = Findings.model_validate(findings.told(told(), settings))
    assert (nothing.drift, nothing.live_error) == (None, None)


def test_the_page_shows_all_states_and_fetches_nothing(calm, changed):
    for tables in ((), (calm,), (calm, changed)):
        shown = page.of(told(*tables))
        assert "<!doctype html>" in shown
        assert "http://" not in shown.replace("http://www.w3.org", "")
        assert "https://" not in shown
    assert "Price lies" in shown
    assert "prefers-color-scheme: dark" in shown
    rows = watched.rows(600, 5)
    rows["Brand"][:30] = "<script>alert(1)</script>"
    assert "<script>" not in page.of(told(watched.table(rows)))
