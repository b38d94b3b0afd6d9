"""Pictures of every view, light and dark, wide and narrow: `make screenshots`.

All go to state/screenshots/, the three of the README to docs/. One of them, light and wide, to a
file: `python -m bench.screenshots predict docs/tutorial_page.png`. Needs `make repro` and Chromium.
"""

import sys
from pathlib import Path

import pandas as pd
from playwright.sync_api import Page, expect

from bench.chromium import page
from bench.servers import ROOT, WORK

VIEWS = ("predict", "score_file", "models", "data", "watch", "about")
README = ("predict", "score_file", "models")  # light, for a desk
FOLDER = WORK.parent / "screenshots"
WIDTHS = {"wide": 1440, "desk": 1280, "laptop": 1024, "tablet": 768, "narrow": 390}  # pixels
UNFOLDED = ("models", "watch")
PHONE = 640  # pixels: they stay folded on what is narrower
PATIENCE = 60_000  # milliseconds


def settle(tab: Page) -> None:
    """Wait until nothing is drawn any more."""
    app = tab.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
    tab.wait_for_timeout(700)  # Vega draws after Streamlit is done


def visit(tab: Page, url: str, view: str, orders: Path) -> None:
    """Open a view and do there what shows most of it."""
    tab.goto(f"{url}/{'' if view == 'predict' else view}")
    expect(tab.get_by_role("heading").first).to_be_visible(timeout=PATIENCE)
    settle(tab)
    if view == "predict":
        tab.get_by_role("button", name="Predict", exact=True).click()
        expect(tab.get_by_test_id("stMetricValue")).to_be_visible(timeout=PATIENCE)
    if view == "score_file":
        tab.locator("input[type=file]").set_input_files(orders)
        tab.get_by_role("button", name="Score ").click()
        expect(tab.get_by_text("rows scored")).to_be_visible(timeout=PATIENCE)
        settle(tab)
        other = tab.get_by_role("button", name="Score it with the challenger too")
        if other.count():  # else there is none
            other.click()
            expect(tab.get_by_role("button", name="Download with both")).to_be_visible(
                timeout=PATIENCE
            )
    if view in UNFOLDED and (tab.viewport_size or {"width": 0})["width"] > PHONE:
        for folded in tab.get_by_test_id("stExpander").locator("summary").all():
            folded.click()  # which scrolls to it
    tab.mouse.move(0, 0)  # a chart beneath the pointer shows its buttons
    tab.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    settle(tab)


def some_rows() -> Path:
    """Return a CSV of test rows, for the view that scores a file."""
    path = WORK / "few_rows.csv"
    test = pd.read_parquet(ROOT / "data/prepared/test.parquet")
    test[:2000].to_csv(path, index=False, date_format="%Y-%m-%d")
    return path


def one(view: str, path: Path) -> None:
    """Draw one view, light and wide."""
    if view not in VIEWS:
        raise SystemExit(f"error: there is no view '{view}': {', '.join(VIEWS)}")
    with page() as (browser, url, *_):
        tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        visit(tab, url, view, some_rows())
        tab.screenshot(path=path)
    print(f"written to {path}")


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (ROOT / "docs").mkdir(exist_ok=True)
    with page() as (browser, url, *_):
        orders = some_rows()
        for scheme in ("light", "dark"):
            for name, width in WIDTHS.items():
                tab = browser.new_page(
                    viewport={"width": width, "height": 900},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                for view in VIEWS:
                    visit(tab, url, view, orders)
                    path = FOLDER / f"{view}_{scheme}_{name}.png"
                    if scheme == "light" and name == "desk" and view in README:
                        tab.screenshot(path=ROOT / "docs" / f"{view}.png")
                    for _ in range(2):  # charts take their room once they are seen
                        height = tab.evaluate(
                            "document.querySelector('[data-testid=stMain]').scrollHeight"
                        )
                        tab.set_viewport_size({"width": width, "height": min(height + 20, 5000)})
                        settle(tab)
                    tab.screenshot(path=path)
                    tab.set_viewport_size({"width": width, "height": 900})
                tab.close()
    print(f"written to {FOLDER} and docs/")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
