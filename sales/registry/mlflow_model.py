"""The registered model as MLflow loads it: `mlflow.pyfunc.load_model("models:/...@champion")`.

MLflow runs this file (models from code) in place of unpickling an object.
"""

from pathlib import Path
from typing import Any

import mlflow.models
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel

from sales.models import saved


class OrderModel(PythonModel):
    """Takes a table of orders as the contract names its columns, returns a prediction each."""

    def load_context(self, context: Any) -> None:
        """Load the model's folder, the same that DVC tracks and the service loads."""
        self.model = saved.load(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> np.ndarray:  # noqa: ARG002
        """Return the predictions, in units of the target."""
        return self.model.predict(model_input)


mlflow.models.set_model(OrderModel())
