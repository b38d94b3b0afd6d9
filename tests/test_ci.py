"""The CI workflow: pinned, bounded, and able to write only where it runs nothing of ours."""

import re

import pytest
import yaml

from tests.examples import ROOT

TEXT = (ROOT / ".github/workflows/ci.yml").read_text()
WORKFLOW = yaml.safe_load(TEXT)
JOBS = WORKFLOW["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]


def test_every_action_is_pinned_by_hash_with_its_version_beside_it():
    used = re.findall(r"uses: (.*)", TEXT)
    assert len(used) == len([step for step in STEPS if "uses" in step])
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    assert len(set(used)) == len({action.split("@")[0] for action in used})  # one version each


def test_it_may_read_and_the_one_job_that_may_write_runs_nothing_of_the_pull_request():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    writing = {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job}
    assert writing == {"comment": {"pull-requests": "write"}}
    assert not [step for step in JOBS["comment"]["steps"] if "checkout" in step.get("uses", "")]
    kept = [s for s in STEPS if "checkout" in s.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in kept)


@pytest.mark.parametrize("job", JOBS)
def test_every_job_ends(job):
    assert JOBS[job]["timeout-minutes"] <= 60


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
    for program, package in (("chromium", "chromium"), ("initdb", "postgresql"), ("npx", "npm")):
        [line] = [line for line in own.splitlines() if program in line and "||" in line]
        assert package in line.split("apt-get install", 1)[1]
