"""docs/team.md, its section on the registry followed word for word, in two clones.

Meanwhile a service in the second clone follows that registry, as the next section has it.
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
import time
from pathlib import Path

import httpx
import pytest

from tests import patience, small_project
from tests.bento_server import free_port, made
from tests.examples import PUBLISHED_ORDER, ROOT

pytestmark = pytest.mark.pages

PAGE = (ROOT / "docs/team.md").read_text()
SECTION = PAGE.partition("## One registry\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.M | re.S)
[SERVE] = re.findall(r"^make serve (MODEL_URI=\S+) MLFLOW_TRACKING_URI=\S+$", PAGE, re.M)


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


def answering(url: str) -> str:
    """Return which version answers an order."""
    told = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER).raise_for_status().json()
    return f"version {told['model']['version']}"


def champions(printed: str) -> list[str]:
    return re.findall(r"^champion: \S+, (version \d+)", printed, re.M)


def test_the_page_is_followed(clones, tmp_path, capsys):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    first, second = clones
    port = str(free_port())
    start, point, promote, roll_back, look = (block.replace("5000", port) for block in BLOCKS)
    set_up = point.splitlines()[0]
    at = f"http://127.0.0.1:{port}"
    variables = {"MODEL_URI": SERVE.partition("=")[2], "MLFLOW_TRACKING_URI": at}
    seconds = {}

    def takes_over(url: str, champion: str, what: str) -> None:
        began = time.monotonic()
        patience.until(lambda: answering(url) == champion)
        seconds[what] = time.monotonic() - began

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
        patience.until(lambda: httpx.get(f"{at}/health").status_code == 200)
        printed = sh(first, point)
        [before] = champions(printed)
        assert "entries of the history" in printed
        with made(second, tmp_path / "service.log", **variables) as url:
            assert answering(url) == before

            printed = sh(first, f"{set_up}\n{promote}")
            assert f"in MLflow at {at}" in printed
            chosen = champions(printed)[-1]
            assert chosen != before
            takes_over(url, chosen, "promoted in the other clone")

            printed = sh(second, f"{set_up}\n{roll_back}")
            assert "trusted more" in printed
            assert re.search(rf"^barred: \S+, {chosen}\b", printed, re.M)
            assert champions(printed)[-1] == before
            takes_over(url, before, "rolled back in this one")

            printed = sh(first, f"{set_up}\nmake repro")
            assert champions(printed) == [before]
            assert answering(url) == before
        printed = sh(first, f"{set_up}\n{look}")
        assert f"{at}/#/experiments/" in printed
        assert "workflowType=machine_learning" in printed
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(patience.SECONDS)
    with capsys.disabled():
        sys.stdout.write("".join(f"{what}: {took:.1f} s\n" for what, took in seconds.items()))
