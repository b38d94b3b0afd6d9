"""The experiment opens as one of trained models, by what the installed MLflow's page reads."""

import json
from pathlib import Path

import mlflow
import pytest

from sales.errors import PipelineError
from sales.registry import experiments

SCRIPTS = sorted((Path(mlflow.__file__).parent / "server/js/build/static/js").glob("main.*.js"))


@pytest.fixture
def client(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def test_it_is_made_once_marked_and_comes_back_when_deleted(client, tmp_path):
    place = (tmp_path / "artifacts").as_uri()
    first = experiments.found_or_made(client, "orders", place, kept_by=False)
    found = client.get_experiment(first)
    assert found.artifact_location == place
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(found.tags["mlflow.sharedViewState.training"])
    assert {"metrics.`test.rmse`", "metrics.`test.r2`", "tags.`verdict`"} == {
        *view["selectedColumns"]
    }
    client.delete_experiment(first)
    client.set_experiment_tag = None  # nothing is written where all stands
    assert experiments.found_or_made(client, "orders", place, kept_by=False) == first
    assert client.get_experiment(first).lifecycle_stage == "active"
    assert experiments.number(tmp_path / "mlflow.db", "orders") == first
    assert experiments.number(tmp_path / "mlflow.db", "others") is None
    assert experiments.number(tmp_path / "none.db", "orders") is None
    with pytest.raises(PipelineError, match="a database holds no files"):
        experiments.found_or_made(client, "others", None, kept_by=True)


def test_the_page_of_the_installed_mlflow_reads_what_is_set():
    [script] = SCRIPTS
    text = script.read_text(encoding="utf-8")
    for word in (experiments.KIND, experiments.TRAINING, experiments.VIEWS):
        assert word in text
    address = experiments.page("http://127.0.0.1:5000/", "1")
    assert address.startswith("http://127.0.0.1:5000/#/experiments/1/runs?")
    for setting in ("viewStateShareKey", "workflowType", "machine_learning", "selectedColumns"):
        assert setting in text
