"""What a person meets in MLflow's own page of the runs, in Chromium: `make mlflow`, looked at."""

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from sales import params
from sales.registry import experiments
from sales.registry.tracking import RegisterParams
from stages import register
from tests.bento_server import free_port
from tests.mlflow_server import Running
from tests.trained_project import NAME
from tests.ui.test_in_browser import PATIENCE, browser  # noqa: F401

pytestmark = pytest.mark.team

LAPTOP = {"width": 1440, "height": 900}
PLOTS = ("learning_curve", "predicted", "residuals", "importance")


@pytest.fixture
def opened(gated, browser):  # noqa: F811
    """Register, start MLflow's page as `make mlflow` does; return a tab and what that prints."""
    register.main()
    database = Path("state/registry/mlflow.db").resolve()
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{database}"]
    url = f"http://127.0.0.1:{port}"
    running = Running(command, url, "/health", gated / "mlflow.log")
    experiment = experiments.number(database, params.read("register", RegisterParams).experiment)
    tab = browser.new_page(viewport=LAPTOP)
    tab.set_default_timeout(PATIENCE)
    try:
        running.start()
        yield tab, url, experiments.page(url, experiment)
    finally:
        tab.close()
        running.stop()


def shown(tab, name):
    """Return a cell's text of each run, if it is in sight, in the table's order."""
    cells = tab.locator(f'[role=gridcell][col-id*="{name}"]')
    for cell in cells.all():
        expect(cell).to_be_in_viewport(ratio=1)
    return [cell.inner_text() for cell in cells.all()]


def test_runs_plots_and_versions_are_seen_at_once(opened, gated):
    tab, url, address = opened
    tab.goto(address)
    runs = tab.get_by_role("link", name=re.compile("^(linear_regression|xgboost)$"))
    expect(runs).to_have_text(["linear_regression", "xgboost"])  # the best first
    [rmse, worse] = map(float, shown(tab, "test.rmse"))
    assert rmse < worse
    assert [float(r2) > 0.9 for r2 in shown(tab, "test.r2")] == [True, True]
    assert shown(tab, "verdict") == ["passed", "passed"]

    runs.first.click()
    tab.get_by_role("tab", name="Artifacts").click()
    tab.get_by_text("plots", exact=True).click()
    for name in PLOTS:
        tab.get_by_text(f"{name}.png", exact=True).click()
        picture = tab.get_by_role("img", name=f"plots/{name}.png")
        expect(picture).to_be_in_viewport()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 700

    tab.goto(f"{url}/#/models/{NAME}/versions/1")
    expect(tab.get_by_text("The card of linear_regression with priced.")).to_be_visible()
    expect(tab.get_by_text("champion").first).to_be_visible()
    assert not (gated / "mlruns").exists()
