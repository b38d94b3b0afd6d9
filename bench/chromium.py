"""The page in Chromium, over the promoted models: what benchmark and screenshots start with."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.servers import OURS, PROMOTED, WORK, Server, served

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
STREAMLIT = ["streamlit", "run", "ui/app.py", "--server.address", "127.0.0.1"]
STREAMLIT += ["--server.port", "{port}", "--server.headless", "true"]


@contextmanager
def page(
    service: Mapping[str, str] | None = None, **variables: str
) -> Iterator[tuple[Browser, str, str, int]]:
    """Start service, page and browser; `service` are variables of the one, `variables` the other's.

    Yield the browser, the addresses of page and service, and the page's process id.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with ExitStack() as started:
        playwright = started.enter_context(sync_playwright())
        found = found or playwright.chromium.executable_path  # what `make test` may have installed
        if not Path(found).is_file():
            raise SystemExit(f"error: no Chromium ({found}): apt install chromium, or CHROMIUM=")
        if not (PROMOTED / "promoted.json").is_file():
            raise SystemExit("error: no promoted model yet: make repro")
        WORK.mkdir(parents=True, exist_ok=True)
        api, _ = started.enter_context(served("service", Server(OURS, dict(service or {}))))
        url, pid = started.enter_context(
            served("page", Server(STREAMLIT, {"API_URL": api, **variables}, "/_stcore/health"))
        )
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        started.callback(browser.close)
        yield browser, url, api, pid
