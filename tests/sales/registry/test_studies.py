"""What is told of a study, word by word; its runs in MLflow are tried in test_stage_study.py."""

import shlex

from sales.models.tuning import Study, Trial
from sales.registry import studies


def study(*trials):
    return Study("xgboost", "priced", "e" * 64, 70_000, 42, tuple(trials))


COMMITTED = Trial({"learning_rate": 0.06, "max_depth": 7}, 2.5)
BETTER = Trial({"learning_rate": 0.04312, "max_depth": 7}, 1234.5)


def test_the_table_shows_the_best_beside_what_stands():
    worse = Trial({"learning_rate": 0.06, "max_depth": 4}, 2000.0)
    assert studies.as_text(study(worse, worse, BETTER)).splitlines() == [
        "xgboost        params.yaml     trial 2",
        "-------------  -----------  ----------",
        "learning_rate         0.06     0.04312",
        "max_depth                4           7",
        "valid RMSE      2,000.0000  1,234.5000",
    ]


def test_a_setting_that_diverged_has_no_score():
    table = studies.as_text(study(Trial(COMMITTED.settings, None), BETTER))
    assert table.splitlines()[-1] == "valid RMSE               -  1,234.5000"


def test_the_command_sets_only_what_differs():
    better = Trial(BETTER.settings, 2.0)
    assert studies.command(study(COMMITTED, better)) == (
        "dvc exp run -S train.xgboost.learning_rate=0.04312"
    )
    assert studies.command(study(COMMITTED, BETTER)) == ""


def test_the_command_can_be_pasted_whatever_the_values():
    best = Trial({"a": None, "b": "log2", "c": "two words", "d": 1e-05}, 1.0)
    line = studies.command(study(Trial(dict.fromkeys("abcd", 0), 2.0), best))
    given = [f"train.xgboost.{pair}" for pair in ("a=null", "b=log2", "c=two words", "d=1e-05")]
    assert shlex.split(line)[4::2] == given
