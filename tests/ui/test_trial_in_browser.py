"""The challenger on trial, on the view Models in real Chromium: readable, and nothing too wide."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import expect

from tests.paired_rows import tried
from tests.ui.chromium import (
    PATIENCE,
    Watched,
    chart,
    findings,
    launched,
    page_over,
    settled,
    too_wide,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(running, tmp_path_factory):
    """Start the page over the real service, which tells of a trial beside."""
    told = json.dumps({**tried(2_000, 4.0), "share_pct": 5.0}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = 200, told
            if self.path != "/trial":
                found = httpx.get(f"{running}{self.path}")
                status, body = found.status_code, found.content
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with page_over(
        f"http://127.0.0.1:{server.server_port}", tmp_path_factory.mktemp("page")
    ) as url:
        yield url
    server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_trial_is_readable_at_every_width(address, scheme):
    with launched() as browser:
        tab = browser.new_page(color_scheme=scheme)
        watched = Watched(tab)
        tab.set_default_timeout(PATIENCE)
        for width in (1440, 768, 390):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.goto(f"{address}/models")
            expect(tab.get_by_role("heading", name="On trial")).to_be_visible()
            expect(tab.get_by_text("It answers 5 % of the requests")).to_be_visible()
            expect(tab.get_by_text("the two count as equal")).to_be_visible()
            expect(chart(tab, "How much smaller the challenger's")).to_be_attached()
            settled(tab)
            assert too_wide(tab) == []
            assert findings(tab) == {}
        assert watched.elsewhere == []
        assert watched.broken == []
