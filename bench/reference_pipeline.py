"""The published way of training, as a yardstick for `make bench-pipeline`, not a part of it.

    python -m bench.reference_pipeline prepare     # orders.csv -> processed.csv
    python -m bench.reference_pipeline train       # four models, each logged to MLflow
    python -m bench.reference_pipeline select      # the best run -> best_model.yaml
    python -m bench.reference_pipeline register    # the best two, by test R²
    python -m bench.reference_pipeline export      # the best -> champion.pkl

Written after the published system (FamilOrujov/amazon-sales-mlops), in the current folder: a CSV
between the steps, read anew for each model; a dense one-hot ColumnTransformer in front of each tree
model; MLflow left to find out the requirements of each pickled pipeline by itself. The settings are
the published ones (bench/published.py), the grid search off. Only the serialization format is
named, because today's MLflow refuses the published call.
"""

import hashlib
import pickle
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from bench.published import XGBOOST
from bench.reference_server import CATEGORICAL, NUMERIC

TARGET = "TotalAmount"
PROCESSED = Path("processed.csv")
BEST = Path("best_model.yaml")
STORE, EXPERIMENT = "sqlite:///mlflow.db", "amazon_sales"
NAME = "amazon_sales_totalamount_regressor"
MOST_BYTES = 20 * 2**30
MODELS = ("linear_regression", "random_forest", "hist_gradient_boosting", "xgboost")


def prepare() -> None:
    """Read the orders, take the date apart, and write the columns that the models see."""
    orders = pd.read_csv("orders.csv").dropna().drop_duplicates()
    dates = pd.to_datetime(orders["OrderDate"])
    orders["OrderYear"], orders["OrderMonth"] = dates.dt.year, dates.dt.month
    orders["OrderDayOfWeek"] = dates.dt.day_name()
    orders[[*NUMERIC, *CATEGORICAL, TARGET]].to_csv(PROCESSED, index=False)


def pipeline(name: str) -> Any:
    """Return an unfitted pipeline with the published settings."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from xgboost import XGBRegressor

    linear = name == "linear_regression"
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=linear)
    numbers = StandardScaler() if linear else "passthrough"
    columns = ColumnTransformer(
        [("numbers", numbers, NUMERIC), ("categories", one_hot, CATEGORICAL)],
        sparse_threshold=0.3 if linear else 0,
    )
    estimators = {
        "linear_regression": LinearRegression,
        "random_forest": lambda: RandomForestRegressor(n_jobs=-1, random_state=42),
        "hist_gradient_boosting": lambda: HistGradientBoostingRegressor(random_state=42),
        "xgboost": lambda: XGBRegressor(tree_method="hist", n_jobs=-1, random_state=42, **XGBOOST),
    }
    return Pipeline([("columns", columns), ("model", estimators[name]())])


def train() -> None:
    """Fit, score and log all four, one after the other; tell how long the scoring took."""
    import mlflow
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
    from sklearn.model_selection import train_test_split

    mlflow.set_tracking_uri(STORE)
    mlflow.set_experiment(EXPERIMENT)
    scoring = 0.0
    for name in MODELS:
        table = pd.read_csv(PROCESSED)
        X, y = table.drop(columns=TARGET), table[TARGET]
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
        fitted = pipeline(name).fit(X_train, y_train)
        metrics, start = {}, time.perf_counter()
        for part, features, true in (("train", X_train, y_train), ("test", X_test, y_test)):
            predicted = fitted.predict(features)
            metrics[f"{part}_MAE"] = mean_absolute_error(true, predicted)
            metrics[f"{part}_RMSE"] = root_mean_squared_error(true, predicted)
            metrics[f"{part}_R2"] = r2_score(true, predicted)
        scoring += time.perf_counter() - start
        sample = pd.read_csv(PROCESSED).drop(columns=TARGET).head(200)
        with mlflow.start_run(run_name=name):
            mlflow.set_tag("model_name", name)
            mlflow.log_params(fitted.named_steps["model"].get_params())
            mlflow.log_metrics(metrics)
            mlflow.sklearn.log_model(
                fitted,
                name="model",
                signature=mlflow.models.infer_signature(sample, fitted.predict(sample)),
                input_example=sample.head(1),
                serialization_format="cloudpickle",
            )
        print(f"{name}: test RMSE {metrics['test_RMSE']:.4f}", flush=True)
    print(f"scoring: {scoring:.3f} s")


def select() -> None:
    """Write down the run with the lowest test RMSE."""
    import mlflow

    mlflow.set_tracking_uri(STORE)
    best = (
        mlflow.search_runs(experiment_names=[EXPERIMENT]).sort_values("metrics.test_RMSE").iloc[0]
    )
    BEST.write_text(
        yaml.safe_dump({"run_id": best["run_id"], "uri": f"runs:/{best['run_id']}/model"})
    )


def register() -> None:
    """Register the two best runs as champion and challenger."""
    import mlflow

    mlflow.set_tracking_uri(STORE)
    client = mlflow.MlflowClient()
    data = hashlib.sha256(PROCESSED.read_bytes()).hexdigest()
    runs = mlflow.search_runs(experiment_names=[EXPERIMENT], order_by=["metrics.test_R2 DESC"])
    for alias, run_id in zip(("champion", "challenger"), runs["run_id"], strict=False):
        version = mlflow.register_model(f"runs:/{run_id}/model", NAME).version
        client.set_model_version_tag(NAME, version, "data_sha256", data)
        client.set_registered_model_alias(NAME, alias, version)


def export() -> None:
    """Pickle the best model for the server."""
    import mlflow

    mlflow.set_tracking_uri(STORE)
    model = mlflow.sklearn.load_model(yaml.safe_load(BEST.read_text())["uri"])
    with Path("champion.pkl").open("wb") as file:
        pickle.dump({"model": model}, file)


STEPS = {"prepare": prepare, "train": train, "select": select, "register": register}
STEPS["export"] = export

if __name__ == "__main__":
    # Enough is enough: a lack of memory ends this process, not whatever else the machine runs.
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    STEPS[sys.argv[1]]()
