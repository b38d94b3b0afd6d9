"""Two runs in one folder at once: what one has made is not judged or promoted by the other."""

from pathlib import Path

import pytest

from sales import estimators, files
from sales.errors import run
from stages import card, evaluate, featurize, gate, ingest, prepare, register, train
from tests.examples import set_params
from tests.small_project import SMALL
from tests.trained_project import SLACK

NAMES = ("linear_regression", "xgboost")
MAINS = {
    **{one.__name__.rpartition(".")[2]: one.main for one in (ingest, prepare, featurize)},
    **{one.__name__.rpartition(".")[2]: one.main for one in (evaluate, gate, card, register)},
}


@pytest.fixture
def stages(project, monkeypatch):
    """Return what runs stages by name, with the rows that came in by then; two models are few."""
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    set_params({**SMALL, **SLACK})

    def work(*names, rows=None):
        if rows:
            set_params({"ingest.rows": rows})
        for name in names:
            monkeypatch.setattr("sys.argv", ["train", name])
            (train.main if name in NAMES else MAINS[name])()

    return work


def refused(stage, capsys):
    """Return what a stage says as it ends with exit code 1, in one line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        run(MAINS[stage])
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


def test_a_model_of_the_old_rows_is_not_judged_by_the_new_ones(stages, capsys):
    stages("ingest", "prepare", "featurize", *NAMES, rows=2000)
    stages("ingest", "prepare", rows=2500)  # the second run, while the first one trained
    assert "data/features was not made from data/prepared" in refused("evaluate", capsys)
    stages("featurize")
    assert "models/linear_regression was not made from data/feat" in refused("evaluate", capsys)
    stages("linear_regression")
    assert "models/xgboost was not made from data/features" in refused("evaluate", capsys)
    assert not Path("metrics/xgboost.json").exists()
    stages("xgboost", "evaluate", "gate", "card", "register")  # the second run goes on alone
    assert files.read_json(Path("metrics/registry.json"))["champion"]["version"] == 1


def test_metrics_of_both_runs_are_not_ranked_together(stages, capsys):
    stages("ingest", "prepare", "featurize", *NAMES, "evaluate", rows=2000)
    first = Path("metrics/xgboost.json").read_bytes()
    stages("ingest", "prepare", "featurize", *NAMES, "evaluate", rows=2500)
    Path("metrics/xgboost.json").write_bytes(first)
    said = refused("gate", capsys)
    assert "metrics/xgboost.json was not made from the rows of metrics/linear_regression" in said
    assert not Path("metrics/gate.json").exists()


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (("ingest", "prepare"), "was not made from data/prepared"),
        (("ingest", "prepare", "featurize", "xgboost"), "was not made from models/xgboost"),
        (("ingest", "prepare", "featurize", *NAMES, "evaluate"), "metrics/gate.json was not made"),
        (("ingest", "prepare", "featurize", *NAMES, "evaluate", "gate"), "cards was not made"),
    ],
)
def test_what_the_other_run_has_changed_since_is_not_registered(stages, capsys, second, told):
    stages("ingest", "prepare", "featurize", *NAMES, "evaluate", "gate", "card", rows=2000)
    stages(*second, rows=2500)
    assert told in refused("register", capsys)
    assert not Path("metrics/registry.json").exists()
    assert not Path("models/promoted").exists()


def test_a_model_trained_meanwhile_with_other_settings_is_not_registered(stages, capsys):
    stages("ingest", "prepare", "featurize", *NAMES, "evaluate", "gate", "card", rows=2000)
    set_params({"train.xgboost.max_depth": 2})
    stages("xgboost")
    assert "metrics/xgboost.json was not made from models/xgboost" in refused("register", capsys)
