"""A run in MLflow, with its model, its curves and what was made of it.

The run is ended, as finished, by the last request of all: one that was cut short is never taken for
one that is there.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sales.registry import asking, logged_model
from sales.registry.runs import Run, flat

if TYPE_CHECKING:
    from mlflow import MlflowClient

UNDER_WAY = "under_way"  # tag: the content hash of the model that is being logged


def log(client: "MlflowClient", experiment: str, run: Run) -> str:
    """Log a run with its model and return its id."""
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource  # type: ignore[attr-defined]
    from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
    from mlflow.tracking.context.registry import resolve_tags
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    started, ended = run.times
    tags = {**resolve_tags(), UNDER_WAY: run.tags["content_hash"]}
    run_id = client.create_run(experiment, started, tags, run_name=run.name).info.run_id
    client.log_batch(run_id, params=[Param(key, str(v)) for key, v in run.params.items()])
    if run.data_file is not None:
        source = LocalArtifactDatasetSource(str(run.data_file.resolve()))
        data = MetaDataset(  # type: ignore[abstract]
            source, name=run.data_file.stem, digest=run.data_hash[:36]
        )
        use = [InputTag(MLFLOW_DATASET_CONTEXT, "training")]
        used = [DatasetInput(data._to_mlflow_entity(), use)]
        asking.with_others(client.log_inputs, run_id, used)
    for file, text in run.texts.items():
        client.log_text(run_id, text, file)
    with tempfile.TemporaryDirectory() as scratch:
        for file, content in run.files.items():
            path = Path(scratch) / file
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        if run.files:
            client.log_artifacts(run_id, scratch)
    model_id = logged_model.log(client, run_id, run.folder, run.example)
    # After the model, which takes them as its own: MLflow would ask for each of them again.
    logged = [
        Metric(key, value, ended, 0, model_id=model_id, run_id=run_id)
        for key, value in flat(run.metrics).items()
    ]
    if run.curve is not None:
        logged += [
            Metric(f"curve.{split}_rmse", rmse, ended, int(step))
            for step, split, rmse in run.curve.itertuples(index=False)
        ]
    # The tags by which the run is found come last: a run cut short is never found.
    told = {**run.tags, "model_uri": f"models:/{model_id}"}
    client.log_batch(run_id, logged, tags=[RunTag(key, str(value)) for key, value in told.items()])
    client.set_terminated(run_id, end_time=ended)
    return run_id
