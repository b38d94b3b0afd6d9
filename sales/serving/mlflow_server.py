"""A registered model as an MLflow server holds it: who has which alias, and the files of a version.

What a version brings is what `register` logs: the model's folder, tagged with its content hash, and
with its run the texts of an export. MLflow's client is imported when a model is named, not before.
"""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sales.errors import PipelineError
from sales.serving import version_tags
from sales.serving.answering import ALIASES
from sales.serving.settings import without_password

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel as Told

TRIAL = "trial"  # a tag of the registered model: on_trial.py reads it
MODEL_FILES = "artifacts/model"  # within a logged model: our own files
# Texts of a run: what the service tells of the model, and the order on which it tries it; how it
# was evaluated; the picture of its data.
SERVED, EVALUATION, DATA = "served.json", "evaluation.json", "data.json"
REFERENCE = "reference.json"
CARDS = ("card.md", "card.html")
# MLflow's own would let a request wait for two minutes, seven times: whoever follows asks again.
PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
NO_CLIENT = (
    "MODEL_URI needs MLflow's client, which is not installed here: the image has it when it is "
    "built with `make container MLFLOW_CLIENT=1`"
)


class AwayError(PipelineError):
    """The registry cannot be asked: it does not answer, refuses, or holds no such model."""


@dataclass(frozen=True)
class Version:
    """A registered version, by the names that an export's entry has.

    `told` is what else the registry tells of it, a JSON object: `decision` and `spans`.
    """

    version: int
    run_id: str
    model: str
    content_hash: str
    told: str = ""

    @property
    def untold(self) -> "Version":
        """Which version it is, and nothing more: as long as that stays, its files do."""
        return replace(self, told="")


class RegisteredModel:
    """A registered model of the server that MLFLOW_TRACKING_URI names.

    Raises PipelineError where MLflow's client is not installed.
    """

    def __init__(self, name: str) -> None:
        for key in [key for key in os.environ if key.startswith("MLFLOW_")]:
            if not os.environ[key]:  # as compose.yaml hands on what nobody has set
                del os.environ[key]
        for key, value in PATIENCE.items():
            os.environ.setdefault(key, value)
        try:
            import mlflow
        except ImportError:
            raise PipelineError(NO_CLIENT) from None
        tracking = os.environ["MLFLOW_TRACKING_URI"]
        registry = os.environ.get("MLFLOW_REGISTRY_URI", tracking)
        # Named wherever it is asked: MLflow keeps one address for the process, and others set it.
        self._named = {"tracking_uri": tracking, "registry_uri": registry}
        self.name, self._mlflow = name, mlflow
        self._client = mlflow.MlflowClient(**self._named)
        self._where = without_password(tracking)
        self._known: dict[tuple[int, str, str], Version] = {}
        self.on_trial = ""

    def holders(self) -> dict[str, Version]:
        """Return who holds which alias, and know from now on who is `on_trial`. Raises AwayError.

        One request, and one more for each version that is new, or of which something new is told.
        """
        told = self._told()
        edition = (told.tags or {}).get(version_tags.TOLD, "")
        self.on_trial = (told.tags or {}).get(TRIAL, "")
        found = {}
        for alias in ALIASES:
            if number := told.aliases.get(alias):
                key = told.creation_timestamp, str(number), edition
                if key not in self._known:
                    self._known[key] = self._version(str(number))
                found[alias] = self._known[key]
        if "champion" not in found:
            raise AwayError(f"the registered model '{self.name}' at {self._where} has no champion")
        return found

    def model(self, of: Version, into: Path) -> Path:
        """Download the folder of a version's model to within a folder; return where it is.

        Raises AwayError, or PipelineError where the server has lost it.
        """
        with self._lost(of):
            at = self._client.get_model_version_download_uri(self.name, str(of.version))
            came = Path(
                self._mlflow.artifacts.download_artifacts(
                    artifact_uri=f"{at}/{MODEL_FILES}", dst_path=str(into), **self._named
                )
            )
            if not any(came.glob("*")):  # MLflow takes no offence
                raise FileNotFoundError("there are none")
            return came

    def texts(self, of: Version) -> dict[str, str]:
        """Return the texts of a version's run by name, those that it has. Raises as `model`."""
        with self._lost(of), tempfile.TemporaryDirectory() as scratch:
            there = {told.path for told in self._client.list_artifacts(of.run_id)}
            wanted = sorted({SERVED, EVALUATION, DATA, REFERENCE, *CARDS} & there)

            def text(name: str) -> str:
                came = self._client.download_artifacts(of.run_id, name, scratch)
                return Path(came).read_text(encoding="utf-8")

            with ThreadPoolExecutor() as threads:
                return dict(zip(wanted, threads.map(text, wanted), strict=True))

    def _told(self) -> "Told":
        try:
            return self._client.get_registered_model(self.name)
        except Exception as error:  # MLflow raises many kinds, and hands others on
            raise AwayError(self._why(error)) from error

    def _version(self, number: str) -> Version:
        try:
            told = self._client.get_model_version(self.name, number)
        except Exception as error:  # the same
            raise AwayError(self._why(error)) from error
        hashed = told.tags.get("content_hash", "")
        model = told.tags.get("model", "")
        beside = version_tags.together(told.tags)
        return Version(int(told.version), told.run_id or "", model, hashed, beside)

    @contextmanager
    def _lost(self, of: Version) -> Iterator[None]:
        """Tell a file that is lost from a server that is away: by asking it once more."""
        try:
            yield
        except Exception as error:  # the same
            self._told()
            why = without_password(" ".join(f"{error}".split()))[:200]
            raise PipelineError(
                f"the files of version {of.version} of '{self.name}' cannot be had: {why}"
            ) from error

    def _why(self, error: Exception) -> str:
        """Return in a line why a server could not be asked, and what to do."""
        import requests
        from mlflow.exceptions import MlflowException

        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, requests.exceptions.SSLError):
                return (
                    f"the certificate of {self._where} is not trusted: "
                    "MLFLOW_TRACKING_SERVER_CERT_PATH may name whom to trust"
                )
            if isinstance(cause, requests.exceptions.RetryError):
                return f"the MLflow server at {self._where} answers with errors (5xx, 429)"
            if isinstance(cause, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
                late = " in time" if "timed out" in str(cause) else ""
                return f"the MLflow server at {self._where} does not answer{late}"
            cause = cause.__cause__ or cause.__context__
        status = error.get_http_status_code() if isinstance(error, MlflowException) else 0
        if status == 401:
            return (
                f"the MLflow server at {self._where} asks who this is (401): set "
                "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        if status == 403:
            return (
                f"the MLflow server at {self._where} does not let this user read "
                f"'{self.name}' (403)"
            )
        if status == 404:
            return f"{self._where} has no registered model '{self.name}' (404)"
        said = without_password(" ".join(f"{error}".split()))[:200] or type(error).__name__
        return f"the MLflow server at {self._where} cannot be asked: {said}"
