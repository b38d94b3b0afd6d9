"""Every page of the service in real Chromium: no request leaves the machine, no script fails."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.bento_server import serve, stop
from tests.ui.test_in_browser import PATIENCE, browser  # noqa: F401

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(promoted, tmp_path_factory):
    process, url = serve(promoted, tmp_path_factory.mktemp("served"))
    yield url
    stop(process)


@pytest.fixture
def watched(browser):  # noqa: F811
    """Return a tab, and what was asked from elsewhere, refused or broken in it."""
    tab = browser.new_page()
    wrong = []

    def asked(request):
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            wrong.append(request.url)

    tab.on("request", asked)
    tab.on("response", lambda answer: answer.ok or answer.status < 400 or wrong.append(answer.url))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.set_default_timeout(PATIENCE)
    yield tab, wrong
    tab.close()


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/docs", "/openapi.json", "/health", "/livez", "/healthz", "/readyz", "/metrics"),
        *("/model-info", "/models", "/models/champion/evaluation", "/schema", "/data"),
    ],
)
def test_no_page_asks_another_host(watched, url, path):
    tab, wrong = watched
    tab.goto(f"{url}{path}", wait_until="networkidle")
    assert tab.content()
    assert wrong == []


def test_the_first_page_leads_to_the_documentation_where_a_row_is_priced(watched, url):
    tab, wrong = watched
    tab.goto(url)
    assert tab.url == f"{url}/docs"
    tab.locator("#operations-default-predict").get_by_role("button").first.click()
    tab.get_by_role("button", name="Execute").click()
    answered = tab.locator(".live-responses-table tbody .response-col_status").first
    expect(answered).to_contain_text("200")
    assert wrong == []
