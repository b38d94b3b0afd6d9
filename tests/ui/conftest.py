"""A small export behind the real service, and the page's views run in this process."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from streamlit.testing.v1 import AppTest

from tests import patience
from tests.bento_server import serve, stop
from tests.examples import ROOT
from ui import client, folded
from ui.scoring import Scoring


@pytest.fixture(scope="session")
def running(promoted, tmp_path_factory) -> Iterator[str]:
    """Return the address of the real service over the small export."""
    folder = tmp_path_factory.mktemp("service")
    process, url = serve(promoted, folder, MAX_BODY_MB="100", MAX_ORDERS="100000")
    yield url
    stop(process)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Let the page wait for answers as long as any test does: the machine may be busy."""
    for name in ("READY_SECONDS", "CONNECT_SECONDS", "SECONDS", "FILE_SECONDS"):
        monkeypatch.setattr(client, name, patience.SECONDS)
    wait = Scoring.wait
    monkeypatch.setattr(Scoring, "wait", lambda self, _: wait(self, patience.SECONDS))


@pytest.fixture
def page(monkeypatch):
    """Return a function that opens a view at a service's address, and what is folded on it."""

    def opened(view: str, url: str, unfolded: bool = True) -> AppTest:
        monkeypatch.setenv("API_URL", url)
        app = AppTest.from_file(ROOT / "ui" / "app.py", default_timeout=patience.SECONDS).run()
        if view != "predict":
            app.switch_page(f"views/{view}.py").run()
        folds = [key for key in app.session_state if key.startswith(folded.PREFIX)]
        if not folds or not unfolded:
            return app
        for key in folds:
            app.session_state[key] = True
        return app.run()

    return opened


@pytest.fixture
def answering() -> Iterator:
    """Return a function that starts a server which answers every request by one function."""
    servers = []

    def started(answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - http.server's own name

            def log_message(self, *_):
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield started
    for server in servers:
        server.shutdown()
