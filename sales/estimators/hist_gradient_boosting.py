"""scikit-learn's histogram gradient boosting, stopped early on the valid rows."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field

from sales.estimators import TrainingData
from sales.estimators.fitting import categories
from sales.estimators.fitting.categories import Categories
from sales.estimators.fitting.learning_curve import learning_curve
from sales.estimators.trees import treelite_ensemble
from sales.estimators.trees.treelite_ensemble import TreeliteEnsemble
from sales.params import Group

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

load = treelite_ensemble.load


class Params(Group):
    """See `train.hist_gradient_boosting` in params.yaml."""

    max_iter: int = Field(ge=1, le=100_000)
    learning_rate: float = Field(gt=0, le=1)
    max_leaf_nodes: int = Field(ge=2)
    min_samples_leaf: int = Field(ge=1)
    l2_regularization: float = Field(ge=0)
    early_stopping_rounds: int | None = Field(ge=1)
    categories: Categories = "codes"
    seed: int = Field(ge=0)


def fit(params: Params, data: TrainingData) -> tuple[TreeliteEnsemble, pd.DataFrame]:
    """Return the boosted trees and their curve over the iterations.

    Its scores are minus half the mean squared error (scikit-learn's HalfSquaredError).
    """
    model = grown(categories.decided(params, data, fit), data)
    curves = [np.sqrt(-2 * scores) for scores in (model.train_score_, model.validation_score_)]
    return treelite_ensemble.of(model), learning_curve(range(len(curves[0])), curves)


def grown(params: Params, data: TrainingData) -> "HistGradientBoostingRegressor":
    """Return scikit-learn's own model, with categories as the parameters say."""
    # Here, not above: whoever only loads and predicts is spared a second of imports.
    from sklearn.ensemble import HistGradientBoostingRegressor

    native = categories.native(params, data.levels)
    settings = params.model_dump(exclude={"seed", "early_stopping_rounds", "categories"})
    model = HistGradientBoostingRegressor(
        early_stopping=True,
        n_iter_no_change=params.early_stopping_rounds or params.max_iter,
        tol=0.0,  # the library's own would be in squared units of the target
        random_state=params.seed,
        categorical_features=np.array(native) if any(native) else None,
        **settings,
    )
    return model.fit(data.X, data.y, X_val=data.X_valid, y_val=data.y_valid)
