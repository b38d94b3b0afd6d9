"""An analyst's day in real Chromium: what-ifs, history and links; a file with names of its own.

That file is mended and scored, its worst rows are looked at, its true amounts kept.
"""

import io
import json
import re
import shutil
from contextlib import suppress

import httpx
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import FileChooser, expect
from playwright.sync_api import TimeoutError as NothingCame

from sales import files
from tests import bad_rows, patience
from tests.bento_server import serve, stop
from tests.examples import make_orders
from tests.ui.chromium import (
    LISTENING,
    PATIENCE,
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

pytestmark = pytest.mark.browser

BRIEFLY = 10_000  # milliseconds, after which a keystroke is taken for lost: no test fails for it
SIZES = [(width, scheme) for width in (390, 768, 1440) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def service(promoted, tmp_path_factory):
    """Serve the small export, beside which rows were set aside, and keep what is answered."""
    folder = tmp_path_factory.mktemp("service")
    exports = shutil.copytree(promoted, folder / "exports")
    picture = files.read_json(exports / "data.json")
    bad = {"quarantine": bad_rows.quarantine(), "quarantined_by_reason": bad_rows.REASONS}
    files.write_json(exports / "data.json", {**picture, **bad})
    kept = {"SERVED": str(folder / "served"), "SERVED_SECONDS": "1"}
    process, url = serve(exports, folder, MAX_BODY_MB="100", **kept)
    yield url, folder / "served"
    stop(process)


@pytest.fixture(scope="module")
def address(service, tmp_path_factory):
    with page_over(service[0], tmp_path_factory.mktemp("page")) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with launched() as started:
        yield started


@pytest.fixture
def page(browser, address):
    with tab_at(browser, address) as tab:
        yield tab


def unfold(tab, label: str) -> None:
    """Open what is folded, once Streamlit has taken away what it is drawing anew.

    It may stand there before Streamlit is done, and would be folded again by the end of it.
    """
    folded = tab.get_by_text(label)
    expect(folded.first).to_be_visible()
    settled(tab)
    expect(folded).to_have_count(1)
    folded.click()


def typed(tab, field: str, value: str) -> None:
    """Type into a field and press Enter, which predicts."""
    control = tab.get_by_role("spinbutton", name=field)
    control.fill(value)
    control.press("Enter")
    settled(tab)


def asked(url: str, **changes) -> float:
    order = httpx.get(f"{url}/schema").json()["example"] | changes
    return httpx.post(f"{url}/predict", json=order).json()["predicted_total_amount"]


def test_two_what_ifs_stand_side_by_side_with_both_whys_and_the_difference(page, service):
    predicted(page)
    page.get_by_role("button", name="Keep it to compare").click()
    expect(page.get_by_text("Kept: change a field")).to_be_visible()
    typed(page, "Quantity", "1")
    typed(page, "Unit price", "123.45")
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
    kept, now = asked(service[0]), asked(service[0], Quantity=1, UnitPrice=123.45)
    table = page.locator(".st-key-amounts_what_ifs")
    expect(table).to_contain_text("Unit price")
    expect(table).to_contain_text(f"${kept:,.2f}")
    expect(table).to_contain_text(f"−${kept - now:,.2f}")
    expect(chart(page, "Both whys")).to_be_attached()
    page.get_by_role("button", name="End the comparison").click()
    expect(page.get_by_role("heading", name="Side by side")).to_have_count(0)


def test_the_session_is_listed_opened_again_and_downloaded(page, service):
    predicted(page)
    typed(page, "Quantity", "3")
    unfold(page, "This session: 2 answers")
    expect(page.locator(".st-key-amounts_history")).to_contain_text("Quantity: 3")
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the session").click()
    found = pd.read_csv(download.value.path())
    assert found["PredictedTotalAmount"].tolist() == [
        asked(service[0]),
        asked(service[0], Quantity=3),
    ]
    assert found["RequestId"].is_unique
    settled(page)
    box = page.get_by_role("combobox", name="An earlier one")

    def chosen() -> bool:
        """Open the list and choose, again where it was drawn anew and closed meanwhile."""
        if not box.input_value().startswith("1, at"):
            box.click()
            wanted = page.get_by_role("option", name="1, at")
            wanted.evaluate_all("found => found.forEach(one => one.click())")
            settled(page)
        return box.input_value().startswith("1, at")

    patience.until(chosen, box.input_value)
    page.get_by_role("button", name="Fill the form with it").click()
    example = httpx.get(f"{service[0]}/schema").json()["example"]
    expect(page.get_by_role("spinbutton", name="Quantity")).to_have_value(
        f"{example['Quantity']:g}"
    )


def test_a_link_opens_this_very_order_in_another_browser(page, browser, service):
    typed(page, "Quantity", "4")
    typed(page, "Discount", "12.5")
    unfold(page, "Link and curl")
    link = page.get_by_test_id("stCode").first.inner_text().strip()
    assert "Quantity=4" in link
    assert "Discount=0.125" in link
    other = browser.new_context().new_page()
    other.set_default_timeout(PATIENCE)
    other.goto(link)
    found = other.get_by_test_id("stMetricValue")
    expect(found).to_have_text(f"${asked(service[0], Quantity=4, Discount=0.125):,.2f}")
    expect(other.get_by_role("spinbutton", name="Discount")).to_have_value("12.5")
    settled(other)  # Enter predicts once the whole view is there, which ends with its script
    typed(other, "Quantity", "2")  # the address does not hold on to the form
    expect(found).to_have_text(f"${asked(service[0], Quantity=2, Discount=0.125):,.2f}")
    other.close()


def test_the_line_of_curl_answers_the_same(page, service):
    import subprocess

    shown = predicted(page)
    unfold(page, "Link and curl")
    line = page.get_by_test_id("stCode").last.inner_text()
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert shown == f"${json.loads(done.stdout)['predicted_total_amount']:,.2f}"


@pytest.fixture(scope="module")
def odd_file(tmp_path_factory):
    """Return a CSV with names of its own, one bad cell, and true amounts, one of them far off."""
    orders = make_orders(60)
    orders["TotalAmount"] = orders["TotalAmount"].astype(float)
    orders.loc[7, "TotalAmount"] += 5_000
    quantities = orders["Quantity"].astype(str).tolist()
    quantities[2] = "two"
    orders = orders.assign(Quantity=quantities)
    named = {"UnitPrice": "unit price", "OrderDate": "day", "TotalAmount": "Total amount"}
    path = tmp_path_factory.mktemp("sent") / "orders.csv"
    orders.rename(columns=named).to_csv(path, index=False, date_format="%Y-%m-%d")
    return path


def checked(tab, file) -> None:
    """Send the file and say which column is which."""
    tab.locator("input[type=file]").set_input_files(file)
    expect(tab.get_by_role("heading", name="Which column is which?")).to_be_visible()
    box = tab.get_by_role("combobox", name="OrderDate")
    box.click()
    tab.get_by_role("option", name="day", exact=True).click()
    tab.get_by_role("button", name="Use these names").click()
    expect(tab.get_by_text("1 of 60 rows cannot be scored")).to_be_visible()
    settled(tab)


def to_mend(tab) -> None:
    """Unfold the table in which cells are mended."""
    tab.get_by_test_id("stExpander").get_by_text("Mend them here").click()


def mended(tab) -> None:
    """Mend the bad cell in the table, by keyboard once it is reached."""
    to_mend(tab)
    grid = tab.get_by_test_id("stExpander").get_by_test_id("stDataFrame")
    expect(grid).to_be_visible()
    grid.locator(".dvn-scroller").click(position={"x": 20, "y": 50})  # the first row's number
    for _ in range(2):
        tab.keyboard.press("ArrowRight")
    tab.keyboard.type("2")
    expect(tab.locator("textarea").last).to_have_value("2")  # the cell's own editor is there
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Check again with 1 changed cell").click()
    expect(tab.get_by_text("Every row is fine.")).to_be_visible()


def test_a_file_with_other_names_is_mapped_mended_scored_and_its_truths_are_kept(
    page, service, odd_file
):
    go(page, "Score a file")
    checked(page, odd_file)
    expect(page.get_by_text("As you said:")).to_be_visible()
    mended(page)
    page.get_by_role("button", name="Score 60 rows").click()
    expect(page.get_by_text("60 rows scored")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the scored file").click()
    scored = pd.read_csv(download.value.path())
    assert scored["Quantity"].tolist()[2] == 2
    assert {"unit price", "day", "Total amount", "PredictedTotalAmount"} <= set(scored)
    worst = page.locator(".st-key-amounts_worst tbody tr").first
    expect(worst).to_contain_text("9")  # the row as a spreadsheet counts it
    expect(worst).to_contain_text("−$5,")
    page.get_by_role("combobox", name="Why a row has its prediction").focus()
    page.keyboard.type("Row 9")
    page.keyboard.press("Enter")
    expect(chart(page, "Waterfall chart")).to_be_attached()
    page.get_by_text("Keep the true values").click()
    page.get_by_role("button", name="Keep 60 true values").click()
    expect(page.get_by_text("60 true values are kept.")).to_be_visible()
    served = service[1]

    def told() -> bool:
        parts = list((served / "truths").rglob("*.parquet"))
        kept = pd.concat([pd.read_parquet(io.BytesIO(part.read_bytes())) for part in parts])
        return set(scored["RequestId"]) <= set(kept["request_id"])

    patience.until(told, lambda: "the truths are not on disk")


def test_what_was_said_of_the_columns_is_remembered_for_the_file(page, odd_file):
    go(page, "Score a file")
    checked(page, odd_file)
    page.get_by_role("button", name="Choose another file").click()
    page.locator("input[type=file]").set_input_files(odd_file)
    expect(page.get_by_text("1 of 60 rows cannot be scored")).to_be_visible()
    expect(page.get_by_text("As you said:")).to_be_visible()
    page.get_by_role("button", name="Name them anew").click()
    expect(page.get_by_role("heading", name="Which column is which?")).to_be_visible()


def test_a_first_visit_leads_to_a_prediction(page, service):
    page.get_by_role("link", name="New here? Two minutes").click()
    expect(page.get_by_role("heading", name="Amazon Sales in two minutes")).to_be_visible()
    expect(page.get_by_role("heading", name="What it cannot do")).to_be_visible()
    page.get_by_role("link", name="Open it and change something").click()
    expect(page.get_by_test_id("stMetricValue")).to_have_text(f"${asked(service[0]):,.2f}")


def test_both_models_answer_for_the_analysts_own_file(page, odd_file):
    go(page, "Score a file")
    checked(page, odd_file)
    page.get_by_role("button", name="Score 59 rows").click()
    page.get_by_role("button", name="Score it with the challenger too").click()
    expect(page.locator(".st-key-amounts_both_models")).to_contain_text("Nearer to the truth")
    expect(page.locator(".st-key-amounts_apart tbody tr")).to_have_count(10)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download with both").click()
    found = pd.read_csv(download.value.path())
    apart = found["PredictedTotalAmountChallenger"] - found["PredictedTotalAmount"]
    assert found["PredictedTotalAmountDifference"].to_numpy() == pytest.approx(apart, nan_ok=True)
    assert apart.isna().sum() == 1  # the bad row


def test_rows_that_were_set_aside_are_searched_and_mended(page):
    go(page, "Data")
    box = page.get_by_role("searchbox", name="Search what was set aside")
    box.fill("cheap")
    box.press("Enter")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 row to mend").click()
    found = pd.read_csv(download.value.path())
    assert found["What is wrong"].tolist() == ["UnitPrice: not a number"]
    settled(page)
    page.get_by_role("button", name="Mend 1 row here").click()
    expect(page.get_by_role("heading", name="Score a file")).to_be_visible()
    expect(page.get_by_text("1 of 1 rows cannot be scored")).to_be_visible()


def test_mark_and_name_of_the_product_stand_above_every_view(page):
    for view in ("Predict", "Score a file", "Models", "Data", "Watch", "About"):
        go(page, view)
        mark = page.get_by_test_id("stHeaderLogo")
        assert mark.evaluate("e => e.naturalWidth") > 0
        told = mark.evaluate("e => getComputedStyle(e.parentElement, '::after').content")
        assert told == '"Amazon Sales"'


def tab_to(tab, role: str, name: str | re.Pattern[str]) -> None:
    """Press Tab until the control of that role and name has the focus."""
    settled(tab)
    wanted = tab.get_by_role(role, name=name).first
    for _ in range(100):
        tab.keyboard.press("Tab")
        if wanted.evaluate("e => e === document.activeElement"):
            return
    pytest.fail(f"Tab does not lead to {name}")


def to_choose(tab) -> FileChooser:
    """Return the window in which a file is chosen, which is not ours, opened by Enter on Upload.

    A keystroke between two drawings of Streamlit is lost; who meets that presses again.
    """
    for waits in (BRIEFLY, BRIEFLY, PATIENCE):
        tab_to(tab, "button", re.compile("^(upload )?Upload$"))
        with suppress(NothingCame):
            with tab.expect_file_chooser(timeout=waits) as chooser:
                tab.keyboard.press("Enter")
            return chooser.value
    pytest.fail("Enter on Upload opens no window")


def test_tab_and_enter_lead_from_arriving_to_the_scored_file(page, tmp_path):
    sent = tmp_path / "orders.csv"
    make_orders(40).to_csv(sent, index=False, date_format="%Y-%m-%d")
    # As in a browser that has no such picker: Playwright sees only the other kind.
    page.evaluate("delete window.showOpenFilePicker")
    tab_to(page, "link", "Score a file")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Download a template")).to_be_visible()
    to_choose(page).set_files(sent)
    expect(page.get_by_role("button", name="Score 40 rows")).to_be_visible()
    tab_to(page, "button", "Score 40 rows")
    page.keyboard.press("Enter")
    expect(page.get_by_text("40 rows scored")).to_be_visible()
    tab_to(page, "button", "Download the scored file")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert pd.read_csv(download.value.path())["PredictedTotalAmount"].notna().sum() == 40


def lightness(png: bytes) -> np.ndarray:
    """Return how light each pixel of a picture is, from 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_answer_is_dark_on_white_on_paper(browser, address, scheme):
    tab = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme=scheme)
    tab.set_default_timeout(PATIENCE)
    tab.goto(address)
    expect(tab.locator(LISTENING)).to_be_attached()
    predicted(tab)
    tab.emulate_media(media="print")
    paper = lightness(tab.screenshot(full_page=True))
    drawn = lightness(tab.get_by_test_id("stVegaLiteChart").first.screenshot())
    tab.close()
    for picture in (paper, drawn):
        assert np.mean(picture >= 250) > 0.75  # white
        assert 0.001 < np.mean(picture < 100) < 0.2  # and read on it
    assert (paper[0] >= 250).all()


def test_an_answer_is_whole_on_paper(page):
    predicted(page)
    page.emulate_media(media="print")
    settled(page)
    heights = page.evaluate(
        """() => {
            const main = document.querySelector('[data-testid=stMain]');
            const inner = document.querySelector('[data-testid=stMainBlockContainer]');
            return [main.clientHeight, inner.getBoundingClientRect().height];
        }"""
    )
    assert heights[0] + 1 >= heights[1] > 900  # nothing is cut off at the window's height
    expect(page.get_by_role("button", name="Predict", exact=True)).to_be_hidden()
    expect(page.get_by_test_id("stMetricValue")).to_be_visible()
    expect(page.get_by_test_id("stTable").first).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_what_is_new_is_readable_at_every_width_in_both_themes(
    browser, address, odd_file, width, scheme
):
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab.set_default_timeout(PATIENCE)
    found = {}

    def look(step: str) -> None:
        settled(tab)
        assert too_wide(tab) == [], step
        if told := findings(tab):
            found[step] = told

    tab.goto(address)
    expect(tab.locator(LISTENING)).to_be_attached()
    predicted(tab)
    tab.get_by_role("button", name="Keep it to compare").click()
    typed(tab, "Quantity", "3")
    expect(tab.get_by_role("heading", name="Side by side")).to_be_visible()
    unfold(tab, "Link and curl")
    unfold(tab, "This session: 2 answers")
    expect(tab.get_by_role("button", name="Compare with it")).to_be_visible()
    look("side by side")
    tab.goto(f"{address}/score_file")
    checked(tab, odd_file)
    look("named")
    to_mend(tab)
    look("to mend")
    tab.get_by_role("button", name="Score 59 rows").click()
    expect(tab.get_by_text("59 rows scored")).to_be_visible()
    tab.get_by_text("Keep the true values").click()
    look("scored")
    tab.get_by_role("button", name="Score it with the challenger too").click()
    expect(tab.get_by_text("Where they differ most")).to_be_visible()
    look("by both models")
    tab.goto(f"{address}/data")
    expect(tab.get_by_role("button", name="Mend 2 rows here")).to_be_visible()
    look("set aside")
    tab.goto(f"{address}/models")
    expect(tab.get_by_role("heading", name="What differs")).to_be_visible()
    unfold_all(tab)
    look("models")
    tab.goto(f"{address}/about")
    expect(tab.get_by_role("heading", name="What it cannot do")).to_be_visible()
    look("about")
    tab.close()
    assert found == {}
