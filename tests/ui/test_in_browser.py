"""The page in real Chromium, over the real service with models that the pipeline promoted."""

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pandas as pd
import pytest
from playwright.sync_api import expect

from tests import small_project
from tests.bento_server import free_port, serve, stop
from tests.ui.chromium import (
    LISTENING,
    PATIENCE,
    Watched,
    chart,
    findings,
    go,
    launched,
    page_over,
    predicted,
    settled,
    tab_at,
    too_wide,
    unfold_all,
)
from ui.amounts import words

pytestmark = pytest.mark.browser

VIEWS = ("", "score_file", "models", "data", "about")


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
    with page_over(service.url, tmp_path_factory.mktemp("page")) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with launched() as started:
        yield started


@pytest.fixture
def page(browser, address):
    with tab_at(browser, address) as tab:
        yield tab


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
    assert priced.pop("RequestId").is_unique
    assert asked.pop("RequestId").is_unique  # ids of its own
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
        failed = page.get_by_test_id("stAlert").get_by_text("does not answer")
        expect(failed).to_be_visible()
        expect(page.get_by_role("heading", name="What will this order cost?")).to_be_visible()
        expect(page.get_by_role("spinbutton", name="Quantity")).to_be_visible()
        expect(page.get_by_text("make serve")).to_be_hidden()
        page.get_by_text("For those who run the service").click()
        expect(page.get_by_text("make serve")).to_be_visible()
    finally:
        service.start()
    expect(page.get_by_role("button", name="Predict", exact=True)).to_be_visible()
    expect(failed).to_have_count(0)
    assert predicted(page).startswith("$")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_it_all(browser, address, view, scheme):
    tab = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    tab.goto(f"{address}/{view}")
    expect(tab.get_by_role("heading").first).to_be_visible()
    settled(tab)
    assert too_wide(tab) == []
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


def test_the_keyboard_is_enough_and_enter_predicts(page, service):
    quantity = page.get_by_role("spinbutton", name="Quantity")
    quantity.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    found = page.get_by_test_id("stMetricValue")
    expect(found).to_be_visible()
    order = httpx.get(f"{service.url}/schema").json()["example"] | {"Quantity": 4}
    asked = httpx.post(f"{service.url}/predict", json=order).json()["predicted_total_amount"]
    assert found.inner_text() == f"${asked:,.2f}"
    expect(page.locator(LISTENING)).to_contain_text(
        f"Predicted total amount: ${asked:,.2f}", timeout=PATIENCE
    )


def test_the_region_that_is_read_is_there_before_the_answer_and_stays(page):
    region = page.locator(LISTENING)
    expect(region).to_have_text("")
    page.evaluate("document.querySelector('[data-listening]').kept = true")
    predicted(page)
    expect(region).to_contain_text("Predicted total amount")
    assert page.evaluate("document.querySelector('[data-listening]').kept") is True


@pytest.mark.parametrize("typed", ["1000", "", "2.5"])
def test_a_number_that_cannot_be_is_said_at_its_field_and_nothing_is_priced(page, typed):
    predicted(page)
    quantity = page.get_by_role("spinbutton", name="Quantity")
    quantity.fill(typed)
    quantity.press("Enter")
    said = page.locator(".st-key-order").get_by_text("Enter a whole number from 1 to 100")
    expect(said).to_be_visible()
    expect(page.get_by_test_id("stMetricValue")).to_have_count(0)
    expect(page.locator(LISTENING)).to_contain_text("Not predicted. Quantity")
    expect(quantity).to_have_attribute("aria-invalid", "true")
    expect(quantity).to_have_value(typed)
    quantity.fill("3")
    quantity.press("Enter")
    expect(page.get_by_test_id("stMetricValue")).to_be_visible()
    expect(said).to_have_count(0)
    expect(quantity).not_to_have_attribute("aria-invalid", "true")


def test_what_was_entered_stays_when_another_view_was_looked_at(page):
    quantity = page.get_by_role("spinbutton", name="Quantity")
    quantity.fill("5")
    quantity.press("Enter")
    expect(page.get_by_test_id("stMetricValue")).to_be_visible()
    go(page, "Models")
    expect(page.get_by_role("heading", name="Champion")).to_be_visible()
    go(page, "Predict")
    expect(quantity).to_have_value("5")
    expect(page.get_by_test_id("stMetricValue")).to_be_visible()


# How much wider the longest choice of each control is than the room for it.
CUT = """
    (choices) => {
        const brush = document.createElement('canvas').getContext('2d');
        return [...document.querySelectorAll('.st-key-order input[role=combobox]')].map(box => {
            const style = getComputedStyle(box);
            brush.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
            const name = Object.keys(choices).find(one => box.ariaLabel?.startsWith(one)
                || [...(box.labels ?? [])].some(label => label.innerText.startsWith(one)));
            const widest = Math.max(...(choices[name] ?? []).map(c => brush.measureText(c).width));
            const room = box.clientWidth - parseFloat(style.paddingLeft)
                - parseFloat(style.paddingRight);
            return [name ?? box.outerHTML, widest - room];
        });
    }"""


@pytest.mark.parametrize("width", [390, 768, 1024, 1440])
def test_no_choice_is_cut(page, service, width):
    page.set_viewport_size({"width": width, "height": 900})
    settled(page)
    fields = httpx.get(f"{service.url}/schema").json()["fields"]
    choices = {words(n): c["values"] for n, c in fields.items() if c["role"] == "categorical"}
    found = dict(page.evaluate(CUT, choices))
    assert found.keys() == choices.keys()
    assert {name: over for name, over in found.items() if over > 0} == {}


def test_amounts_stand_beneath_one_another(page):
    predicted(page)
    expect(page.get_by_test_id("stTable").get_by_text("Total")).to_be_visible()
    ends = page.evaluate(
        """[...document.querySelectorAll('[class*=st-key-amounts_] td:last-child p')]
           .map(p => { const text = document.createRange(); text.selectNodeContents(p);
                       return Math.round(text.getBoundingClientRect().right); })"""
    )
    assert len(ends) >= 3
    assert len(set(ends)) == 1


def test_a_telephones_models_are_folded(browser, address):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto(f"{address}/models")
    expect(tab.get_by_text("Error by group")).to_be_visible()
    settled(tab)
    expect(
        tab.locator("[data-testid=stVegaLiteChart]:visible, [data-testid=stTable]:visible")
    ).to_have_count(0)
    tab.get_by_text("The gate, rule by rule").click()
    expect(tab.get_by_text("Variation explained").last).to_be_visible()
    tab.close()


def shown_all(tab, view: str, orders: Path) -> Iterator[str]:
    """Do in a view all that a person can; after each step yield what it is called."""
    tab.set_default_timeout(PATIENCE)
    expect(tab.get_by_role("heading").first).to_be_visible()
    settled(tab)
    yield "opened"
    if view == "":
        expect(tab.locator(LISTENING)).to_be_attached()
        tab.get_by_role("spinbutton", name="Tax").fill("")
        tab.get_by_role("spinbutton", name="Tax").press("Enter")
        expect(tab.locator(".st-key-order").get_by_text("Enter a number")).to_be_visible()
        settled(tab)
        yield "a bad field"
        tab.get_by_role("spinbutton", name="Tax").fill("10")
        tab.get_by_role("spinbutton", name="Tax").press("Enter")
        expect(tab.get_by_test_id("stMetricValue")).to_be_visible()
        settled(tab)
        yield "predicted"
    if view == "score_file":
        tab.get_by_text("What each column may hold").click()
        yield "the columns"
        tab.locator("input[type=file]").set_input_files(orders)
        expect(tab.get_by_role("button", name="Score ")).to_be_visible()
        settled(tab)
        yield "checked"
        tab.get_by_role("button", name="Score ").click()
        expect(tab.get_by_text("rows scored")).to_be_visible()
        settled(tab)
        with tab.expect_download():
            tab.get_by_role("button", name="Download the scored file").click()
        yield "scored"
    if view == "data":
        unfold_all(tab)
        expect(chart(tab, "Distribution of Brand")).to_be_attached()
        expect(chart(tab, "What matters most")).to_be_attached()
        settled(tab)
        yield "unfolded"
    if view == "models":
        unfold_all(tab)
        expect(tab.get_by_text("by the names in params.yaml").first).to_be_visible()
        settled(tab)
        yield "unfolded"
        tab.get_by_role("button", name="Let the challenger answer").click()
        expect(tab.get_by_role("dialog")).to_be_visible()
        settled(tab)
        yield "the dialog"
        tab.get_by_role("button", name="Cancel").click()
        expect(tab.get_by_role("dialog")).to_have_count(0)


@pytest.fixture(scope="module")
def some_orders(project, tmp_path_factory) -> Path:
    """Return a CSV of orders, one of them bad."""
    orders = pd.read_parquet(project / "data/prepared/test.parquet")[:50]
    quantities = ["many", *orders["Quantity"].astype(str)[1:]]
    path = tmp_path_factory.mktemp("sent") / "orders.csv"
    orders.assign(Quantity=quantities).to_csv(path, index=False, date_format="%Y-%m-%d")
    return path


@pytest.mark.parametrize("view", VIEWS)
def test_no_request_leaves_the_machine(browser, address, some_orders, view):
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    watched = Watched(tab)
    tab.goto(f"{address}/{view}")
    for _ in shown_all(tab, view, some_orders):
        pass
    assert watched.elsewhere == []
    assert watched.broken == []
    with tab.expect_event("request"):  # such as these are what is looked for
        tab.evaluate("new Image().src = 'http://elsewhere.invalid/badge.svg'")
    with tab.expect_event("websocket"):
        tab.evaluate("new WebSocket('ws://elsewhere.invalid/')")
    tab.close()
    assert [urlsplit(url).hostname for url in watched.elsewhere] == ["elsewhere.invalid"] * 2


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, address, some_orders, view, scheme):
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    tab.goto(f"{address}/{view}")
    found = {step: findings(tab) for step in shown_all(tab, view, some_orders)}
    tab.close()
    assert {step: told for step, told in found.items() if told} == {}
