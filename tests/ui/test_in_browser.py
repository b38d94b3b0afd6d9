"""The page in real Chromium, over the real service with models that the pipeline promoted."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pandas as pd
import pytest
from playwright.sync_api import expect, sync_playwright

from tests import patience, small_project
from tests.bento_server import free_port, serve, stop
from tests.examples import ROOT

VIEWS = ("", "score_file", "models", "data")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 1000 * patience.SECONDS  # in milliseconds
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project in which a small pipeline has promoted its models."""
    folder, _ = small_project.make(tmp_path_factory.mktemp("project"))
    return folder


class Running:
    """The service, which a test may stop and start again at the same address."""

    def __init__(self, promoted: Path, folder: Path) -> None:
        self.promoted, self.folder, self.port = promoted, folder, free_port()
        self.start()

    def start(self) -> None:
        limits = {"MAX_BODY_MB": "100", "MAX_ORDERS": "100000"}
        self.process, self.url = serve(self.promoted, self.folder, self.port, **limits)

    def stop(self) -> None:
        stop(self.process)


@pytest.fixture(scope="module")
def service(project, tmp_path_factory):
    running = Running(project / "models" / "promoted", tmp_path_factory.mktemp("service"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def address(service, tmp_path_factory):
    """Return the page's address."""
    port, log = free_port(), tmp_path_factory.mktemp("page") / "log"
    command = [sys.executable, "-m", "streamlit", "run", "ui/app.py", "--server.port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1", "--server.headless", "true"],
            cwd=ROOT,
            env={**os.environ, "API_URL": service.url},
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{port}"

    def ready():
        assert process.poll() is None, log.read_text()
        return httpx.get(f"{url}/_stcore/health").status_code == 200

    patience.until(ready, log.read_text)
    yield url
    process.terminate()
    process.wait(patience.SECONDS)
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def browser():
    """Return Chromium: CHROMIUM, the machine's, or the one that Playwright installed."""
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


@pytest.fixture
def page(browser, address):
    """Return a tab that watches that nothing is asked from elsewhere and no script fails."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    hosts, broken = set(), []
    tab.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    tab.on("pageerror", lambda error: broken.append(str(error)))
    tab.set_default_timeout(PATIENCE)
    tab.goto(address)
    yield tab
    tab.close()
    assert hosts - {None} <= {"127.0.0.1"}
    assert not broken


def settled(tab) -> None:
    """Wait until Streamlit has nothing more to draw."""
    expect(tab.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=PATIENCE
    )


def go(tab, view: str) -> None:
    tab.get_by_role("link", name=view).first.click()
    settled(tab)


def predicted(tab) -> str:
    tab.get_by_role("button", name="Predict", exact=True).click()
    found = tab.get_by_test_id("stMetricValue")
    expect(found).to_be_visible()
    settled(tab)
    return found.inner_text()


def test_predict(page, service):
    price = page.get_by_role("spinbutton", name="Unit price")
    price.fill("250")
    price.press("Enter")
    settled(page)
    shown = predicted(page)
    order = httpx.get(f"{service.url}/schema").json()["example"] | {"UnitPrice": 250}
    asked = httpx.post(f"{service.url}/predict", json=order).json()["predicted_total_amount"]
    assert shown == f"${asked:,.2f}"
    expect(page.get_by_text("Answered by the champion")).to_be_visible()


def test_upload_and_download(page, service, project, tmp_path):
    test = pd.read_parquet(project / "data/prepared/test.parquet")
    orders = pd.concat([test] * 10)[:10_000]
    sent = tmp_path / "orders.csv"
    orders.to_csv(sent, index=False, date_format="%Y-%m-%d")
    go(page, "Score a file")
    page.locator("input[type=file]").set_input_files(sent)
    page.get_by_role("button", name="Score 10,000 rows").click()
    expect(page.get_by_text("10,000 rows scored")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the scored file").click()
    priced = pd.read_csv(download.value.path())
    answer = httpx.post(f"{service.url}/predict_file", content=sent.read_bytes())
    asked = pd.read_csv(io.BytesIO(answer.content))
    assert len(priced) == 10_000
    pd.testing.assert_frame_equal(priced, asked, check_exact=True)


def test_a_bad_file_is_accounted_for(page, project, tmp_path):
    orders = pd.read_parquet(project / "data/prepared/test.parquet")[:50]
    orders = orders.assign(Discount=[2.0, *orders["Discount"][1:]])
    orders.to_csv(tmp_path / "bad.csv", index=False)
    go(page, "Score a file")
    page.locator("input[type=file]").set_input_files(tmp_path / "bad.csv")
    expect(page.get_by_text("1 of 50 rows cannot be scored")).to_be_visible()
    page.get_by_role("button", name="Choose another file").click()
    expect(page.locator("input[type=file]")).to_be_attached()


def test_switch(page, service):
    go(page, "Models")
    page.get_by_role("button", name="Let the challenger answer").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch").click()
    expect(page.get_by_text("The challenger answers now.")).to_be_visible()
    try:
        go(page, "Predict")
        predicted(page)
        expect(page.get_by_text("Answered by the challenger")).to_be_visible()
    finally:
        httpx.post(f"{service.url}/models/load?alias=champion").raise_for_status()


def test_the_service_stops_and_comes_back(page, service):
    expect(page.get_by_role("button", name="Predict", exact=True)).to_be_visible()
    service.stop()
    try:
        page.get_by_role("button", name="Predict", exact=True).click()
        expect(page.get_by_text("does not answer")).to_be_visible()
        expect(page.get_by_text("make serve")).to_be_visible()
    finally:
        service.start()
    expect(page.get_by_role("button", name="Predict", exact=True)).to_be_visible()
    expect(page.get_by_text("does not answer")).to_have_count(0)
    assert predicted(page).startswith("$")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_it_all(browser, address, view, scheme):
    tab = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    tab.goto(f"{address}/{view}")
    expect(tab.get_by_role("heading").first).to_be_visible()
    settled(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    wide = "[...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollWidth)"
    assert max(tab.evaluate(wide)) <= 390
    tab.close()


@pytest.mark.parametrize("view", VIEWS)
def test_every_control_has_a_name_for_screen_readers(page, address, view):
    page.goto(f"{address}/{view}")
    expect(page.get_by_role("heading").first).to_be_visible()
    settled(page)
    nameless = """
        [...document.querySelectorAll('[data-testid=stMain] input, [data-testid=stMain] button')]
        .filter(e => e.offsetParent && !e.closest('[aria-hidden=true]'))
        .filter(e => !e.ariaLabel && !e.innerText.trim() && !e.title
                     && !(e.labels && e.labels.length) && !e.getAttribute('aria-labelledby'))
        .map(e => e.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_the_keyboard_is_enough(page, service):
    quantity = page.get_by_role("spinbutton", name="Quantity")
    quantity.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_role("button", name="Predict", exact=True).focus()
    page.keyboard.press("Enter")
    found = page.get_by_test_id("stMetricValue")
    expect(found).to_be_visible()
    order = httpx.get(f"{service.url}/schema").json()["example"] | {"Quantity": 4}
    asked = httpx.post(f"{service.url}/predict", json=order).json()["predicted_total_amount"]
    assert found.inner_text() == f"${asked:,.2f}"
