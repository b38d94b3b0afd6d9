"""The experiment in MLflow that holds the runs: found, or made as one of trained models."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sales.errors import PipelineError
from sales.registry import asking
from sales.registry.homes import ARTIFACT_ROOT, WEB, kind

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What MLflow's page reads: it opens with runs and metrics, not with traces of a language model.
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"
# A view of the table of runs that MLflow's page keeps under a name: its columns, the best first.
VIEW = "training"
VIEWS = "mlflow.sharedViewState."
# MLflow puts name, time and duration before them, whatever is told here: with one column more, the
# verdict is out of sight on a screen 1440 wide.
COLUMNS = ("metrics.`test.rmse`", "metrics.`test.r2`", "tags.`verdict`")
SHOWN = json.dumps({"selectedColumns": COLUMNS, "orderByKey": COLUMNS[0], "orderByAsc": True})


def found_or_made(
    client: "MlflowClient", name: str, artifacts: str | None, *, kept_by: bool
) -> str:
    """Return the id of an experiment; one that was deleted in the MLflow UI comes back.

    `artifacts` is where the files of a new one lie; None leaves that to the server, `kept_by` which
    they are then kept. Raises PipelineError where a bare database is asked to.
    """
    from mlflow.entities import LifecycleStage
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        uri = client.tracking_uri
        if kept_by and kind(uri) not in WEB and not artifacts:
            raise PipelineError(
                f"a database holds no files: set {ARTIFACT_ROOT} to where those of the models "
                "shall lie (s3://…, or a folder that all share), or name the server before it"
            )
        location = f"{artifacts.rstrip('/')}/{name}" if kept_by and artifacts else artifacts
        try:
            client.create_experiment(
                name,
                artifact_location=None if kind(uri) in WEB else location,
                tags={KIND: TRAINING},
            )
        except MlflowException as error:  # by another one, meanwhile
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.get_experiment_by_name(name)
        if found is None:
            raise PipelineError(f"MLflow has no experiment '{name}', although it was made")
    if found.lifecycle_stage == LifecycleStage.DELETED:  # in the MLflow UI
        client.restore_experiment(found.experiment_id)
    for key, value in {KIND: TRAINING, f"{VIEWS}{VIEW}": SHOWN}.items():
        if found.tags.get(key) != value:
            asking.with_others(client.set_experiment_tag, found.experiment_id, key, value)
    return found.experiment_id


def page(address: str, experiment: str) -> str:
    """Return the address of MLflow's page of an experiment, as that of trained models.

    Without it the page opens as one of language models, and shows no metric: in MLflow 3.17 it goes
    by what the browser last chose, not by the experiment's kind.
    """
    return (
        f"{address.rstrip('/')}/#/experiments/{experiment}/runs"
        f"?viewStateShareKey={VIEW}&workflowType=machine_learning"
    )


def number(database: Path, name: str) -> str | None:
    """Return the id of an experiment in a SQLite database of MLflow's, without starting MLflow."""
    if not database.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            query = "SELECT experiment_id FROM experiments WHERE name = ?"
            found = connection.execute(query, [name]).fetchone()
    except sqlite3.Error:  # MLflow itself will tell better what is wrong with it
        return None
    return str(found[0]) if found else None
