"""The MLflow registry: runs, versions and aliases, each model in it once by its content hash."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sales.errors import PipelineError
from sales.params import Group
from sales.registry import asking, experiments, logged_model, logging_runs, relocation
from sales.registry.homes import Server
from sales.registry.promotion import CHAMPION
from sales.registry.runs import Run
from sales.registry.stores import Store, point_at, unjournaled

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

DATABASE = "mlflow.db"
PREVIOUS = "previous_champion"  # tag of the registered model: the version the champion replaced
PLACEHOLDER = "placeholder"  # tag of a version that only takes up a number, for a moment


class RegisterParams(Group):
    """See `register` in params.yaml."""

    model_name: str = Field(min_length=1, pattern=r"^[^/:]+$")
    experiment: str = Field(min_length=1)
    top_k: int = Field(ge=1)
    min_improvement_pct: float = Field(ge=0, lt=100)
    min_unseen_rows: int = Field(default=30, ge=2)
    approval: Literal["auto", "manual"] = "auto"
    proposal_days: float = Field(14, gt=0, le=3650)
    quarantine_rows: int = Field(default=200, ge=0, le=10_000)


def in_folder(folder: Path, artifacts: Path) -> Store:
    """Return the store that is a SQLite database in a folder, which nobody reads meanwhile.

    Artifacts lie elsewhere, and stay where they are when the folder changes.
    """
    folder = folder.resolve()
    relocation.refuse_strange(folder)
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"sqlite:///{folder / DATABASE}"
    return Store(uri, uri, artifacts.resolve().as_uri())


def on_server(server: Server) -> Store:
    """Return the store that a team shares; what it keeps, and where, is its own."""
    return Store(server.tracking, server.registry, server.artifact_root, shared=True)


class Registry:
    """MLflow, for one experiment and one registered model.

    Imports MLflow when made, about two seconds; sets its URIs for this process.
    """

    def __init__(self, store: Store, params: RegisterParams) -> None:
        asking.settle()
        import mlflow
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        if not store.shared and not event.contains(Engine, "connect", unjournaled):
            event.listen(Engine, "connect", unjournaled)
        point_at(store)
        self.store, self.name = store, params.model_name
        self.client = mlflow.MlflowClient(tracking_uri=store.tracking, registry_uri=store.registry)
        self.experiment = experiments.found_or_made(
            self.client, params.experiment, store.artifacts, kept_by=store.shared
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
        if self.store.shared:
            self._end_what_was_cut(run.tags["content_hash"])
        return logging_runs.log(self.client, self.experiment, run)

    def _end_what_was_cut(self, content_hash: str) -> None:
        """End the runs of a model that a process left under way when the server went away."""
        for run in self.client.search_runs(
            [self.experiment],
            f"tags.{logging_runs.UNDER_WAY} = '{content_hash}' and attributes.status = 'RUNNING'",
        ):
            self.client.set_terminated(run.info.run_id, "KILLED")

    def versions(self, told: Mapping[str, int] = {}) -> "dict[str, ModelVersion]":
        """Return the registered version of each content hash.

        Where there are several, as two who registered at once leave them: the one whose number is
        `told`, else the first, on which all agree at any time.
        """
        return {
            content_hash: next(
                (v for v in found if int(v.version) == told.get(content_hash)), found[0]
            )
            for content_hash, found in self.copies().items()
        }

    def copies(self) -> "dict[str, list[ModelVersion]]":
        """Return all versions of each content hash, the first one first."""
        found: dict[str, list[ModelVersion]] = {}
        for version in self._all_versions():
            if "content_hash" in version.tags and PLACEHOLDER not in version.tags:
                found.setdefault(version.tags["content_hash"], []).append(version)
        return found

    def _all_versions(self) -> "list[ModelVersion]":
        found = self.client.search_model_versions(f"name = '{self.name}'")
        return sorted(found, key=lambda v: int(v.version))

    def register(self, run_id: str, content_hash: str, number: int = 0) -> "ModelVersion":
        """Register the model of a run as the next version, or as that number; return the version.

        MLflow counts by itself: on the way to a higher number, empty versions come and go.
        """
        self._create_model()
        tags = self.client.get_run(run_id).data.tags
        uri, known = tags["model_uri"], self._all_versions()
        following = 1 + max((int(v.version) for v in known), default=0)
        passed = [v for v in known if PLACEHOLDER in v.tags]
        model = uri.rpartition("/")[2]
        passed += [
            self._create_version(uri, run_id, tags={PLACEHOLDER: "true"}, model_id=model)
            for _ in range(following, number)
        ]
        about = {"content_hash": content_hash, "model": tags["model"]}
        card = self.text(run_id, "card.md")
        if card:
            about["model_card"] = f"runs:/{run_id}/card.html"
        version = self._create_version(
            uri,
            run_id,
            tags=about,
            description=card or None,  # MLflow shows it as Markdown
            model_id=model,
        )
        for empty in passed:
            self.client.delete_model_version(self.name, empty.version)
        if not self.store.shared:
            return version
        first, *others = self.copies()[content_hash]
        for other in others:
            if other.version == version.version:  # another one was first, meanwhile
                self._drop(other)
        return first

    def _create_version(self, uri: str, run_id: str, **more: Any) -> "ModelVersion":
        return asking.with_others(self.client.create_model_version, self.name, uri, run_id, **more)

    def _create_model(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_registered_model(self.name)
        except MlflowException as error:
            if not asking.absent(error):
                raise
            try:
                self.client.create_registered_model(self.name)
            except MlflowException as again:  # by another one, meanwhile
                if again.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise

    def drop_copies(self, versions: "Mapping[str, ModelVersion]") -> None:
        """Delete what is registered beside the one version of its content hash.

        What another one has registered since `versions` was read is that one's to look after.
        """
        for content_hash, found in self.copies().items():
            for copy in found if content_hash in versions else ():
                if copy.version != versions[content_hash].version:
                    self._drop(copy)

    def _drop(self, copy: "ModelVersion") -> None:
        """Delete a version, if another one has not done so meanwhile."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.delete_model_version(self.name, copy.version)
        except MlflowException as error:
            if not asking.absent(error):
                raise

    def holder(self, alias: str) -> "ModelVersion | None":
        """Return the version that holds an alias."""
        from mlflow.exceptions import MlflowException

        try:
            number = self.client.get_registered_model(self.name).aliases.get(alias)
            return self.client.get_model_version(self.name, str(number)) if number else None
        except MlflowException as error:
            if not asking.absent(error):
                raise
            return None

    def give(self, alias: str, to: "ModelVersion | None") -> None:
        """Give an alias to a version, or take it away; writes nothing where it stands so."""
        now = self.holder(alias)
        if to is None:
            if now:
                self.client.delete_registered_model_alias(self.name, alias)
        elif now is None or now.version != to.version:
            if alias == CHAMPION and now:
                self._set(self.client.set_registered_model_tag, PREVIOUS, now.version)
            self._set(self.client.set_registered_model_alias, alias, to.version)

    def folder(self, of: "ModelVersion", into: Path | None = None) -> Path:
        """Return where a version's model folder lies, fetched into a folder from a server.

        Raises PipelineError when it is gone; what MLflow raises where nobody can be asked.
        """
        import mlflow

        try:
            if into is None:
                root = Path(mlflow.artifacts.download_artifacts(f"models:/{of.name}/{of.version}"))
                return next(root.glob("artifacts/*/model.json")).parent
            shutil.rmtree(into, ignore_errors=True)
            into.mkdir(parents=True)
            uri = self.client.get_run(of.run_id or "").data.tags["model_uri"]
            model = self.client.get_logged_model(uri.rpartition("/")[2])
            uri = f"{model.artifact_location}/{logged_model.MODEL_FILES}"
            root = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(into)))
            return next(root.rglob("model.json")).parent
        except Exception as error:  # MLflow raises many kinds for a lost artifact
            if self.store.shared and not asking.lost(error):
                raise
            raise PipelineError(f"version {of.version} has lost its files: {error}") from error

    def text(self, run_id: str, path: str) -> str | None:
        """Return a text that was logged with a run; None where it is lost."""
        found = self.artifact(run_id, path)
        return None if found is None else found.decode()

    def artifact(self, run_id: str, path: str) -> bytes | None:
        """Return a file that was logged with a run; None where it is lost."""
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            with tempfile.TemporaryDirectory() as scratch:
                uri = f"runs:/{run_id}/{path}"
                return Path(mlflow.artifacts.download_artifacts(uri, dst_path=scratch)).read_bytes()
        except (MlflowException, OSError) as error:
            if self.store.shared and not asking.lost(error):
                raise
            return None

    def tag(self, of: "ModelVersion", facts: Mapping[str, Any]) -> None:
        """Set tags of a version; what is None is left out."""
        for key, value in facts.items():
            if value is not None:
                self._set(self.client.set_model_version_tag, of.version, key, str(value))

    def tell(self, facts: Mapping[str, str]) -> None:
        """Set tags of the registered model; writes nothing where they stand so, or it has none."""
        from mlflow.exceptions import MlflowException

        try:
            there = self.client.get_registered_model(self.name).tags
        except MlflowException as error:
            if not asking.absent(error):
                raise
            return
        for key, value in facts.items():
            if there.get(key) != value:
                self._set(self.client.set_registered_model_tag, key, value)

    def _set(self, call: Callable[..., Any], *told: str) -> None:
        asking.with_others(call, self.name, *told)
