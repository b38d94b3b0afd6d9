"""The published way of training, as a yardstick for `make bench-pipeline`, not a part of it.

    python -m bench.reference_pipeline prepare orders.csv folder
    python -m bench.reference_pipeline train folder

CSV between the steps, a dense one-hot ColumnTransformer in front of each of four models, each
logged to MLflow as a pickled pipeline, the best two registered.
"""

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from bench.reference_server import CATEGORICAL, NUMERIC

TARGET = "TotalAmount"
# 3000 rounds as published; the rest is what its repository's defaults come to.
XGBOOST = {"n_estimators": 3000, "learning_rate": 0.05, "max_depth": 7}


def prepare(source: Path, folder: Path) -> None:
    """Read the CSV, take the date apart, split, and write train.csv and test.csv."""
    from sklearn.model_selection import train_test_split

    orders = pd.read_csv(source).dropna().drop_duplicates()
    dates = pd.to_datetime(orders["OrderDate"])
    orders["OrderYear"], orders["OrderMonth"] = dates.dt.year, dates.dt.month
    orders["OrderDayOfWeek"] = dates.dt.day_name()
    kept = orders[[*NUMERIC, *CATEGORICAL, TARGET]]
    for name, part in zip(
        ("train", "test"), train_test_split(kept, test_size=0.2, random_state=42), strict=True
    ):
        part.to_csv(folder / f"{name}.csv", index=False)


def models() -> dict[str, Any]:
    """Return the four models with the published settings, each on all cores where it can."""
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.linear_model import LinearRegression
    from xgboost import XGBRegressor

    return {
        "linear_regression": LinearRegression(),
        "random_forest": RandomForestRegressor(n_jobs=-1, random_state=42),
        "hist_gradient_boosting": HistGradientBoostingRegressor(random_state=42),
        "xgboost": XGBRegressor(**XGBOOST, seed=42),
    }


def train(folder: Path) -> None:
    """Fit, score and log all four, one after the other; register the best two."""
    import mlflow
    from sklearn.compose import ColumnTransformer
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment("reference")
    tables = {part: pd.read_csv(folder / f"{part}.csv") for part in ("train", "test")}
    fields = [*NUMERIC, *CATEGORICAL]
    found = {}
    for name, estimator in models().items():
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        columns = ColumnTransformer(
            [("numbers", "passthrough", NUMERIC), ("categories", one_hot, CATEGORICAL)]
        )
        pipeline = Pipeline([("columns", columns), ("model", estimator)])
        with mlflow.start_run(run_name=name) as run:
            pipeline.fit(tables["train"][fields], tables["train"][TARGET])
            mlflow.log_params(estimator.get_params())
            for part, table in tables.items():
                predicted = pipeline.predict(table[fields])
                rmse = root_mean_squared_error(table[TARGET], predicted)
                mlflow.log_metric(f"{part}_rmse", rmse)
                mlflow.log_metric(f"{part}_mae", mean_absolute_error(table[TARGET], predicted))
                mlflow.log_metric(f"{part}_r2", r2_score(table[TARGET], predicted))
            mlflow.sklearn.log_model(
                pipeline,
                name="model",
                input_example=tables["train"][fields][:5],
                serialization_format="cloudpickle",
            )
        print(f"{name}: test RMSE {rmse:.4f}", flush=True)
        found[name] = (rmse, run.info.run_id)
    for alias, (_, run_id) in zip(("champion", "challenger"), sorted(found.values()), strict=False):
        version = mlflow.register_model(f"runs:/{run_id}/model", "reference")
        mlflow.MlflowClient().set_registered_model_alias("reference", alias, version.version)


def main() -> None:
    """Run one of the steps."""
    step, *paths = sys.argv[1:]
    if step == "prepare":
        prepare(*map(Path, paths))
    else:
        train(*map(Path, paths))


if __name__ == "__main__":
    main()
