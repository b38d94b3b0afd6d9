"""What an estimator is fitted on: the train and valid rows, as the featurize stage left them."""

from pathlib import Path

import numpy as np
import pandas as pd

from sales.estimators import TrainingData
from sales.features import Featuriser


def read(folder: Path) -> tuple[Featuriser, TrainingData]:
    """Return the fitted featuriser, and the matrices of the train and valid rows."""
    featuriser = Featuriser.load(folder / "featuriser.json")

    def matrix(part: str) -> tuple[np.ndarray, np.ndarray]:
        table = pd.read_parquet(folder / f"{part}.parquet")
        return table[list(featuriser.columns)].to_numpy(), table[featuriser.target].to_numpy()

    levels = tuple(len(featuriser.levels.get(column, ())) for column in featuriser.columns)
    return featuriser, TrainingData(featuriser.columns, levels, *matrix("train"), *matrix("valid"))
