"""A model as a run logs it: our own files, and what MLflow needs to load them again."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

MODEL_FILES = "artifacts/model"  # within a logged model: our own files
# What a loaded model needs: MLflow would spend ten seconds a model to find out by itself.
REQUIREMENTS = (
    *("lightgbm", "mlflow", "numpy", "pandas", "pydantic"),
    *("pyyaml", "scikit-learn", "tqdm", "treelite"),
)
CODE = Path(__file__).parents[1]  # this package, which a loaded model brings along


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


def log(client: "MlflowClient", folder: Path, example: "pd.DataFrame") -> str:
    """Log a model's folder to the run under way and return its URI."""
    import mlflow

    answer = np.zeros(len(example))  # a float64 for each order, whatever the model
    logged = mlflow.models.Model.log(
        artifact_path=None,
        name="model",
        flavor=_Pyfunc,
        validate_serving_input=False,
        python_model=str(Path(__file__).with_name("mlflow_model.py")),
        folder=folder,
        code_paths=[str(CODE)],
        pip_requirements=[*(f"{p}=={version(p)}" for p in REQUIREMENTS), _xgboost()],
        signature=mlflow.models.infer_signature(example, answer),
        input_example=example,
    )
    client.log_model_artifacts(logged.model_id, str(folder), MODEL_FILES)
    return logged.model_uri


def _xgboost() -> str:
    try:
        return f"xgboost-cpu=={version('xgboost-cpu')}"
    except PackageNotFoundError:
        return f"xgboost=={version('xgboost')}"
