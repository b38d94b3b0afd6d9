"""The view Watch in real Chromium, over a stub that tells what was found."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests import watch_answers as example
from tests.ui.chromium import (
    PATIENCE,
    Watched,
    chart,
    findings,
    launched,
    page_over,
    settled,
    too_wide,
    unfold_all,
)

pytestmark = pytest.mark.browser

MODEL = {"alias": "champion", "model": "linear_regression", "version": 3, "content_hash": "a" * 64}
NEVER = (404, {"detail": "nothing was watched yet: run `make watch`"})
UNJUDGED = {
    **example.found(1, calm=True),
    "state": "unknown",
    "why": "12 orders are too few to tell.",
    "windows": [
        example.window(0, judged=None, why="too few", drift=[], error=None, estimated=None)
    ],
    "worst": [],
}
STATES = {
    "never": NEVER,
    "empty": (200, example.found(0)),
    "one": (200, example.found(1)),
    "many": (200, example.found(100)),
    "calm": (200, example.found(26, calm=True)),
    "unjudged": (200, UNJUDGED),
}
WIDTHS = (390, 768, 1440)


@pytest.fixture(scope="module")
def service():
    """Return a stub and what it answers to /watch, which a test may set."""
    told = {"/watch": NEVER, "/model-info": (200, MODEL)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = told.get(self.path, (404, {"detail": "not here"}))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", told
    server.shutdown()


@pytest.fixture(scope="module")
def address(service, tmp_path_factory):
    with page_over(service[0], tmp_path_factory.mktemp("page")) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with launched() as started:
        yield started


@pytest.fixture
def opened(browser, address, service):
    """Return a function that opens the view in a state, at a width and in a theme."""
    tabs = []

    def tab_of(state, width=1440, scheme="light"):
        service[1]["/watch"] = STATES[state]
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tabs.append((tab, Watched(tab)))
        tab.set_default_timeout(PATIENCE)
        tab.goto(f"{address}/watch")
        expect(tab.get_by_role("heading", name="Watch")).to_be_visible()
        expect(tab.get_by_test_id("stAlert").first).to_be_visible()
        settled(tab)
        return tab

    yield tab_of
    for tab, watched in tabs:
        tab.close()
        assert watched.elsewhere == []
        assert watched.broken == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_many_windows_are_readable_at_every_width_in_both_themes(opened, width, scheme):
    tab = opened("many", width, scheme)
    expect(tab.get_by_text("3 alarms in the last window")).to_be_visible()
    expect(tab.get_by_text("make retrain").first).to_be_visible()
    unfold_all(tab)
    expect(tab.get_by_text("A date moves by itself")).to_be_visible()
    expect(chart(tab, "Every field")).to_be_attached()
    expect(chart(tab, "Brand in training and now")).to_be_attached()
    settled(tab)
    assert too_wide(tab) == []
    assert findings(tab) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["never", "empty", "one", "calm", "unjudged"])
def test_every_other_state_is_readable_on_a_telephone(opened, state, scheme):
    tab = opened(state, 390, scheme)
    said = {
        "never": "Nobody has looked yet",
        "empty": "no orders came",
        "one": "3 alarms in the last window",
        "calm": "Nothing out of the ordinary",
        "unjudged": "12 orders are too few to tell.",
    }
    expect(tab.get_by_test_id("stAlert").get_by_text(said[state])).to_be_visible()
    assert too_wide(tab) == []
    assert findings(tab) == {}


def test_the_keyboard_alone_picks_another_field(opened):
    tab = opened("many")
    tab.locator("summary", has_text="Drift, field by field").focus()
    tab.keyboard.press("Enter")
    box = tab.get_by_role("combobox", name="Drift of")
    expect(box).to_be_visible()
    settled(tab)
    box.focus()
    tab.keyboard.type("Brand")
    tab.keyboard.press("Enter")
    expect(chart(tab, "Drift of Brand")).to_be_attached()


def test_it_looks_again_when_it_is_opened_again(opened, service):
    tab = opened("never")
    service[1]["/watch"] = STATES["calm"]
    tab.reload()
    expect(tab.get_by_text("Nothing out of the ordinary")).to_be_visible()
