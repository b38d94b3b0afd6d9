"""docs/retraining.md (retraining.md), its lines run in a project in which the small pipeline runs.

`.venv` is the one that the tests run in; days pass by SALES_NOW.
"""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sales import files
from tests import small_project
from tests.examples import ROOT, set_params
from tests.test_readme import lines

pytestmark = pytest.mark.pages

LINES = [line.split("#")[0].strip() for line in lines((ROOT / "docs/retraining.md").read_text())]
# The small pipeline runs by the machine's clock: by then all of it is too old.
START = datetime.now(UTC) + timedelta(days=40)
[APPROVE] = [line for line in LINES if line.startswith("make approve")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder, _ = small_project.make(tmp_path_factory.mktemp("retraining"))
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("uv.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))
    with (folder / ".git/info/exclude").open("a") as exclude:
        exclude.write(".venv\n")
    return folder


def sh(folder: Path, line: str, day: float) -> str:
    left = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_", "MAKE"))}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env={**left, "SALES_NOW": (START + timedelta(days=day)).isoformat()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout


def test_its_lines_work_one_after_another(project, monkeypatch):
    monkeypatch.chdir(project)
    assert LINES[:3] == ["make retrain DRY=1", "make retrain", "make history"]
    lock = Path("dvc.lock").read_bytes()
    dry, ran, history = (sh(project, line, 0) for line in LINES[:3])
    assert "due: age_days: fires: the last run was" in dry
    assert "(DRY=1: nothing is done)" in dry
    assert "Stage 'prepare' didn't change, skipping" in ran
    assert ran.splitlines()[-1] == (
        "kept: the run has changed nothing: today's best is known already"
    )
    assert re.search(r"retraining .*age_days: fires", history)
    assert re.search(r"retrained .*the run has changed nothing", history)
    assert Path("dvc.lock").read_bytes() == lock

    # More rows come in, of which other models come, and a person is asked.
    before = files.read_json(Path("metrics/registry.json"))["champion"]["version"]
    set_params({"ingest.rows": 6000, "register.approval": "manual"})
    set_params({"featurize.feature_set": "quote"})  # the champion asks for other fields
    ran = sh(project, "make retrain", 2)
    last = ran.splitlines()[-1]
    assert last.startswith("proposed: ")
    assert "6,000 rows of the generator (ingest.rows), 1,000 more than the 5,000 of" in ran
    said = sh(project, APPROVE, 3)
    champion = re.match(r"champion: \w+, version (\d+)", said)
    assert champion
    assert champion[1] != str(before)
    assert f"version {champion[1]}" in last
    assert sh(project, "make retrain", 4).splitlines()[-1] == "not due: no trigger fires"


def test_the_exit_codes_are_those_of_the_page(project):
    left = {**os.environ, "SALES_NOW": (START + timedelta(days=5)).isoformat()}
    done = subprocess.run(
        [sys.executable, "-m", "stages.retrain", "--dry"],
        cwd=project,
        env=left,
        capture_output=True,
        text=True,
        check=False,
    )
    word = done.stdout.splitlines()[-1].partition(":")[0]
    page = (ROOT / "docs/retraining.md").read_text()
    assert f"| {done.returncode} | `{word}` |" in page
