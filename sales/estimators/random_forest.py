"""A random forest near the published one, bounded in size."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field
from tqdm import tqdm

from sales.estimators import TrainingData, treelite_ensemble
from sales.estimators.learning_curve import learning_curve
from sales.params import Group

load = treelite_ensemble.load
TREES_A_STEP = 20  # of the progress bar
CURVE_ROWS = 2_000  # rows of either part in the learning curve


class Params(Group):
    """See `train.random_forest` in params.yaml."""

    n_estimators: int = Field(ge=1, le=10_000)
    max_features: Literal["sqrt", "log2"] | float = Field(default="sqrt")
    max_leaf_nodes: int | None = Field(ge=2)
    min_samples_leaf: int = Field(ge=1)
    seed: int = Field(ge=0)


def fit(
    params: Params, data: TrainingData
) -> tuple[treelite_ensemble.TreeliteEnsemble, pd.DataFrame]:
    """Return the forest and its curve over the number of trees, on the first rows.

    Growing it a few trees at a time gives the same trees as growing it at once.
    """
    # Here, not above: whoever only loads and predicts is spared a second of imports.
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import root_mean_squared_error

    settings = params.model_dump(exclude={"seed", "n_estimators"})
    forest = RandomForestRegressor(
        n_estimators=0, warm_start=True, random_state=params.seed, n_jobs=-1, **settings
    )
    with tqdm(total=params.n_estimators, desc="random_forest", unit="tree", disable=None) as bar:
        while forest.n_estimators < params.n_estimators:
            step = min(TREES_A_STEP, params.n_estimators - forest.n_estimators)
            forest.n_estimators += step
            forest.fit(data.X, data.y)
            bar.update(step)

    curves = []
    for X, y in ((data.X, data.y), (data.X_valid, data.y_valid)):
        X32, y = X[:CURVE_ROWS].astype(np.float32), y[:CURVE_ROWS]
        total, curve = np.zeros(len(y)), []
        for count, tree in enumerate(forest.estimators_, start=1):
            total += tree.tree_.predict(X32).ravel()
            curve.append(root_mean_squared_error(y, total / count))
        curves.append(curve)
    steps = range(1, params.n_estimators + 1)
    return treelite_ensemble.of(forest), learning_curve(steps, curves)
