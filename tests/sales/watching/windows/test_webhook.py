"""Alarms reach a real HTTP server: once, again after what may pass, and not for ever."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sales.errors import PipelineError
from sales.watching.windows import webhook

TOLD = {"text": "1 alarm of xgboost, version 3", "alarms": [{"id": "1"}]}


@pytest.fixture
def server():
    """A server that answers as it is told; what came is in `came`."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.came.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    one = HTTPServer(("127.0.0.1", 0), Hook)
    one.came, one.answers = [], []
    thread = threading.Thread(target=one.serve_forever)
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


def post(server, pauses=None):
    url = f"http://127.0.0.1:{server.server_port}/hook?key=secret"
    return webhook.post(url, TOLD, (pauses if pauses is not None else []).append)


def test_it_is_posted_as_json(server):
    assert post(server) == ""
    assert server.came == [("application/json", TOLD)]


def test_what_may_pass_is_tried_again_after_longer_pauses(server):
    server.answers = [503, 429, 200]
    pauses = []
    assert post(server, pauses) == ""
    assert len(server.came) == 3
    assert pauses == [1, 2]


def test_what_will_not_pass_is_not(server):
    server.answers = [404]
    assert post(server) == "it answers 404"
    assert len(server.came) == 1


def test_there_is_an_end_to_it(server):
    server.answers = [500] * 9
    assert post(server) == "it answers 500, 4 times"
    assert len(server.came) == 4


def test_nobody_there_is_told_without_the_address():
    why = webhook.post("http://127.0.0.1:1/secret", TOLD, lambda _: None)
    assert "secret" not in why
    assert why.endswith("refused, 4 times")


@pytest.mark.parametrize("url", ["hooks.example.org", "file:///etc/passwd", "http://"])
def test_an_address_that_is_none_is_told(url):
    with pytest.raises(PipelineError, match="ALERT_URL"):
        webhook.checked(url)


def test_the_text_names_each_alarm_and_what_to_do():
    alarm = {"start": "2026-11-25T00:00:00+00:00", "what": "Price lies 0.3 SD", "do": "Look"}
    champion = {"model": "xgboost", "version": 3}
    told = webhook.content({"when": "now", "champion": champion}, [alarm, alarm])
    first, second, _ = told["text"].splitlines()
    assert first == "2 alarms of xgboost, version 3"
    assert second == "2026-11-25 00:00: Price lies 0.3 SD. Look"
    assert told["alarms"] == [alarm, alarm]
