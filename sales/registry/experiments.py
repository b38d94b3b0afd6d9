"""The experiment in MLflow that holds the runs: found, or made as one of trained models."""

from typing import TYPE_CHECKING

from sales.errors import PipelineError
from sales.registry.homes import ARTIFACT_ROOT, WEB, kind

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What MLflow's page reads: it opens with runs and metrics, not with traces of a language model.
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"


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
    if KIND not in found.tags:
        client.set_experiment_tag(found.experiment_id, KIND, TRAINING)
    return found.experiment_id
