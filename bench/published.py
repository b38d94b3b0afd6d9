"""The published system's settings (FamilOrujov/amazon-sales-mlops), without its grid search.

Its RandomForest and HistGradientBoosting are at scikit-learn's defaults.
"""

from typing import Any

XGBOOST: dict[str, Any] = {
    "n_estimators": 3000,
    "learning_rate": 0.1,
    "max_depth": 6,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
}
# The same in our own parameters: what XGBoost would otherwise not take at its default.
OUR_XGBOOST: dict[str, Any] = {
    **XGBOOST,
    "min_child_weight": 1.0,
    "colsample_bynode": 1.0,
    "max_bin": 256,
    "interactions": [],
    "early_stopping_rounds": None,
}
OURS: dict[str, Any] = {
    "featurize.feature_set": "order",
    "train.random_forest.max_features": 1.0,
    "train.random_forest.max_leaf_nodes": None,
    "train.random_forest.max_rows": None,
    "train.hist_gradient_boosting.max_iter": 100,
    "train.hist_gradient_boosting.learning_rate": 0.1,
    "train.hist_gradient_boosting.early_stopping_rounds": None,
    **{f"train.xgboost.{key}": value for key, value in OUR_XGBOOST.items()},
}
