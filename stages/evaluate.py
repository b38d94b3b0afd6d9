"""Scores every model on all rows and writes the tables behind the plots."""

from pathlib import Path

import pandas as pd

from sales import charts, estimators, files, model, params, scores
from sales.errors import run

PREPARED = Path("data/prepared")
MODELS = Path("models")
METRICS = Path("metrics")
PLOTS = Path("plots")
PARTS = ("train", "valid", "test")


def main() -> None:
    """Write metrics/<model>.json for every model, and the plots of them all."""
    settings = params.read("evaluate", scores.EvaluateParams)
    parts = {part: pd.read_parquet(PREPARED / f"{part}.parquet") for part in PARTS}
    orders = scores.scored_rows(parts, settings)

    metrics, slices, importance, predictions, residuals = {}, {}, {}, [], []
    for name in estimators.NAMES:
        loaded = model.load(MODELS / name)
        predicted = {part: loaded.predict(table) for part, table in orders.items()}
        metrics[name] = scores.score(loaded, orders, predicted, settings)
        true = orders["test"][loaded.featuriser.target].to_numpy(float)
        slices[name], _ = scores.slice_errors(orders["test"], true, predicted["test"], settings)
        importance[name] = scores.importance(loaded, orders["test"], settings)
        predictions.append(
            charts.prediction_rows(name, true, predicted["test"], settings.plot_rows, settings.seed)
        )
        residuals.append(charts.residual_histogram(name, true, predicted["test"]))
        print(f"{name}: test RMSE {metrics[name]['test']['rmse']}")

    for name, scored in metrics.items():
        files.write_json(METRICS / f"{name}.json", scored)
    tables = {
        "rmse": charts.rmse_table(metrics),
        "predictions": pd.concat(predictions),
        "residual_histogram": pd.concat(residuals),
        "slices": charts.slices_table(slices),
        "importance": charts.importance_table(importance),
    }
    for file, table in tables.items():
        with files.replacing(PLOTS / f"{file}.csv") as beside:
            table.to_csv(beside, index=False)


if __name__ == "__main__":
    run(main)
