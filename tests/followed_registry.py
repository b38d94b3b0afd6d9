"""An MLflow server for a test, SQLite and a folder below it, and what is registered there."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import mlflow

from sales import files
from sales.serving import mlflow_server
from tests import patience
from tests.bento_server import free_port
from tests.mlflow_server import database


class MlflowServer:
    """The server, in a process group of its own; it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._lies = contextlib.ExitStack()
        self._database = self._lies.enter_context(database(folder))
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()
        self.client = mlflow.MlflowClient(self.url, self.url)
        self.experiment = self.client.create_experiment("orders")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--serve-artifacts", "--workers", "1"),
            *("--backend-store-uri", self._database),
            *("--artifacts-destination", str(self.folder / "artifacts")),
            *("--host", "127.0.0.1", "--port", str(self.port)),
        ]
        off = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **off}, start_new_session=True
            )
        told = (self.folder / "log").read_text
        patience.until(lambda: httpx.get(f"{self.url}/health").status_code == 200, told)

    def kill(self) -> None:
        """Kill it and its workers, as the end of its machine would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Kill it for good, with what it knows."""
        self.kill()
        self._lies.close()

    def register(self, name: str, exports: Path, alias: str) -> str:
        """Register an export as `register` does; return the number of its version."""
        entry = files.read_json(exports / "promoted.json")[alias]
        run = self.client.create_run(self.experiment).info.run_id
        texts = {
            mlflow_server.SERVED: json.dumps({key: entry[key] for key in ("metrics", "golden")}),
            mlflow_server.EVALUATION: (exports / "evaluation" / f"{alias}.json").read_text(),
            mlflow_server.DATA: (exports / "data.json").read_text(),
            "card.md": f"The card of {alias}.",
        }
        for file, text in texts.items():
            self.client.log_text(run, text, file)
        model = self.client.create_logged_model(self.experiment, "model", run).model_id
        folder = str(exports / alias)
        self.client.log_model_artifacts(model, folder, mlflow_server.MODEL_FILES)
        self.client.finalize_logged_model(model, "READY")
        if not self.client.search_registered_models(f"name = '{name}'"):
            self.client.create_registered_model(name)
        tags = {"content_hash": entry["content_hash"], "model": entry["model"]}
        return self.client.create_model_version(
            name, f"models:/{model}", run, tags=tags, model_id=model
        ).version

    def give(self, name: str, **aliases: str) -> None:
        """Give each alias to a version."""
        for alias, version in aliases.items():
            self.client.set_registered_model_alias(name, alias, version)

    def files_of(self, name: str, version: str) -> Path:
        """Return where the server keeps the folder of a version's model."""
        at = self.client.get_model_version_download_uri(name, version)
        within = at.removeprefix("mlflow-artifacts:/")
        return self.folder / "artifacts" / within / mlflow_server.MODEL_FILES
