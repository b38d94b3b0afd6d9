"""study: one run in MLflow with the trials beneath it, once, and nothing else moves."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from sales import files
from sales.errors import PipelineError
from sales.models.tuning import Study, Trial
from stages import register, study
from tests.trained_project import open_registry, state

TRIALS = (
    Trial({"learning_rate": 0.06, "max_depth": 7}, 2.5),
    Trial({"learning_rate": 0.3, "max_depth": 4}, None),
    Trial({"learning_rate": 0.04, "max_depth": 8}, 2.0),
)


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    monkeypatch.setattr("sys.argv", ["study", "xgboost"])


def save(*trials, seed=42):
    found = Study("xgboost", "priced", "e" * 64, 70_000, seed, trials or TRIALS)
    found.save(Path("tune/xgboost.json"))


def studies(store):
    return store.client.search_runs([store.experiment], "tags.study_hash LIKE '%'")


def children(store, parent):
    beneath = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    runs = store.client.search_runs([store.experiment], beneath)
    return sorted(runs, key=lambda run: run.info.run_name)


def history():
    return Path("state/registry/history.jsonl").read_bytes()


def test_the_trials_lie_beneath_the_study(gated, capsys):
    save()
    study.main()
    store = open_registry()
    (parent,) = studies(store)
    assert parent.info.run_name == "tune xgboost"
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["study_hash"] == files.content_hash(Path("tune/xgboost.json"))
    assert parent.data.params == {
        **{"model": "xgboost", "feature_set": "priced", "seed": "42", "train_rows": "70000"},
        **{"best_trial": "2", "learning_rate": "0.04", "max_depth": "8"},
    }
    assert parent.data.metrics["valid.rmse"] == 2.0
    course = store.client.get_metric_history(parent.info.run_id, "trial.valid.rmse")
    assert [(point.step, point.value) for point in course] == [(0, 2.5), (2, 2.0)]
    found = children(store, parent)
    assert [run.info.run_name for run in found] == [
        "xgboost as in params.yaml",
        "xgboost trial 1",
        "xgboost trial 2",
    ]
    assert [run.data.metrics for run in found] == [{"valid.rmse": 2.5}, {}, {"valid.rmse": 2.0}]
    about = {"model": "xgboost", "feature_set": "priced"}
    assert found[2].data.params == {**about, "learning_rate": "0.04", "max_depth": "8"}
    assert {run.info.status for run in found} == {"FINISHED"}
    printed = capsys.readouterr().out
    assert f"2 trials on 70,000 train rows, in MLflow beneath run {parent.info.run_id}" in printed
    assert "-S train.xgboost.learning_rate=0.04 -S train.xgboost.max_depth=8\n" in printed


@pytest.mark.parametrize("experiment", [None, "small-order"])
def test_a_second_time_and_in_an_experiment_nothing_but_the_runs_is_there(
    three, monkeypatch, experiment
):
    if experiment:
        monkeypatch.setenv("DVC_EXP_NAME", experiment)
    before, told = state(), history()
    save()
    study.main()
    once = state()
    assert once.pop("runs") == before.pop("runs") + 1 + len(TRIALS)
    assert once == before
    study.main()
    assert state()["runs"] == len(TRIALS) + 1 + open_registry_models()
    save(seed=43)
    study.main()
    assert len(studies(open_registry())) == 2
    assert history() == told


def open_registry_models():
    store = open_registry()
    return len(store.client.search_runs([store.experiment], "tags.evaluation_hash LIKE '%'"))


def test_register_heeds_no_study(three):
    register.main()
    before = state()
    save()
    study.main()
    register.main()
    after = state()
    assert after.pop("runs") == before.pop("runs") + 1 + len(TRIALS)
    assert after == before


def test_before_the_first_register_there_is_only_the_study(gated):
    save()
    study.main()
    assert not Path("models/promoted").exists()
    assert not Path("metrics/registry.json").exists()
    assert state()["versions"] == []
    register.main()
    assert state()["aliases"] == {"champion": 1, "challenger": 2}


def test_a_failure_half_way_leaves_the_registry_as_it_was(three, monkeypatch):
    before, link = state(), Path("state/registry").readlink()
    save()
    logged = iter(range(2))
    log_batch = MlflowClient.log_batch

    def failing(self, *args, **kwargs):
        if next(logged, None) is None:
            raise OSError("the disk is gone")
        return log_batch(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_batch", failing)
        with pytest.raises(OSError, match="the disk is gone"):
            study.main()
    assert Path("state/registry").readlink() == link
    assert state() == before
    study.main()
    assert len(studies(open_registry())) == 1


def test_nothing_better_is_said_so(gated, capsys):
    save(TRIALS[0], TRIALS[1])
    study.main()
    printed = capsys.readouterr().out
    assert "no trial beat params.yaml: there is nothing to try" in printed
    assert "dvc exp run" not in printed


@pytest.mark.parametrize("argv", [[], ["xgboost"], ["prophet"]])
def test_without_a_study_it_says_how_to_make_one(project, monkeypatch, argv):
    monkeypatch.setattr("sys.argv", ["study", *argv])
    with pytest.raises(PipelineError, match="make tune MODEL="):
        study.main()
