"""The MLflow registry: runs, versions and aliases, each model in it once by its content hash."""

import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from sales.errors import PipelineError
from sales.params import Group
from sales.registry import logged_model, relocation
from sales.registry.promotion import CHAMPION
from sales.registry.runs import Run, flat

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

DATABASE = "mlflow.db"
PREVIOUS = "previous_champion"  # tag of the registered model: the version the champion replaced


class RegisterParams(Group):
    """See `register` in params.yaml."""

    model_name: str = Field(min_length=1, pattern=r"^[^/:]+$")
    experiment: str = Field(min_length=1)
    top_k: int = Field(ge=1)
    min_improvement_pct: float = Field(ge=0, lt=100)


class Registry:
    """MLflow's SQLite database in a folder, for one experiment and one registered model.

    Artifacts lie elsewhere, and stay where they are when the folder changes.

    Imports MLflow when made, about two seconds; sets its URIs for this process.
    """

    def __init__(self, folder: Path, artifacts: Path, params: RegisterParams) -> None:
        for key in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"):
            os.environ.setdefault(key, "true")
        for key in ("MLFLOW_UV_AUTO_DETECT", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"):
            os.environ.setdefault(key, "false")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
        import mlflow
        from mlflow.entities import LifecycleStage
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        if not event.contains(Engine, "connect", _unjournaled):
            event.listen(Engine, "connect", _unjournaled)
        folder = folder.resolve()
        relocation.refuse_strange(folder)
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / DATABASE}"
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        self.name = params.model_name
        self.client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        found = self.client.get_experiment_by_name(params.experiment)
        if found and found.lifecycle_stage == LifecycleStage.DELETED:  # in the MLflow UI
            self.client.restore_experiment(found.experiment_id)
        self.experiment = (
            found.experiment_id
            if found
            else self.client.create_experiment(
                params.experiment, artifact_location=artifacts.resolve().as_uri()
            )
        )

    def find_run(self, content_hash: str, evaluation_hash: str) -> str | None:
        """Return the finished run of a model with these very metrics; crashed ones do not count."""
        runs = self.client.search_runs(
            [self.experiment],
            f"tags.content_hash = '{content_hash}' and tags.evaluation_hash = '{evaluation_hash}' "
            "and attributes.status = 'FINISHED'",
            max_results=1,
        )
        return runs[0].info.run_id if runs else None

    def track(self, run: Run) -> str:
        """Log a run with its model and return its id."""
        import mlflow
        from mlflow.data.meta_dataset import MetaDataset
        from mlflow.data.sources import LocalArtifactDatasetSource  # type: ignore[attr-defined]
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        logged = [Metric(key, value, now, 0) for key, value in flat(run.metrics).items()]
        if run.curve is not None:
            logged += [
                Metric(f"curve.{split}_rmse", rmse, now, int(step))
                for step, split, rmse in run.curve.itertuples(index=False)
            ]
        params = [Param(key, str(value)) for key, value in run.params.items()]
        with mlflow.start_run(experiment_id=self.experiment, run_name=run.name) as active:
            run_id = active.info.run_id
            self.client.log_batch(run_id, logged, params)
            if run.data_file is not None:
                source = LocalArtifactDatasetSource(str(run.data_file.resolve()))
                data = MetaDataset(  # type: ignore[abstract]
                    source, name=run.data_file.stem, digest=run.data_hash[:36]
                )
                mlflow.log_input(data, context="training")
            for file, text in run.texts.items():
                mlflow.log_text(text, file)
            uri = logged_model.log(self.client, run.folder, run.example)
            # The tags by which the run is found come last: a run cut short is never found.
            mlflow.set_tags({**run.tags, "model_uri": uri})
        return run_id

    def versions(self) -> "dict[str, ModelVersion]":
        """Return the registered versions by content hash."""
        return {v.tags["content_hash"]: v for v in self._all_versions() if "content_hash" in v.tags}

    def _all_versions(self) -> "list[ModelVersion]":
        return list(self.client.search_model_versions(f"name = '{self.name}'"))

    def register(self, run_id: str, content_hash: str, number: int = 0) -> "ModelVersion":
        """Register the model of a run as the next version, or as that number; return the version.

        MLflow counts by itself: on the way to a higher number, empty versions come and go.
        """
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_registered_model(self.name)
        except MlflowException:
            self.client.create_registered_model(self.name)
        tags = self.client.get_run(run_id).data.tags
        following = 1 + max((int(v.version) for v in self._all_versions()), default=0)
        passed = [
            self.client.create_model_version(self.name, tags["model_uri"], run_id)
            for _ in range(following, number)
        ]
        version = self.client.create_model_version(
            self.name,
            tags["model_uri"],
            run_id,
            tags={"content_hash": content_hash, "model": tags["model"]},
            model_id=tags["model_uri"].rpartition("/")[2],
        )
        card = self.text(run_id, "card.md")
        if card:  # MLflow shows a version's description as Markdown
            self.client.update_model_version(self.name, version.version, card)
            self.tag(version, {"model_card": f"runs:/{run_id}/card.html"})
        for empty in passed:
            self.client.delete_model_version(self.name, empty.version)
        return version

    def holder(self, alias: str) -> "ModelVersion | None":
        """Return the version that holds an alias."""
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_model_version_by_alias(self.name, alias)
        except MlflowException:
            return None

    def give(self, alias: str, to: "ModelVersion | None") -> None:
        """Give an alias to a version, or take it away; writes nothing where it stands so."""
        now = self.holder(alias)
        if to is None:
            if now:
                self.client.delete_registered_model_alias(self.name, alias)
        elif now is None or now.version != to.version:
            if alias == CHAMPION and now:
                self.client.set_registered_model_tag(self.name, PREVIOUS, now.version)
            self.client.set_registered_model_alias(self.name, alias, to.version)

    def folder(self, of: "ModelVersion") -> Path:
        """Return where a version's model folder lies. Raises PipelineError when it is gone."""
        import mlflow

        try:
            root = Path(mlflow.artifacts.download_artifacts(f"models:/{of.name}/{of.version}"))
            return next(root.glob("artifacts/*/model.json")).parent
        except Exception as error:  # MLflow raises many kinds for a lost artifact
            raise PipelineError(f"version {of.version} has lost its files: {error}") from error

    def text(self, run_id: str, path: str) -> str | None:
        """Return a text that was logged with a run; None where it is lost."""
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            return mlflow.artifacts.load_text(f"runs:/{run_id}/{path}")
        except (MlflowException, OSError):
            return None

    def tag(self, of: "ModelVersion", facts: Mapping[str, Any]) -> None:
        """Set tags of a version; what is None is left out."""
        for key, value in facts.items():
            if value is not None:
                self.client.set_model_version_tag(self.name, of.version, key, str(value))


def _unjournaled(connection: Any, _: Any) -> None:
    """Let SQLite keep no journal on disk, nor wait for the disk at each of hundreds of commits.

    What is written is a copy that nobody reads yet (generations.py): should the process or the
    machine die, it is thrown away as a whole.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
