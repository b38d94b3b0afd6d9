"""The table of results is of one run, or there is none."""

import shutil
from pathlib import Path

import pytest

from sales import files
from sales.errors import PipelineError
from stages import register, scoreboard
from tests.trained_project import boosted


def test_an_alias_stands_beside_the_very_model_that_holds_it(gated):
    assert {row[-1] for row in scoreboard.results()} == {""}
    register.main()
    assert [(row[0], row[-1]) for row in scoreboard.results()] == [
        ("linear_regression", "champion"),
        ("xgboost", "challenger"),
    ]
    boosted(40, linear=True)  # another xgboost
    assert [row[-1] for row in scoreboard.results()] == ["champion", ""]


@pytest.mark.parametrize(
    "lacking", ["metrics/gate.json", "metrics/xgboost.json", "models/linear_regression", "metrics"]
)
def test_without_all_results_there_is_no_table(gated, lacking):
    path = Path(lacking)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(PipelineError, match=r"^no results yet: run `make repro`$"):
        scoreboard.results()


def test_of_the_results_of_two_runs_there_is_no_table(gated):
    path = Path("metrics/xgboost.json")
    files.write_json(path, {**files.read_json(path), "model_mb": 0.5})
    with pytest.raises(PipelineError, match=r"^metrics/gate.json was not made from metrics/xgb"):
        scoreboard.results()
    boosted(40)
    (Path("models/xgboost") / "note.txt").touch()
    with pytest.raises(PipelineError, match=r"^metrics/xgboost.json was not made from models/xgb"):
        scoreboard.results()
