"""docs/tutorial.md, followed word for word in a copy of the project.

Every block is taken in order. A YAML block takes the place of its group in params.yaml, a shell
block runs as it stands, and a block of text or JSON is held against what the last shell block
printed. Four things differ from what a reader does:

- `make serve` and `make ui` run in the background, each on a port that the machine chose, and the
  port in `localhost:3000` is that one;
- without Chromium the line that draws the page is left out (not where CI is set);
- `.venv` is the one that the tests run in, and its packages are not installed anew;
- the last `make repro`, which brings the orders back, is a dry run: test_end_to_end.py runs it.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests import patience
from tests.bento_server import free_port
from tests.examples import ROOT, project_files
from tests.ui.conftest import page  # noqa: F401
from tests.ui.shown import button, everything

pytestmark = [pytest.mark.end_to_end, pytest.mark.pages]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVERS = {"make serve": "/readyz", "make ui": "/_stcore/health"}
PACKAGE = Path(sys.prefix, "lib").glob("python3*/site-packages/plotnine/data/diamonds.csv")


@dataclass
class Followed:
    """What following the page left behind."""

    folder: Path
    urls: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen] = field(default_factory=list)
    printed: list[tuple[str, str]] = field(default_factory=list)  # command and its output
    compared: list[tuple[str, str, str]] = field(default_factory=list)  # kind, text, output

    def output_of(self, start: str) -> str:
        """Return what the first shell block that starts so has printed."""
        return next(output for command, output in self.printed if command.startswith(start))


def missing(what):
    """Skip, or fail where CI is set, which must have everything."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


def has_chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    return bool(os.environ.get("CHROMIUM") or any(map(shutil.which, names)))


def environment(**variables):
    """Return the environment of a reader's shell: nothing of the tests' own settings is in it."""
    ours = ("DVC_", "GIT_", "MAKE", "MFLAGS", "SALES_STATE", "PROMOTED", "SERVING_STATE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith((*ours, "PORT", "UI_", "API_"))}
    return {**kept, "PYTHON": sys.executable, "DVC_NO_ANALYTICS": "1", **variables}


def copied(folder):
    """Copy the project into a repository of its own, with a .venv that is up to date."""
    for name in project_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for name in ("uv.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))
    (folder / ".venv").symlink_to(sys.prefix)
    start = "init --quiet", "config user.email a@b", "config user.name a", "add --all"
    for words in (*start, "commit --quiet --message start"):
        subprocess.run(["git", *words.split()], cwd=folder, env=environment(), check=True)


def replace_group(folder, block):
    """Put a YAML block in the place of the group of params.yaml that it names."""
    path, group = folder / "params.yaml", block.partition(":")[0]
    changed, times = re.subn(
        rf"^{group}:.*?(?=^\w|^# |\Z)",
        lambda _: block,
        path.read_text(),
        flags=re.MULTILINE | re.DOTALL,
    )
    assert times == 1, f"params.yaml has {times} groups '{group}'"
    path.write_text(changed)


def start(followed, command):
    """Start a server on a free port and wait until it is ready."""
    port = str(free_port())
    api = {"API_URL": followed.urls.get("make serve", "")}
    variables = {"PORT": port} if command == "make serve" else {"UI_PORT": port, **api}
    log = followed.folder / f"{command.replace(' ', '_')}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command.split(),
            cwd=followed.folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    followed.processes.append(process)
    followed.urls[command] = f"http://127.0.0.1:{port}"

    def ready():
        assert process.poll() is None, log.read_text()
        return httpx.get(followed.urls[command] + SERVERS[command]).status_code == 200

    patience.until(ready, log.read_text)


def follow(followed):
    """Do what the page says, block by block."""
    blocks = BLOCK.findall((ROOT / "docs/tutorial.md").read_text())
    last_repro = max(i for i, (_, text) in enumerate(blocks) if "make repro" in text)
    for number, (kind, text) in enumerate(blocks):
        if kind == "yaml":
            replace_group(followed.folder, f"{text}\n")
        elif kind in ("text", "json"):
            followed.compared.append((kind, text, followed.printed[-1][1]))
        elif text.strip() in SERVERS:
            start(followed, text.strip())
        elif "bench.screenshots" not in text or has_chromium() or os.environ.get("CI"):
            command = text.replace("localhost:3000", followed.urls.get("make serve", "")[7:])
            if number == last_repro:
                command = command.replace("make repro", ".venv/bin/dvc repro --dry")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=followed.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}"
            followed.printed.append((command, done.stdout))


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Follow the page in a copy of the project."""
    if not next(PACKAGE, None):
        missing("plotnine, whose diamonds the tutorial takes, is not installed: make setup")
    for tool in ("make", "curl", "git", "bash"):
        if not shutil.which(tool):
            missing(f"{tool} is not installed")
    followed = Followed(tmp_path_factory.mktemp("tutorial"))
    copied(followed.folder)
    try:
        follow(followed)
        yield followed
    finally:
        for process in followed.processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in followed.processes:
            process.wait(patience.SECONDS)


def test_what_is_printed_is_what_the_page_shows(followed):
    kinds = [kind for kind, _, _ in followed.compared]
    assert kinds.count("text") == 5
    assert kinds.count("json") == 1
    for kind, shown, printed in followed.compared:
        if kind == "json":
            answered, expected = json.loads(printed), json.loads(shown)
            assert re.fullmatch("[0-9a-f]{64}", answered["model"]["content_hash"])
            answered["model"]["content_hash"] = "…"
            answered["request_id"] = "…"
            assert answered == expected
        else:
            assert shown in printed


def test_the_picture_of_the_page_is_drawn(followed):
    if not (has_chromium() or os.environ.get("CI")):
        pytest.skip("Chromium is not installed")
    drawn, shown = (folder / "docs/tutorial_page.png" for folder in (followed.folder, ROOT))
    assert "written to docs/tutorial_page.png" in followed.output_of(".venv/bin/python -m bench")
    size = slice(16, 24)  # of a PNG: width and height
    assert drawn.read_bytes()[size] == shown.read_bytes()[size]
    assert drawn.stat().st_mtime > shown.stat().st_mtime  # it was copied with the latter


def test_no_code_was_touched_and_git_brings_all_back(followed):
    difference = ["git", "status", "--porcelain"]
    done = subprocess.run(
        difference, cwd=followed.folder, env=environment(), capture_output=True, text=True
    )
    left = {line[3:] for line in done.stdout.splitlines()} - {"make_serve.log", "make_ui.log"}
    assert left <= {"docs/tutorial_page.png", ".venv"}
    assert "Running stage 'ingest'" in followed.output_of("rm data/incoming")


def test_the_quarantine_and_the_parts_hold_every_row(followed):
    told = httpx.get(f"{followed.urls['make serve']}/data").json()
    assert told["rows_in"] == 53_940
    assert told["rows_accepted"] + told["rows_quarantined"] == told["rows_in"]
    assert set(told["quarantined_by_reason"]) == {
        "depth: depth_is_height_over_width",
        *("x: below 1", "y: below 1", "z: below 1", "y: above 15", "z: above 10"),
    }


def test_the_api_describes_diamonds_and_refuses_by_name(followed):
    url = followed.urls["make serve"]
    described = httpx.get(f"{url}/openapi.json").json()
    assert described["info"]["title"] == "Diamonds"
    shape = described["components"]["schemas"]["Diamond"]
    assert set(shape["required"]) == {"carat", "cut", "color", "clarity", "depth", "table"}
    assert "predicted_price" in json.dumps(described["components"]["schemas"]["Prediction"])
    assert "order" not in json.dumps(described).lower()
    example = httpx.get(f"{url}/schema").json()["example"]
    without = {name: value for name, value in example.items() if name != "clarity"}
    for wrong, name in ((without, "clarity"), ({**example, "carat": 7}, "carat")):
        refused = httpx.post(f"{url}/predict", json=wrong)
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["body", name]
    assert httpx.get(f"{url}/model-info").json()["model_name"] == "diamond_price_regressor"


def test_a_file_comes_back_with_the_promised_columns(followed):
    row = "carat,cut,color,clarity,depth,table\n1.01,Ideal,F,VS1,61.5,56\n"
    url = followed.urls["make serve"]
    header, priced = httpx.post(f"{url}/predict_file", content=row).text.replace('"', "").split()
    assert header.endswith("predicted_price,predicted_price_low,predicted_price_high")
    [shown] = [json.loads(text) for kind, text, _ in followed.compared if kind == "json"]
    answered = dict(zip(header.split(","), priced.split(","), strict=True))
    assert float(answered["predicted_price"]) == shown["predicted_price"]


def test_the_page_shows_the_contracts_fields_and_the_services_price(followed, page):  # noqa: F811
    app = page("predict", followed.urls["make serve"])
    assert app.title[0].value == "What will this diamond cost?"
    kinds = ("selectbox", "number_input", "date_input")
    controls = {one.label: one for kind in kinds for one in app.get(kind)}
    assert set(controls) == {"Carat (ct)", "Depth (%)", "Table (%)", "Cut", "Color", "Clarity"}
    assert controls["Clarity"].options == ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]
    [shown] = [json.loads(text) for kind, text, _ in followed.compared if kind == "json"]
    for label, value in (("Carat (ct)", 1.01), ("Depth (%)", 61.5), ("Table (%)", 56.0)):
        controls[label].set_value(value)
    for label, value in (("Cut", "Ideal"), ("Color", "F"), ("Clarity", "VS1")):
        controls[label].set_value(value)
    button(app, "Predict").click().run()
    [price] = app.metric
    assert (price.label, price.value) == ("Predicted price", f"${shown['predicted_price']:,.2f}")
    assert "90% of such diamonds lie between" in everything(app)
    assert not app.table  # no bill, as the contract has no breakdown
    for view in ("score_file", "models", "data"):
        app = page(view, followed.urls["make serve"])
        assert (not app.error, not app.exception) == (True, True)
        assert "order" not in everything(app).lower()
