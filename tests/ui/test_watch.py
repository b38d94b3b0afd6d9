"""The view Watch over a service that tells what was found, or that nobody has looked."""

import json

import httpx
import pytest

from tests import watch_answers as example
from tests.ui.shown import everything

MODEL = {"alias": "champion", "model": "linear_regression", "version": 3, "content_hash": "a" * 64}


@pytest.fixture
def watching(page, answering):
    """Return a function that opens the view over a service that answers /watch so."""

    def opened(body, status=200, **how):
        def answer(path):
            if path == "/watch":
                return status, json.dumps(body).encode()
            if path == "/model-info":
                return 200, json.dumps(MODEL).encode()
            return 404, b'{"detail": "not here"}'

        return page("watch", answering(answer), **how)

    return opened


def charted(app):
    return {one.proto.alt.split(" over ")[0].split(":")[0] for one in app.get("vega_lite_chart")}


def test_where_nobody_has_looked_the_view_says_how_to(watching):
    app = watching({"detail": "nothing was watched yet: run `make watch`"}, 404)
    assert "Nobody has looked yet" in everything(app)
    assert [one.value for one in app.code] == ["make watch"]
    assert not app.error
    assert not app.get("vega_lite_chart")


def test_a_service_that_fails_is_told_of(watching):
    app = watching({"detail": "no"}, 500)
    assert "The service failed" in app.error[0].value
    assert app.title[0].value == "Watch"


def test_without_any_window_it_says_that_nothing_was_served(watching):
    app = watching(example.found(0))
    assert "no orders came" in everything(app)
    assert "make watch" in [one.value for one in app.code]
    assert not app.exception


@pytest.mark.parametrize("days", [1, 26, 100])
def test_one_window_and_many_are_drawn_with_alarms_and_what_to_do(watching, days):
    app = watching(example.found(days))
    shown = everything(app).replace("\\", "")
    assert "3 alarms in the last window" in app.error[0].value
    assert "UnitPrice lies 0.35 SD from the reference" in shown
    assert "The prediction lies 0.35 SD" in shown
    assert "Look whether what sends UnitPrice has changed: make retrain" in shown
    assert {"Traffic", "Typical error", "Drift of Unit price"} <= charted(app)
    assert {"Unit price in training and now", "Brand in training and now"} <= charted(app)
    assert "Linear regression, version 3: promoted" in shown or app.table[-1].value is not None
    assert "at most 1 % alarm" in shown
    assert not app.exception


def test_the_models_changes_are_marked_on_every_axis_of_time(watching):
    app = watching(example.found(26))
    over_time = [
        json.loads(one.proto.spec)
        for one in app.get("vega_lite_chart")
        if one.proto.alt.startswith(("Traffic", "Typical", "Within", "Drift of", "Every field"))
    ]
    assert len(over_time) == 5
    for spec in over_time:
        marks = [layer.get("mark", {}) for layer in spec["layer"]]
        assert [mark.get("strokeDash") for mark in marks].count([6, 4]) == 1
        assert '"type": "utc"' in json.dumps(spec)


def test_what_has_moved_is_named_and_drawn_for_whoever_opens_it(watching):
    app = watching(example.found(26), unfolded=False)
    assert "What has moved most: Unit price, Brand" in [one.label for one in app.expander]
    assert charted(app) == {"Typical error", "Within the range"}


def test_the_kind_of_error_stands_in_the_title_or_the_legend_and_the_lines_are_told(watching):
    def error_over_time(found):
        app = watching(found)
        (drawn,) = (
            one.proto.spec
            for one in app.get("vega_lite_chart")
            if one.proto.alt.startswith("Typical error")
        )
        return json.loads(drawn), everything(app)

    spec, shown = error_over_time(example.found(26))
    assert spec["title"]["text"] == "Error"
    assert '"orient": "top"' in json.dumps(spec)
    assert "Estimated where no true amounts came yet." in shown
    assert "what is promised" in shown
    calm = {**example.found(26, calm=True), "promised": None, "changes": []}
    spec, shown = error_over_time(calm)
    assert spec["title"]["text"] == "Error, measured"
    assert '"orient": "top"' not in json.dumps(spec)
    for told in ("Estimated", "what is promised", "Dashed lines"):
        assert told not in shown


def test_another_field_can_be_picked_and_its_drift_is_drawn(watching):
    app = watching(example.found(26))
    app.selectbox(key="watched_field").select("Brand").run()
    assert "Drift of Brand" in charted(app)
    assert not app.exception


def test_a_calm_time_says_so_and_asks_for_nothing(watching):
    app = watching(example.found(26, calm=True))
    assert "Nothing out of the ordinary" in app.success[0].value
    assert "What to do" not in everything(app)
    assert not app.error


def test_what_it_could_not_tell_is_said(watching):
    found = {**example.found(2, calm=True), "state": "unknown", "promised": None, "worst": []}
    found["why"] = "The champion came without a reference: run `make repro`."
    found["windows"] = [
        {**one, "judged": None, "why": "no reference", "drift": [], "error": None}
        for one in found["windows"]
    ]
    found["windows"][0]["estimated"] = found["windows"][1]["estimated"] = None
    app = watching(found)
    assert "without a reference" in app.warning[0].value
    assert "No window was judged yet." in everything(app)
    assert not app.exception


def test_the_real_service_that_was_never_watched_is_no_fault(page, running):
    assert httpx.get(f"{running}/watch").status_code == 404
    app = page("watch", running)
    assert "Nobody has looked yet" in everything(app)
