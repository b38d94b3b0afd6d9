"""`.ci/review`: what was found is told, what could not be found out fails it."""

import os
import subprocess

import pytest
import yaml

from tests.examples import ROOT

MAKEFILE = """
repro:
\t@echo trained
prune:
\t@echo "| without | % |"
backtest:
\t@test ! -e broken || { echo "error: no dates" >&2; exit 2; }
\t@echo "too old after 5 months"
tune:
\t@echo "no trial beat params.yaml"
"""


@pytest.mark.parametrize("broken", [False, True])
def test_each_look_is_told_and_one_that_fails_fails_all(tmp_path, broken):
    project, into = tmp_path / "project", tmp_path / "into"
    (project / ".ci").mkdir(parents=True)
    (project / "Makefile").write_text(MAKEFILE)
    script = project / ".ci/review"
    script.write_text((ROOT / ".ci/review").read_text())
    script.chmod(0o755)
    if broken:
        (project / "broken").touch()
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run([script, into], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == broken, done.stderr
    backtest = "Failed:\n\n```text\nerror: no dates\n" if broken else "```text\ntoo old after 5 "
    report = (into / "report.md").read_text()
    assert report.startswith("### `make prune`\n\n| without | % |\n\n### `make backtest`\n\n")
    assert report.split("### `make backtest`\n\n")[1].startswith(backtest)
    assert report.endswith("### `make tune`\n\n```text\nno trial beat params.yaml\n```\n\n")


def test_the_workflow_looks_every_month_and_tells_what_was_found_even_where_one_failed():
    workflow = yaml.safe_load((ROOT / ".github/workflows/review.yml").read_text())
    assert workflow[True]["schedule"] == [{"cron": "0 5 1 * *"}]  # YAML 1.1 reads `on` as true
    steps = workflow["jobs"]["review"]["steps"]
    [look] = [step for step in steps if step.get("run", "").startswith(".ci/review ")]
    told = steps[steps.index(look) + 1 :]
    assert len(told) == 2
    assert all(step["if"] == "always()" for step in told)
    assert (ROOT / ".ci/review").stat().st_mode & 0o111
