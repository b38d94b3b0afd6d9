"""The page in a real browser, and a hundred people at it: `make bench-page`.

How soon it is there and each view, in a browser that has nothing of it yet; on Watch is what `make
watch` finds in a month of answered rows (bench/watched_month.py). A large CSV from the moment it is
chosen to the end of the download; and the memory of the page's process before, with the file, after
it was let go, and after the tab was closed. Needs `make repro` first, and Chromium.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import Browser, Page, expect

from bench import crowd, visits, watched_month
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


def large_file(
    browser: Browser, url: str, file: Path, megabytes: Callable[[], float]
) -> list[dict[str, float]]:
    """Score the file so many times; return seconds and megabytes of each."""
    orders = pd.read_parquet(ROOT / "data/prepared/test.parquet")
    rows = np.resize(np.arange(len(orders)), ROWS)
    orders.iloc[rows].to_csv(file, index=False, date_format="%Y-%m-%d")
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
    return found


def main() -> None:
    """Print the figures and write state/bench/page.json."""
    file = WORK / "orders.csv"
    watched = {"WATCHED": str(watched_month.FOUND)}
    started = page(watched, STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL=str(FORGET))
    with started as (browser, url, api, pid):
        process = psutil.Process(pid)

        def megabytes() -> float:
            return process.memory_info().rss / 1e6

        load = os.getloadavg()[0]
        watched_month.make()
        visited = visits.measured(browser, url)
        people = crowd.gathered(url, api, megabytes)
        time.sleep(2 * FORGET)
        people["mb_gone"] = megabytes()
        found = large_file(browser, url, file, megabytes)
    print(f"load at the beginning: {load:.1f}; seconds, medians of {visits.VISITS}")
    print(pd.Series(visited).round(3).to_string())
    print(pd.Series(people).round(2).to_string())
    print(f"{file.stat().st_size / 1e6:.1f} MB, {ROWS:,} rows; the first line warms up")
    print(pd.DataFrame(found).round(2).to_string(index=False))
    told = {"load": load, "visits": visited, "crowd": people, "rows": ROWS, "runs": found}
    files.write_json(WORK / "page.json", told)


if __name__ == "__main__":
    main()
