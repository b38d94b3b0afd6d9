"""docs/experiments.md works when pasted, and what its lines leave behind is what it says."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests import small_project
from tests.examples import ROOT
from tests.small_project import sh
from tests.test_readme import Project, lines

pytestmark = [pytest.mark.end_to_end, pytest.mark.pages]

LINES = lines((ROOT / "docs/experiments.md").read_text())
RUN = r"in MLflow beneath run ([0-9a-f]{32})"


class Pasted(Project):
    """The small project and its lines in order; `records` is the registry's record after each."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.records: dict[str, bytes] = {}
        self.changed: dict[str, str] = {}
        for line in LINES:
            self.run(line, activated=True)
            self.records[line] = (folder / "metrics/registry.json").read_bytes()
            difference = ["git", "diff", "--unified=0", "params.yaml"]
            text = subprocess.run(
                difference, cwd=folder, capture_output=True, text=True, check=True
            ).stdout
            self.changed[line] = "".join(re.findall(r"^\+ +(.*\n)", text, re.M))

    def answer(self, start: str) -> str:
        """Return what the one line that starts so printed."""
        [line] = [line for line in LINES if line.startswith(start)]
        return self.said[line]


@pytest.fixture(scope="module")
def pasted(tmp_path_factory):
    folder, _ = small_project.make(tmp_path_factory.mktemp("experiments"))
    return Pasted(folder)


@pytest.fixture(autouse=True)
def inside(pasted, monkeypatch):
    monkeypatch.chdir(pasted.folder)


def test_an_experiment_is_tracked_and_promotes_nothing(pasted):
    for start, name in (("dvc exp run -n order", "order"), ("dvc exp run --run-all", "depth-2")):
        said = f"experiment {name}: tracked in MLflow; experiments never promote"
        assert said in pasted.answer(start)
    before_apply = LINES[: [line.startswith("dvc exp apply") for line in LINES].index(True)]
    assert len({pasted.records[line] for line in before_apply}) == 1


def test_a_try_changes_the_parameters_that_it_names(pasted):
    changed = {line.split("#")[0].strip(): text for line, text in pasted.changed.items()}
    assert changed["dvc exp run -n order -S featurize.feature_set=order"] == "feature_set: order\n"
    assert changed["dvc exp run --run-all"] == ""  # in copies
    applied = changed["dvc exp apply depth-2 && make repro"]
    assert applied == "feature_set: order\nmax_depth: 8\n"


def test_runs_are_compared(pasted):
    difference = pasted.answer("dvc metrics diff")
    assert re.search(r"metrics/linear_regression\.json +test\.rmse", difference)
    rows = {}
    for line in pasted.answer("dvc exp show").splitlines():
        if found := re.search(r"\[([a-z0-9-]+)\] +(\S+) +(\S+) +(\S+)", line):
            rows[found[1]] = (float(found[2]), *found.groups()[2:])
    settings = {name: row[1:] for name, row in rows.items()}
    assert settings == {
        "order": ("order", "7"),
        "depth-1": ("order", "5"),
        "depth-2": ("order", "8"),
    }
    scores = [row[0] for row in rows.values()]
    assert scores == sorted(scores)
    assert len(set(scores)) == 3
    for start in ("dvc plots diff HEAD   ", "dvc plots diff HEAD order"):
        assert "file://" in pasted.answer(start)
    page = Path("dvc_plots/index.html").read_text()
    assert all(f'"{name}"' in page for name in ("HEAD", "order", "depth-1", "depth-2"))


def test_what_was_applied_goes_through_the_rule_and_a_person_may_overrule_it(pasted):
    printed = pasted.answer("dvc exp apply")
    assert set(re.findall(r"Running stage '(\w+)'", printed)) == {"register"}
    assert "champion: linear_regression, version 1 (kept: " in printed
    challenger = re.findall(r"challenger: (\w+), version", printed)
    overruled = pasted.answer('make promote ALIAS=challenger REASON="tried by hand"')
    assert re.findall(r"champion: (\w+), version", overruled) == challenger
    back = pasted.answer('make promote ALIAS=challenger REASON="and back"')
    assert "champion: linear_regression, version 1" in back


def test_the_study_shows_its_best_and_leaves_its_trials(pasted):
    printed = pasted.answer("make tune")
    assert "Running stage 'tune/dvc.yaml:xgboost'" in printed
    assert "xgboost: 3 trials on 3,500 train rows" in printed
    assert len(json.loads(Path("tune/xgboost.json").read_text())["trials"]) == 4
    assert sh("git", "status", "--porcelain") == "?? tune/dvc.lock\n?? tune/xgboost.json\n"


def test_a_study_runs_once_and_its_best_can_be_tried(pasted):
    [run] = re.findall(RUN, pasted.answer("make tune"))
    sh("git", "add", "--all")  # as the page says
    sh("git", "commit", "--quiet", "--message", "study")
    again = sh("make", "tune")
    assert "Stage 'tune/dvc.yaml:xgboost' didn't change, skipping" in again
    assert re.findall(RUN, again) == [run]
    Path("tune/xgboost.json").unlink()
    sh("dvc", "repro", "tune/dvc.yaml:xgboost")
    assert sh("git", "status", "--porcelain") == ""  # the same bytes again
    sh("dvc", "checkout")  # the other studies never ran, and nothing misses them
    [line] = re.findall("^  (dvc exp run -S .*)$", again, re.M)
    assert "Queued experiment" in sh(*shlex.split(line), "--queue")
    sh("dvc", "queue", "remove", "--all")


def test_fewer_trials_are_an_experiment_that_dvc_knows_the_number_of(pasted):
    printed = sh("make", "tune", "MODEL=xgboost", "TRIALS=2")
    assert "Ran experiment(s): " in printed
    assert "xgboost: 2 trials on 3,500 train rows" in printed
    assert "+    trials: 2" in sh("git", "diff", "params.yaml")
    sh("git", "checkout", "--quiet", ".")


def test_an_unknown_study_is_named_with_those_that_are_there(pasted):
    printed = sh("make", "tune", "MODEL=linear_regression", check=False)
    told = "error: MODEL=linear_regression: no such study; there are polynomial_regression"
    assert f"{told} random_forest hist_gradient_boosting xgboost lightgbm\n" in printed
