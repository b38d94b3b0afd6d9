"""How soon the page is there, in Chromium: a first visit, and the way from view to view.

Times are the browser's own, from one clock: nobody polls from outside.
"""

import statistics
from collections.abc import Iterator

from playwright.sync_api import Browser, Page

VIEWS = {  # by the navigation's word: what the view's title begins with
    "Score a file": "Score a file",
    "Models": "Models",
    "Data": "Data",
    "Watch": "Watch",
    "About": "",  # the product's own name
    "Predict": "",  # the contract's question
}
VISITS = 5  # each with nothing in the browser's cache
PATIENCE = 120_000  # milliseconds
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# When the form can be filled in and Enter predicts.
USABLE = """() => {
    const idle = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
    const button = document.querySelector('.st-key-predict button');
    const listens = document.querySelector('[role=status][data-listening]');
    return idle === 'notRunning' && button && !button.disabled && listens && performance.now();
}"""
# Follow a link; return after how many milliseconds the view is there whole, and its charts drawn:
# before, a grey place stands for each.
FOLLOWED = """([word, title]) => new Promise(done => {
    const main = () => document.querySelector('[data-testid=stMain]');
    const before = main().querySelector('h1')?.textContent;
    const links = [...document.querySelectorAll('[data-testid=stTopNavLink]')];
    const start = performance.now();
    links.find(one => one.innerText.includes(word)).click();
    let whole = null;
    const look = () => {
        const heading = main().querySelector('h1')?.textContent ?? before;
        const idle = document.querySelector('[data-testid=stApp]').dataset.testScriptState;
        const stale = main().querySelector('[data-stale=true]');
        const there = heading !== before && heading.startsWith(title);
        if (there && idle === 'notRunning' && !stale) whole ??= performance.now() - start;
        const charts = [...main().querySelectorAll('[data-testid=stVegaLiteChart]')];
        const waiting = main().querySelector('[data-testid=stSkeleton]');
        const drawn = !waiting && charts.every(one => one.querySelector('svg, canvas'));
        if (whole !== null && drawn) done([whole, performance.now() - start]);
        else requestAnimationFrame(look);
    };
    look();
})"""


def measured(browser: Browser, url: str) -> dict[str, float]:
    """Return medians in seconds: to the first paint, until usable, to each view whole and drawn.

    Of a view the worst of its times, too.
    """
    firsts, usables = [], []
    views: dict[str, list[float]] = {word: [] for word in VIEWS}
    drawn: dict[str, list[float]] = {word: [] for word in VIEWS}
    for _ in range(VISITS):
        for tab in _opened(browser):
            tab.goto(url, wait_until="commit")
            usable = tab.wait_for_function(USABLE, timeout=PATIENCE).json_value()
            usables.append(usable / 1000)
            firsts.append(tab.evaluate(PAINTED) / 1000)
            for word, title in VIEWS.items():
                whole, all_of_it = tab.evaluate(FOLLOWED, [word, title])
                views[word].append(whole / 1000)
                drawn[word].append(all_of_it / 1000)
    return {
        "first_paint": statistics.median(firsts),
        "usable": statistics.median(usables),
        **{f"to_{word}": statistics.median(times) for word, times in views.items()},
        **{f"to_{word}_drawn": statistics.median(times) for word, times in drawn.items()},
        **{f"to_{word}_at_worst": max(times) for word, times in views.items()},
    }


def _opened(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    yield tab
    context.close()
