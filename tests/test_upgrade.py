"""`.ci/outdated` and `.ci/upgrade`, in a small project with a uv that answers as uv does."""

import os
import subprocess

import pytest
import yaml

from tests.examples import ROOT

UV = """#!/usr/bin/env bash
case "$*" in
  "lock --upgrade --dry-run") cat dry >&2; test ! -e away ;;
  "lock --quiet --upgrade") cat next > uv.lock ;;
  "tree --frozen --outdated --depth 1 --all-groups") cat tree ;;
  "audit --frozen") cat audit; test ! -s audit ;;
  *) echo "uv $*: not known" >&2; exit 2 ;;
esac
"""
DRY = """Resolved 318 packages in 11.87s
Update bentoml v1.4.39 -> v1.4.40
Update certifi v2026.10.18 -> v2026.10.19.post1
Add semver v3.1.2
"""
# As uv 0.13 prints it; a package of several groups stands there for each.
TREE = """amazon-sales-mlops v0.1.0
├── altair v6.1.0
├── bentoml v1.4.39 (latest: v1.4.40)
├── numpy v2.4.3 (latest: v2.5.1)
├── numpy v2.4.3 (group: serving) (latest: v2.5.1)
└── streamlit v1.52.0 (group: ui) (latest: v1.53.0)
"""
MAKEFILE = """
setup check test-all:
\t@echo "made $@"
repro:
\t@test ! -e broken || { echo "error: xgboost has no such parameter"; exit 1; }
\t@test ! -e moves || echo new > metrics/xgboost.json
"""


@pytest.fixture
def project(tmp_path):
    """Return a committed project, and a clone of it."""
    folder = tmp_path / "project"
    written = {
        ".venv/bin/uv": UV,
        "Makefile": MAKEFILE,
        **{f".ci/{name}": (ROOT / ".ci" / name).read_text() for name in ("outdated", "upgrade")},
        "dry": "Resolved 318 packages in 1.00s\n",
        "tree": "amazon-sales-mlops v0.1.0\n├── altair v6.1.0\n",
        "audit": "",
        "next": "version = 1\n",
        "uv.lock": "version = 1\n",
        "dvc.lock": "old\n",
        "metrics/xgboost.json": "old\n",
        "plots/rmse.csv": "rmse\n",
        ".gitignore": "next\ndry\ntree\naudit\naway\nbroken\nmoves\n",
    }
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in (".venv/bin/uv", ".ci/outdated", ".ci/upgrade"):
        (folder / name).chmod(0o755)
    sh("git", "init", "--quiet", at=folder)
    sh("git", "add", "--all", at=folder)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    sh("git", *author, "commit", "--quiet", "--message", "all", at=folder)
    sh("git", "clone", "--quiet", str(folder), str(tmp_path / "clone"), at=folder)
    return folder


def sh(*command, at, code=0):
    left = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC_", "MAKE"))}
    done = subprocess.run(command, cwd=at, env=left, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def sections(text):
    """Return what stands under each heading of a report, by the heading's first words."""
    parts = [part.partition("\n") for part in text.split("#### ")[1:]]
    return {heading.partition(":")[0][:5].strip(): body.strip() for heading, _, body in parts}


def test_what_is_up_to_date_is_told_as_that(project):
    told = sections(sh(".ci/outdated", at=project))
    assert told == {
        "Withi": "Nothing: the lock is up to date.",
        "Newer": "Nothing.",
        "Known": "None.",
    }


def test_what_may_move_what_is_held_back_and_what_is_vulnerable(project):
    (project / "dry").write_text(DRY)
    (project / "tree").write_text(TREE)
    (project / "audit").write_text("certifi 2026.10.18: GHSA-0000 (high)\n")
    told = sections(sh(".ci/outdated", at=project))
    assert told == {
        "Withi": "- bentoml v1.4.39 -> v1.4.40\n"
        "- certifi v2026.10.18 -> v2026.10.19.post1\n- semver v3.1.2",
        "Newer": "- numpy v2.4.3 -> v2.5.1\n- streamlit v1.52.0 -> v1.53.0",
        "Known": "```text\ncertifi 2026.10.18: GHSA-0000 (high)\n```",
    }
    (project / "audit").write_text("error sending request for url (https://api.osv.dev)\n")
    assert sections(sh(".ci/outdated", at=project))["Known"] == "OSV could not be asked."


def test_where_the_index_cannot_be_asked_it_fails_in_a_line(project):
    (project / "away").touch()
    assert sh(".ci/outdated", at=project, code=1).endswith(
        "error: the package index could not be asked\n"
    )


def upgrade(project):
    into = project.parent / "into"
    return into, sh(str(project / ".ci/upgrade"), str(into), at=project)


def test_where_nothing_moves_there_is_nothing_to_propose(project):
    into, said = upgrade(project)
    assert said == "changed=false\n"
    assert not (into / "upgraded.patch").exists()


@pytest.mark.parametrize("results", [False, True])
def test_what_moves_is_carried_over_as_a_commit(project, results):
    (project / "dry").write_text(DRY)
    (project / "next").write_text("version = 2\n")
    if results:
        (project / "moves").touch()
    into, said = upgrade(project)
    assert said == "changed=true\n"
    report = (into / "report.md").read_text()
    assert report.startswith("### The lock's versions upgraded: all checks passed\n")
    moved = "- metrics/xgboost.json" if results else "None: models, metrics and plots are the same"
    assert sections(report)["Resul"].startswith(moved)
    assert "- bentoml v1.4.39 -> v1.4.40" in report
    clone = project.parent / "clone"
    author = ("-c", "user.name=b", "-c", "user.email=b@example.org")
    sh("git", *author, "am", "--quiet", str(into / "upgraded.patch"), at=clone)
    assert (clone / "uv.lock").read_text() == "version = 2\n"
    assert (clone / "metrics/xgboost.json").read_text() == ("new\n" if results else "old\n")
    title = sh("git", "log", "-1", "--format=%s", at=clone)
    assert title == "uv lock --upgrade: all checks passed\n"


def test_a_check_that_fails_is_told_and_ends_the_checks(project):
    (project / "next").write_text("version = 2\n")
    (project / "broken").touch()
    into, said = upgrade(project)
    assert said == "changed=true\n"
    report = (into / "report.md").read_text()
    assert report.startswith("### The lock's versions upgraded: `make repro` failed\n")
    assert "error: xgboost has no such parameter" in report
    assert not (into / "test-all.txt").exists()
    assert (into / "upgraded.patch").exists()


def test_the_workflow_runs_it_every_week_and_checks_all_that_ci_does():
    workflow = yaml.safe_load((ROOT / ".github/workflows/upgrade.yml").read_text())
    assert workflow[True]["schedule"] == [{"cron": "0 4 * * 1"}]  # YAML 1.1 reads `on` as true
    ran = [step.get("run", "") for step in workflow["jobs"]["upgrade"]["steps"]]
    assert any(line.startswith(".ci/upgrade ") for line in ran)
    asked = (ROOT / ".ci/run").read_text()
    checks = {line.removeprefix("make ") for line in asked.splitlines() if line.startswith("make ")}
    [loop] = [
        line for line in (ROOT / ".ci/upgrade").read_text().splitlines() if "for check in" in line
    ]
    assert set(loop.partition(" in ")[2].removesuffix("; do").split()) == checks
    for name in ("outdated", "upgrade"):
        assert (ROOT / ".ci" / name).stat().st_mode & 0o111
