"""docs/team.md, its section on the registry followed word for word, in two clones.

Three things differ from what a reader does: the server runs in the background, on a port that the
machine chose, and the port in the addresses is that one; `.venv` is the one that the tests run in;
and the pipeline is a small one that has run before, so that `make repro` trains nothing.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests import patience, small_project
from tests.bento_server import free_port
from tests.examples import ROOT

pytestmark = pytest.mark.pages

PAGE = (ROOT / "docs/team.md").read_text()
SECTION = PAGE.partition("## One registry\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.M | re.S)


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    """Return two clones in which the small pipeline has run, the second one without a state."""
    first, second = tmp_path_factory.mktemp("team") / "a", tmp_path_factory.mktemp("team") / "b"
    first.mkdir()
    small_project.make(first)
    for name in ("uv.lock", "pyproject.toml"):
        os.utime(first / name, (0, 0))
    (first / ".venv").symlink_to(sys.prefix)
    shutil.copytree(first, second, symlinks=True, ignore=shutil.ignore_patterns("state"))
    return first, second


def sh(folder: Path, script: str, **variables: str) -> str:
    left = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_", "MAKE"))}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**left, "DVC_NO_ANALYTICS": "1", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout


def test_the_page_is_followed(clones, tmp_path):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    first, second = clones
    port = str(free_port())
    start, point, promote, roll_back, look = (block.replace("5000", port) for block in BLOCKS)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            ["bash", "-c", f"exec {start}"],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        patience.until(lambda: httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200)
        printed = sh(first, point)
        assert "champion: " in printed
        assert "entries of the history" in printed
        set_up = point.splitlines()[0]
        printed = sh(first, f"{set_up}\n{promote}")
        assert f"in MLflow at http://127.0.0.1:{port}" in printed
        chosen = re.findall(r"^champion: (.*)$", printed, re.M)[-1]
        printed = sh(second, f"{set_up}\n{roll_back}")
        assert "trusted more" in printed
        assert f"barred: {chosen}" in printed
        back = re.findall(r"^champion: (.*)$", printed, re.M)[-1]
        printed = sh(first, f"{set_up}\nmake repro")
        assert f"champion: {back}" in printed
        printed = sh(first, f"{set_up}\n{look}")
        assert f"http://127.0.0.1:{port}/#/experiments/" in printed
        assert "workflowType=machine_learning" in printed
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(patience.SECONDS)
