"""The page in real Chromium: started over a service, in a browser that watches what it asks for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests import patience
from tests.bento_server import free_port
from tests.examples import ROOT

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DROP_ZONE = ("presentation-role-conflict", "stFileUploaderDropzone")
LISTENING = "[role=status][data-listening]"  # what is read aloud; Enter predicts from then on
PATIENCE = 1000 * patience.SECONDS  # in milliseconds
MOMENT = (
    300  # milliseconds; no test fails for it, it makes clicks that fall between two drawings rare
)
expect.set_options(timeout=PATIENCE)


@contextmanager
def page_over(api: str, folder: Path, script: str = "ui/app.py") -> Iterator[str]:
    """Start the page over a service; yield its address. No traceback may be in its log."""
    port, log = free_port(), folder / "log"
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1", "--server.headless", "true"],
            cwd=ROOT,
            env={**os.environ, "API_URL": api},
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return httpx.get(f"{url}/_stcore/health").status_code == 200

    patience.until(ready, log.read_text)
    yield url
    process.terminate()
    process.wait(patience.SECONDS)
    said = log.read_text()
    assert "Traceback" not in said, said


@contextmanager
def launched() -> Iterator[Browser]:
    """Yield Chromium: CHROMIUM, the machine's, or the one that Playwright installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        if not found and not Path(playwright.chromium.executable_path).is_file():
            message = (
                "no Chromium: install it, name it in CHROMIUM, or `playwright install chromium`"
            )
            (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
        started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


class Watched:
    """What a tab asks for from other machines, and the scripts that fail in it."""

    def __init__(self, tab: Page) -> None:
        self.elsewhere: list[str] = []
        self.broken: list[str] = []
        tab.on("request", lambda request: self._see(request.url))
        tab.on("websocket", lambda socket: self._see(socket.url))
        tab.on("pageerror", lambda error: self.broken.append(str(error)))

    def _see(self, url: str) -> None:
        if urlsplit(url).hostname not in {None, "127.0.0.1"}:  # none: data and blobs of its own
            self.elsewhere.append(url)


@contextmanager
def tab_at(browser: Browser, address: str) -> Iterator[Page]:
    """Yield a tab that listens; nothing may be asked from elsewhere and no script fail in it."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    watched = Watched(tab)
    tab.set_default_timeout(PATIENCE)
    tab.goto(address)
    expect(tab.locator(LISTENING)).to_be_attached()
    yield tab
    tab.close()
    assert watched.elsewhere == []
    assert watched.broken == []


def predicted(tab: Page) -> str:
    """Press Predict; return the amount that stands there then."""
    tab.get_by_role("button", name="Predict", exact=True).click()
    found = tab.get_by_test_id("stMetricValue")
    expect(found).to_be_visible()
    settled(tab)
    return found.inner_text()


def settled(tab: Page) -> None:
    """Wait until Streamlit has nothing more to draw, and has not a moment later either.

    What was typed is drawn once as it is taken in, and once more as Enter predicts with it.
    """
    for _ in range(2):
        tab.wait_for_timeout(MOMENT)
        expect(tab.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=PATIENCE
        )


def unfold_all(tab: Page) -> None:
    """Open all that is folded, one after another and by the keyboard.

    What opens above moves the next one away, at times from beneath the mouse.
    """
    for folded in tab.get_by_test_id("stExpander").all():
        folded.locator("summary").press("Enter")
        settled(tab)


def go(tab: Page, view: str) -> None:
    """Open a view by its link."""
    tab.get_by_role("link", name=view).first.click()
    settled(tab)


def chart(tab: Page, text: str) -> Locator:
    """Return the chart for which a text that begins so stands: its button is called after it."""
    return tab.get_by_role("button", name=f"Show data: {text}")


def findings(tab: Page) -> dict[str, list[str]]:
    """Return what axe-core finds, however small, by rule; but for what Streamlit alone decides.

    That is its file uploader's drop zone, which has a role that says nothing, and a label.
    """
    told = Axe().run(tab).response
    assert told["testEngine"]["name"] == "axe-core"
    found = {
        one["id"]: [
            node["failureSummary"]
            for node in one["nodes"]
            if one["id"] != DROP_ZONE[0] or DROP_ZONE[1] not in node["html"]
        ]
        for one in told["violations"]
    }
    return {rule: nodes for rule, nodes in found.items() if nodes}


def too_wide(tab: Page) -> list[int]:
    """Return the widths of the page and its parts that are wider than the window."""
    asked = """[document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')]
               .map(e => e.scrollWidth)"""
    width = (tab.viewport_size or {"width": 0})["width"]
    return [found for found in tab.evaluate(asked) if found > width]
