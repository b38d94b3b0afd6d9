"""Every command line that README.md, CONTRIBUTING.md, ARCHITECTURE.md and docs/*.md show is run.

Lines of ```sh blocks run in a small project, page by page, in the order in which a person would
paste them; the service and the page run behind them on free ports. A line that cannot run here is
named below together with the test that runs it, or is at least a target that make knows. A line
that nobody knows fails, so that none goes untested.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests import patience, small_project
from tests.bento_server import free_port
from tests.examples import PUBLISHED_ORDER, ROOT, project_files

# In this order: the registry's page leaves the registry as one run of the pipeline finds it right.
PAGES = [
    *("docs/registry.md", "README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"),
    *(
        "docs/contract.md",
        "docs/serving.md",
        "docs/results.md",
        "docs/first_hour.md",
        "docs/cluster.md",
    ),
]
# Pages whose lines need a project of their own, and the modules that run them.
PAGES_ELSEWHERE = {
    "docs/tutorial.md": ["tests/test_tutorial.py"],
    "docs/experiments.md": ["tests/test_experiments.py"],
    "docs/backtest.md": ["tests/test_backtest_pipeline.py"],
    "docs/served.md": ["tests/stages/test_stage_truths.py"],
    "docs/retraining.md": ["tests/test_retraining_page.py"],
    "docs/pruning.md": ["tests/stages/test_stage_prune.py"],
    "docs/privacy.md": ["tests/test_privacy.py"],
    "docs/trials.md": ["tests/test_trial_story.py"],
    "docs/watching.md": ["tests/stages/test_stage_watch.py"],
    "docs/team.md": [  # section by section
        *("tests/test_team_page.py", "tests/test_service_registry.py"),
        *("tests/test_end_to_end.py", "tests/test_deploy.py"),
    ],
    "deploy/README.md": ["tests/test_deploy.py"],
    "docs/tables.md": ["tests/test_bench_tables.py"],  # `make bench-tables` is what runs them
}
# Servers: started, asked whether they are well, and kept running for the lines that follow.
SERVERS = {"make serve": "/readyz"}
# Lines that are run elsewhere: how they begin, and where. They need Docker, or the network.
ELSEWHERE = {
    "make container": ("tests/test_container.py", '"make", "container"'),
    "make serve MODEL_URI": ("tests/test_service_registry.py", "made(ROOT, "),
    "docker run": ("tests/test_container.py", '"run", "-d", "--rm"'),
    "make cluster": ("tests/test_cluster_target.py", '"make", "cluster"'),
    "uv lock": (".pre-commit-config.yaml", "uv lock --check"),
}
# They would run inside themselves, or take minutes: make must know how to make them.
TARGETS = ("make test", "make bench", "make docs", "make check", "make results")
# A page's lines that others run: on a cluster the stages, by tests/stages/test_both_engines.py.
DRY = {"docs/cluster.md": "make repro"}


def lines(text: str) -> list[str]:
    """Return the commands of the ```sh blocks, each whole, without its comment."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        waiting = ""
        for line in block.splitlines():
            waiting = f"{waiting}\n{line}" if waiting else line
            if waiting.endswith("\\"):
                continue
            try:
                if shlex.split(waiting, comments=True):
                    found.append(waiting.strip())
            except ValueError:  # a quotation goes on in the next line
                continue
            waiting = ""
        assert not waiting, f"never ends: {waiting}"
    return found


def is_target(line: str, page: str) -> bool:
    line = line.split("#")[0].strip()
    return line.startswith(TARGETS) or line == DRY.get(page)


def shell(line: str, folder: Path, env: dict[str, str]) -> str:
    """Run a line as a person's Bash does; it must succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


class Project:
    """The small project, a person's environment in it, and the servers they have started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"3000": str(free_port())}
        self.said: dict[str, str] = {}
        self.running: list[subprocess.Popen] = []
        dropped = (
            "DVC_",
            "GIT_",
            "MLFLOW_",
            "BENTOML_",
            "MAKE",
            "PYTEST_",
            "SALES_STATE",
            "VIRTUAL",
        )
        env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        venv = str(Path(sys.prefix) / "bin")
        plain = [part for part in env["PATH"].split(":") if part != venv]
        self.plain = env | {"PATH": ":".join(plain), "PORT": self.ports["3000"]}
        self.activated = self.plain | {"PATH": ":".join([venv, *plain])}
        # `make setup` finds all as it should be: the stamp is younger than what it depends on.
        (folder / ".venv").symlink_to(sys.prefix)
        with (folder / ".git" / "info" / "exclude").open("a") as exclude:
            exclude.write(".venv\n")
        for name in ("uv.lock", "pyproject.toml"):
            os.utime(folder / name, (0, 0))

    def run(self, line: str, activated: bool) -> None:
        for port, other in self.ports.items():
            line = line.replace(f"localhost:{port}", f"localhost:{other}")
        start = line.split("#")[0].strip()
        if start in SERVERS:
            self.serve(start)
        else:
            env = self.activated if activated else self.plain
            self.said[line] = shell(line, self.folder, env)

    def serve(self, line: str) -> None:
        if self.running:
            return
        log = (self.folder / "state" / "served.log").open("w")
        process = subprocess.Popen(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.plain,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.running.append(process)
        url = f"http://127.0.0.1:{self.ports['3000']}{SERVERS[line]}"

        def ready():
            assert process.poll() is None, Path(log.name).read_text()
            return httpx.get(url).status_code == 200

        patience.until(ready, Path(log.name).read_text)

    def stop(self) -> None:
        for process in self.running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(patience.SECONDS)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder, _ = small_project.make(tmp_path_factory.mktemp("readme"))
    subprocess.run(["git", "branch", "--force", "main"], cwd=folder, check=True)
    made = Project(folder)
    yield made
    made.stop()


def pages() -> set[str]:
    return {name for name in project_files("*.md") if lines((ROOT / name).read_text())}


def test_every_page_with_command_lines_is_known():
    assert pages() <= {*PAGES, *PAGES_ELSEWHERE}
    for page in pages() & set(PAGES_ELSEWHERE):
        for module in PAGES_ELSEWHERE[page]:
            assert page.removeprefix("docs/") in (ROOT / module).read_text()


@pytest.mark.pages
@pytest.mark.parametrize("page", PAGES)
def test_its_lines_work_when_pasted_one_after_another(page, project):
    """`dvc` and the like are there once README and CONTRIBUTING have said how to activate .venv."""
    activated = page not in ("README.md", "CONTRIBUTING.md")
    if page == "CONTRIBUTING.md":  # its reader works on a branch: what the README's lines changed
        for command in ("checkout --quiet -b branch", "commit --quiet --all --message deeper"):
            subprocess.run(["git", *command.split()], cwd=project.folder, check=True)
    for line in lines((ROOT / page).read_text()):
        if line.startswith("curl") and not project.running:
            project.serve("make serve")
        if line.startswith(tuple(ELSEWHERE)):
            continue
        if is_target(line, page):
            words = shlex.split(line, comments=True)
            shell(shlex.join([*words[:1], "--dry-run", *words[1:]]), project.folder, project.plain)
            continue
        project.run(line, activated)
        activated = activated or "source .venv/bin/activate" in line


@pytest.mark.pages
def test_the_pages_say_what_the_lines_answer(project):
    [predicted] = [said for line, said in project.said.items() if "/predict -H" in line]
    amount = json.loads(predicted)["predicted_total_amount"]
    assert f"answers `{amount:.2f}`" in (ROOT / "README.md").read_text()
    [sent] = [line for line in lines((ROOT / "README.md").read_text()) if "/predict -H" in line]
    assert json.loads(shlex.split(sent)[-1]) == PUBLISHED_ORDER
    assert (project.folder / "state" / "priced.parquet").stat().st_size > 1000


@pytest.mark.pages
def test_the_report_tells_what_the_branch_changed(project):
    report = (project.folder / "state" / "report.md").read_text()
    assert "| params.yaml | train.xgboost.max_depth | 7 | 8 |" in report
    assert re.search(r"\| metrics/xgboost.json \| test.rmse \| \d+\.\d+ \| \d+\.\d+ \|", report)
    assert "linear_regression" in report.split("```text")[1].split("```")[0]
    assert (project.folder / "dvc_plots" / "index.html").is_file()


@pytest.mark.parametrize("start", ELSEWHERE)
def test_what_is_run_elsewhere_is_run_there(start):
    where, text = ELSEWHERE[start]
    assert text in (ROOT / where).read_text()


def test_every_target_in_the_prose_is_one():
    makefile = (ROOT / "Makefile").read_text()
    for page in pages():
        told = re.sub(r"<!--.*?-->", "", (ROOT / page).read_text(), flags=re.DOTALL)
        for target in re.findall(r"`make ([a-z-]+)", told):
            assert re.search(rf"^([a-z-]+ )*{target}( [a-z-]+)*:", makefile, re.M), (page, target)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```sh\nmake a   # why\n\n# only a comment\nmake b\n```\n", ["make a   # why", "make b"]),
        ("```sh\ncurl -d '{\n  \"a\": 1}'\nnext\n```\n", ["curl -d '{\n  \"a\": 1}'", "next"]),
        ("```sh\none \\\n  two\n```\n", ["one \\\n  two"]),
        ("```text\nno\n```\n`nor this`\n", []),
    ],
)
def test_lines_are_found_whole(text, expected):
    assert lines(text) == expected


def test_a_line_that_does_not_work_fails(tmp_path):
    with pytest.raises(AssertionError, match="no target 'nosuch'"):
        shell("make nosuch", ROOT, dict(os.environ))
    with pytest.raises(AssertionError, match="never ends"):
        lines("```sh\necho 'a\n```\n")
