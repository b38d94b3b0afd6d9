"""A model as a run logs it: our own files, and what MLflow needs to load them again."""

import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

MODEL_FILES = "artifacts/model"  # within a logged model: our own files
# What a loaded model needs: MLflow would spend ten seconds a model to find out by itself.
REQUIREMENTS = (
    *("lightgbm", "mlflow", "numpy", "pandas", "pydantic"),
    *("pyyaml", "scikit-learn", "tqdm", "treelite"),
)
CODE = Path(__file__).parents[1]  # this package, of which a loaded model brings along the rooms
ROOMS = ("contract", "engine", "estimators", "models")  # that it imports: a request a file


class _Pyfunc:
    """MLflow's pyfunc flavor, but for what its own `log_model` takes long over.

    That would load and try each model here, two seconds after evaluate has just done it, and
    copy the model's files twice. Here they are only named; `log` copies them.
    """

    @staticmethod
    def save_model(
        *,
        path: str,
        mlflow_model: Any,
        folder: Path,
        validate_serving_input: bool,  # noqa: ARG004
        **settings: Any,
    ) -> None:
        import mlflow

        mlflow.pyfunc.save_model(path=path, mlflow_model=mlflow_model, **settings)
        named = {"model": {"path": MODEL_FILES, "uri": str(folder)}}
        mlflow_model.flavors[mlflow.pyfunc.FLAVOR_NAME]["artifacts"] = named
        mlflow_model.model_size_bytes += sum(
            file.stat().st_size for file in folder.rglob("*") if file.is_file()
        )
        mlflow_model.save(str(Path(path) / "MLmodel"))


def log(client: "MlflowClient", run_id: str, folder: Path, example: "pd.DataFrame") -> str:
    """Log a model's folder to a run and return its id, by which `models:/` names it."""
    run = client.get_run(run_id)
    named = client.create_logged_model(
        run.info.experiment_id, "model", source_run_id=run_id, params=run.data.params
    )
    with tempfile.TemporaryDirectory() as scratch:
        code = Path(scratch) / CODE.name
        for room in ROOMS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CODE / room, code / room, ignore=ignored)
        for ground in CODE.glob("*.py"):
            shutil.copyfile(ground, code / ground.name)
        _log(run_id, named.model_id, folder, example, code)
    client.log_model_artifacts(named.model_id, str(folder), MODEL_FILES)
    return named.model_id


def _log(run_id: str, model_id: str, folder: Path, example: "pd.DataFrame", code: Path) -> None:
    import mlflow
    import numpy as np

    answer = np.zeros(len(example))  # a float64 for each order, whatever the model
    mlflow.models.Model.log(
        artifact_path=None,
        run_id=run_id,
        model_id=model_id,
        flavor=_Pyfunc,
        validate_serving_input=False,
        python_model=str(Path(__file__).with_name("mlflow_model.py")),
        folder=folder,
        code_paths=[str(code)],
        pip_requirements=[*(f"{p}=={version(p)}" for p in REQUIREMENTS), _xgboost()],
        signature=mlflow.models.infer_signature(example, answer),
        input_example=example,
    )


def _xgboost() -> str:
    try:
        return f"xgboost-cpu=={version('xgboost-cpu')}"
    except PackageNotFoundError:
        return f"xgboost=={version('xgboost')}"
