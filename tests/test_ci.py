"""The workflows: pinned, bounded, and able to write only where they run nothing of ours."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.examples import ROOT

TEXT = (ROOT / ".github/workflows/ci.yml").read_text()
WORKFLOW = yaml.safe_load(TEXT)
JOBS = WORKFLOW["jobs"]
RETRAIN_TEXT = (ROOT / ".github/workflows/retrain.yml").read_text()
RETRAIN = yaml.safe_load(RETRAIN_TEXT)
UPGRADE_TEXT = (ROOT / ".github/workflows/upgrade.yml").read_text()
UPGRADE = yaml.safe_load(UPGRADE_TEXT)
REVIEW_TEXT = (ROOT / ".github/workflows/review.yml").read_text()
REVIEW = yaml.safe_load(REVIEW_TEXT)
WORKFLOWS = (WORKFLOW, RETRAIN, UPGRADE, REVIEW)
ALL_JOBS = {name: job for workflow in WORKFLOWS for name, job in workflow["jobs"].items()}
STEPS = [step for job in ALL_JOBS.values() for step in job["steps"]]
# Jobs that may write, and what.
WRITING = {
    "comment": {"pull-requests": "write"},
    "propose": {"contents": "write", "pull-requests": "write"},
    "upgraded": {"contents": "write", "pull-requests": "write"},
}
# Names of commands that stand in words to people: nothing is run.
SAID = ('"make retrain"', '"uv lock --upgrade"')


def test_every_workflow_is_looked_at():
    there = {path.name for path in (ROOT / ".github/workflows").iterdir()}
    assert there == {"ci.yml", "retrain.yml", "upgrade.yml", "review.yml"}
    assert len(ALL_JOBS) == sum(len(workflow["jobs"]) for workflow in WORKFLOWS)


def test_every_action_is_pinned_by_hash_with_its_version_beside_it():
    used = re.findall(r"uses: (.*)", TEXT + RETRAIN_TEXT + UPGRADE_TEXT + REVIEW_TEXT)
    assert len(used) == len([step for step in STEPS if "uses" in step])
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    assert len(set(used)) == len({action.split("@")[0] for action in used})  # one version each


def test_they_may_read_and_a_job_that_may_write_runs_nothing_of_the_project():
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS)
    writing = {name: job["permissions"] for name, job in ALL_JOBS.items() if "permissions" in job}
    assert writing == WRITING
    for name in WRITING:
        words = " ".join(step.get("run", "") for step in ALL_JOBS[name]["steps"])
        for text in SAID:
            words = words.replace(text, "")
        assert not re.search(r"make |\.ci/|python|dvc|uv ", words), name
    assert not [step for step in JOBS["comment"]["steps"] if "checkout" in step.get("uses", "")]
    kept = [s for s in STEPS if "checkout" in s.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in kept)


@pytest.mark.parametrize("job", ALL_JOBS)
def test_every_job_ends(job):
    assert ALL_JOBS[job]["timeout-minutes"] <= 60


def test_it_asks_for_what_the_projects_own_ci_asks_for():
    """`.ci/run` and the workflow are two roads to the same checks, on every Python of the lock."""
    steps = JOBS["verify"]["steps"]
    run = [step["run"] for step in steps if "run" in step]
    own = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in run if line in own] == run
    assert JOBS["verify"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]


def test_no_step_puts_text_of_a_pull_request_into_its_shell():
    for step in STEPS:
        assert "${{" not in step.get("run", "")


def test_a_clone_pulls_where_a_secret_names_the_remote_and_else_does_nothing():
    """What `.ci/pulled` does is tried in tests/test_end_to_end.py."""
    job = JOBS["pulled"]
    assert job["env"]["DVC_REMOTE_URL"] == "${{ secrets.DVC_REMOTE_URL }}"
    first, *rest = job["steps"]
    assert "checkout" in first["uses"]
    assert {step["if"] for step in rest} == {"env.DVC_REMOTE_URL != ''"}
    assert rest[-1]["run"] == ".ci/pulled"
    assert (ROOT / ".ci/pulled").stat().st_mode & 0o111
    secret = [name for name, job in JOBS.items() if "secrets." in str(job)]
    assert secret == ["pulled"]


def test_the_projects_own_ci_installs_what_the_tests_start():
    own = (ROOT / ".ci/run").read_text()
    installed = {"chromium": "chromium", "initdb": "postgresql", "npx": "npm"}
    for program, package in {**installed, "promtool": "prometheus"}.items():
        [line] = [line for line in own.splitlines() if program in line and "||" in line]
        assert package in line.split("apt-get install", 1)[1]


def test_a_schedule_retrains_where_a_secret_names_a_server_and_then_proposes():
    assert set(RETRAIN[True]) == {"schedule", "workflow_dispatch"}  # YAML 1.1 reads `on` as true
    job = RETRAIN["jobs"]["retrain"]
    assert job["env"] == {"MLFLOW_TRACKING_URI": "${{ secrets.MLFLOW_TRACKING_URI }}"}
    first, *rest, last = job["steps"]
    assert "checkout" in first["uses"]
    assert {step["if"] for step in rest} == {"env.MLFLOW_TRACKING_URI != ''"}
    assert rest[-1]["run"].startswith(".ci/retrain ")
    assert last["if"] == "steps.retrain.outputs.changed == 'true'"
    propose = RETRAIN["jobs"]["propose"]
    assert propose["needs"] == "retrain"
    assert propose["if"] == "needs.retrain.outputs.changed == 'true'"
    pipeline = yaml.safe_load((ROOT / "deploy/retrain.yaml").read_text())
    assert RETRAIN[True]["schedule"] == [{"cron": pipeline["spec"]["schedule"]}]


def test_a_retraining_is_carried_over_as_a_commit(tmp_path):
    """`.ci/retrain` with a `make retrain` that changes the lock, and one that changes nothing."""
    project, into = tmp_path / "project", tmp_path / "into"
    scripts = {
        "Makefile": "retrain:\n\t@cat next > dvc.lock\n\t@echo 'kept: it is no better'\n",
        ".ci/report": '#!/bin/sh\necho "against $1"\n',
        ".ci/retrain": (ROOT / ".ci/retrain").read_text(),
        "dvc.lock": "old\n",
        "metrics/data.json": "{}\n",
        "plots/rmse.csv": "rmse\n",
        ".gitignore": "next\n",
    }
    for name, text in scripts.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    for name in (".ci/report", ".ci/retrain"):
        (project / name).chmod(0o755)

    def sh(*command, at=project):
        left = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC_", "MAKE"))}
        done = subprocess.run(command, cwd=at, env=left, capture_output=True, text=True, check=True)
        return done.stdout

    def commit():
        author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        sh("git", "add", "--all")
        sh("git", *author, "commit", "--quiet", "--message", "all")

    sh("git", "init", "--quiet")
    commit()
    clone = tmp_path / "clone"
    sh("git", "clone", "--quiet", str(project), str(clone))
    (project / "next").write_text("old\n")
    assert sh(str(project / ".ci/retrain"), str(into)) == "changed=false\n"
    assert sorted(path.name for path in into.iterdir()) == ["said.txt"]
    (project / "next").write_text("new\n")
    assert sh(str(project / ".ci/retrain"), str(into)) == "changed=true\n"
    assert (into / "report.md").read_text() == "against HEAD~1\n"
    author = ("-c", "user.name=b", "-c", "user.email=b@example.org")
    sh("git", *author, "am", "--quiet", str(into / "retrained.patch"), at=clone)
    assert (clone / "dvc.lock").read_text() == "new\n"
    assert sh("git", "log", "-1", "--format=%s", at=clone) == "Retrained: kept: it is no better\n"
    assert Path(ROOT / ".ci/retrain").stat().st_mode & 0o111
