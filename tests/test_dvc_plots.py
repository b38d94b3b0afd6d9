"""`dvc plots` with the project's own templates and definitions, on made-up tables, offline."""

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sales.judging import charts
from sales.judging.plots_page import VEGA_LITE
from tests.examples import histogram

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / ".dvc" / "plots").glob("*.json"))
SPREAD = {
    "linear_regression": 0.0022,
    "polynomial_regression": 0.0023,
    "random_forest": 47.0,
    "hist_gradient_boosting": 4.9,
    "xgboost": 3.4,
    "lightgbm": 5.1,
}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def definitions(pipeline: str = "dvc.yaml") -> dict[str, dict]:
    listed = yaml.safe_load((ROOT / pipeline).read_text(encoding="utf-8"))["plots"]
    return {name: plot for entry in listed for name, plot in entry.items()}


def write_plots(folder: Path, seed: int, orders: int = 4000, drawn: int = 300) -> None:
    """Write every table that the definitions name, with figures like the real ones."""
    rng = np.random.default_rng(seed)
    true = np.round(rng.gamma(1.6, 570, orders).clip(4, 3500), 2)
    metrics, predictions, residuals, curves = {}, [], [], folder / "learning_curve"
    curves.mkdir(parents=True, exist_ok=True)
    slices: dict[str, dict[str, tuple[int, float, float | None]]] = {}
    importance: dict[str, dict[str, float]] = {}
    for model, spread in SPREAD.items():
        predicted = true + spread * rng.standard_t(4, orders)
        metrics[model] = {
            split: {"rmse": spread * share * rng.uniform(0.9, 1.1)}
            for split, share in {"train": 0.6, "valid": 1.0, "test": 1.02}.items()
        }
        at = charts.drawn(orders, drawn, seed=1)
        predictions.append(charts.prediction_rows(model, true[at], predicted[at]))
        residuals.append(histogram(predicted - true, 40).assign(model=model))
        steps = np.arange(1, 13 if model.endswith("regression") else 101)
        fall = 700 * rng.uniform(0.9, 0.95) ** steps
        curve = {"train": fall + 0.6 * spread, "valid": fall + spread}
        pd.concat(
            pd.DataFrame({"step": steps, "split": split, "rmse": charts.significant(values)})
            for split, values in curve.items()
        ).to_csv(curves / f"{model}.csv", index=False)
        slices[model] = {
            name: (int(rng.integers(200, 4000)), spread * rng.uniform(0.7, 1.6), 90.0)
            for name in (
                *(f"Category={name}" for name in ("Books", "Clothing", "Home & Kitchen")),
                *(f"Quantity={number}" for number in range(1, 6)),
                *(f"UnitPrice={band}" for band in ("-inf..50", "50..150", "450..inf")),
            )
        }
        importance[model] = {"NetAmount": 1011.3 * rng.uniform(0.9, 1.1), "Tax": 53.2} | {
            name: spread * rng.normal(0, 0.01) for name in ("Quantity", "UnitPrice", "Brand")
        }
    prices = histogram(rng.uniform(5, 600, orders), 30).assign(column="UnitPrice")
    numeric = pd.concat([prices, histogram(true, 30).assign(column="TotalAmount")])
    categorical = pd.DataFrame(
        [
            (column, value, int(rng.integers(9, 9000)))
            for column, values in {"Country": ["India", "Canada"], "Quality": list("ABCDE")}.items()
            for value in values
        ],
        columns=["column", "value", "rows"],
    )
    for name, table in {
        "rmse": charts.rmse_table(metrics),
        "predictions": pd.concat(predictions),
        "residual_histogram": pd.concat(residuals),
        "slices": charts.slices_table(slices),
        "importance": charts.importance_table(importance),
        "data_numeric": numeric,
        "data_categorical": categorical,
    }.items():
        table.to_csv(folder / f"{name}.csv", index=False)


class Page(HTMLParser):
    """Collects what a browser would fetch, and the text of the scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts: list[str] = []
        self.ids: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.fetched += [given[key] for key in ("src", "href") if given.get(key)]
        self.ids += [given["id"]] if tag == "div" and "id" in given else []
        self._in_script = tag == "script"

    def handle_endtag(self, _tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a DVC repo with the project's plots: an older revision and other tables on top."""
    folder = tmp_path_factory.mktemp("repo")
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots", dirs_exist_ok=True)
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc" / "config")
    page = [sys.executable, "-m", "sales.judging.plots_page"]
    made = subprocess.run(page, cwd=ROOT, capture_output=True, check=True).stdout
    (folder / ".dvc" / "plots" / "page.html").write_bytes(made)
    listed = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": listed}, sort_keys=False))
    write_plots(folder / "plots", seed=1)
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "one")
    write_plots(folder / "plots", seed=2)
    return folder


def run(folder: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_NAME": "t" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "t@example.org" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["show", "diff"])
def html(request: pytest.FixtureRequest, repo: Path) -> tuple[str, Path]:
    """Return the command and the page that it made."""
    revisions = ["HEAD"] if request.param == "diff" else []
    out = f"out_{request.param}"
    run(repo, sys.executable, "-m", "dvc", "plots", request.param, *revisions, "--out", out)
    return request.param, repo / out / "index.html"


def specs(page: Path) -> list[dict]:
    scripts = Page(page.read_text(encoding="utf-8")).scripts
    found = [re.search(r"var spec = (\{.*\});", script) for script in scripts]
    return [json.loads(match[1]) for match in found if match]


def anchors(tree: object) -> set[str]:
    return set(re.findall(r"<DVC_METRIC_\w+>", json.dumps(tree)))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_template_is_vega_lite_of_the_bundled_major_version_around_dvc_s_data(path: Path) -> None:
    template = json.loads(path.read_text(encoding="utf-8"))
    major = VEGA_LITE.split(".")[0]
    assert template["$schema"] == f"https://vega.github.io/schema/vega-lite/v{major}.json"
    assert template["data"]["values"] == "<DVC_METRIC_DATA>"
    assert {"<DVC_METRIC_TITLE>", "<DVC_METRIC_X_LABEL>", "<DVC_METRIC_Y_LABEL>"} <= anchors(
        template
    )


def test_every_template_is_used_and_every_definition_has_one() -> None:
    both = (*definitions().values(), *definitions("backtest/dvc.yaml").values())
    used = {plot["template"] for plot in both}
    assert used == {path.stem for path in TEMPLATES}


def test_page_has_every_plot_with_title_and_labels_and_no_anchor_left(
    html: tuple[str, Path],
) -> None:
    drawn = specs(html[1])
    assert [spec["title"]["text"] for spec in drawn] == list(definitions())
    for spec, (name, plot) in zip(drawn, definitions().items(), strict=True):
        assert anchors(spec) == set(), name
        assert plot["x_label"] in json.dumps(spec), name
        assert plot["y_label"] in json.dumps(spec), name


def test_page_has_the_rows_of_every_revision(html: tuple[str, Path]) -> None:
    command, page = html
    expected = {"workspace", "HEAD"} if command == "diff" else {"workspace"}
    for spec in specs(page):
        assert {row["rev"] for row in spec["data"]["values"]} == expected


def test_page_fetches_nothing(html: tuple[str, Path]) -> None:
    page = Page(html[1].read_text(encoding="utf-8"))
    assert page.fetched == ["data:,"]


def test_a_browser_draws_every_plot(html: tuple[str, Path], tmp_path: Path) -> None:
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("chromium is not installed")
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path}"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=20000"),
        *("--dump-dom", html[1].as_uri()),
    ]
    dom = run(tmp_path, *command)
    ids = Page(html[1].read_text(encoding="utf-8")).ids
    assert len(ids) == len(definitions())
    for spec_id in ids:
        drawn = dom.split(f'<div id="{spec_id}"', 1)[1].split('<div id="', 1)[0]
        assert re.search(r"<(canvas|svg)[^>]*marks", drawn), spec_id
