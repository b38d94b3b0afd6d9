"""Scores every model on all rows and writes the tables behind the plots."""

from pathlib import Path

import pandas as pd

from sales import charts, estimators, evaluation, files, model, params, scores
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

    found = {}
    for name in estimators.NAMES:
        found[name] = evaluation.evaluate(model.load(MODELS / name), orders, settings)
        print(f"{name}: test RMSE {found[name].metrics['test']['rmse']}")

    for name, one in found.items():
        files.write_json(METRICS / f"{name}.json", one.metrics)
    tables = {"rmse": charts.rmse_table({name: one.metrics for name, one in found.items()})}
    for table_name in evaluation.TABLES:
        tables[table_name] = pd.concat([one.tables[table_name] for one in found.values()])
    for file, table in tables.items():
        with files.replacing(PLOTS / f"{file}.csv") as beside:
            table.to_csv(beside, index=False)


if __name__ == "__main__":
    run(main)
