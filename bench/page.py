"""A large CSV scored through the page in a real browser: `make bench-page`.

From the moment the file is chosen to the end of the download; and the memory of the page's process
before, with the file, after it was let go, and after the tab was closed. Needs `make repro` first,
and Chromium.
"""

import os
import time

import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import Page, expect

from bench.chromium import page
from bench.servers import ROOT, WORK
from sales import files

ROWS = int(os.environ.get("PAGE_ROWS", "100000"))
TIMES = 4  # the first one warms up
PATIENCE = 120_000  # milliseconds
FORGET = 5  # seconds after which the page forgets a closed tab; by default 120


def scored(tab: Page, file: str) -> dict[str, float]:
    """Return the seconds that each step of scoring a file took."""
    marks = [time.perf_counter()]
    tab.locator("input[type=file]").set_input_files(file)
    button = tab.get_by_role("button", name=f"Score {ROWS:,} rows")
    expect(button).to_be_visible(timeout=PATIENCE)
    marks.append(time.perf_counter())
    button.click()
    expect(tab.get_by_text(f"{ROWS:,} rows scored")).to_be_visible(timeout=PATIENCE)
    marks.append(time.perf_counter())
    with tab.expect_download(timeout=PATIENCE) as download:
        tab.get_by_role("button", name="Download the scored file").click()
    path = download.value.path()
    marks.append(time.perf_counter())
    lines = path.read_bytes().count(b"\n")
    if lines != ROWS + 1:
        raise SystemExit(f"error: {lines:,} lines came back, not {ROWS + 1:,}")
    steps = dict(zip(("sent_and_checked", "scored", "downloaded"), np.diff(marks), strict=True))
    return {**steps, "seconds": marks[-1] - marks[0]}


def main() -> None:
    """Print the figures and write state/bench/page.json."""
    file = WORK / "orders.csv"
    with page(STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL=str(FORGET)) as (browser, url, pid):
        orders = pd.read_parquet(ROOT / "data/prepared/test.parquet")
        rows = np.resize(np.arange(len(orders)), ROWS)
        orders.iloc[rows].to_csv(file, index=False, date_format="%Y-%m-%d")
        process = psutil.Process(pid)

        def megabytes() -> float:
            return process.memory_info().rss / 1e6

        found = []
        for _ in range(TIMES):
            tab = browser.new_page()
            tab.goto(f"{url}/score_file")
            expect(tab.get_by_text("Download a template")).to_be_visible(timeout=PATIENCE)
            before = megabytes()
            took = scored(tab, str(file))
            holding = megabytes()
            tab.get_by_role("button", name="Choose another file").click()
            expect(tab.get_by_text("Download a template")).to_be_visible(timeout=PATIENCE)
            time.sleep(2)
            memory = {"before": before, "with_file": holding, "let_go": megabytes()}
            tab.close()
            time.sleep(2 * FORGET)
            memory["closed"] = megabytes()
            found.append({**took, **{f"mb_{when}": value for when, value in memory.items()}})
    table = pd.DataFrame(found)
    print(f"{file.stat().st_size / 1e6:.1f} MB, {ROWS:,} rows; the first line warms up")
    print(table.round(2).to_string(index=False))
    files.write_json(WORK / "page.json", {"rows": ROWS, "runs": found})


if __name__ == "__main__":
    main()
