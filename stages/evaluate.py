"""Scores every model on all rows and writes the tables behind the plots."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from sales import engine, estimators, files, params
from sales.contract import mentions
from sales.data.split import PARTS
from sales.engine import partitions
from sales.errors import run
from sales.judging import charts, evaluation, reference, scores
from sales.judging.evaluation import Evaluation
from sales.judging.shapes import Shape
from sales.models import belonging, saved
from sales.models.features import Featuriser
from sales.models.saved import Model

TARGET = Path("data/target.json")
PREPARED = Path("data/prepared")
FEATURES = Path("data/features")
MODELS = Path("models")
METRICS = Path("metrics")
PLOTS = Path("plots")
REFERENCES = MODELS / "reference"


def main() -> None:
    """Write metrics/<model>.json and a reference for every model, and the plots of them all."""
    settings = params.read("evaluate", scores.EvaluateParams)
    mentions.check()
    orders = {part: partitions.of(PREPARED.absolute() / f"{part}.parquet") for part in PARTS}
    names = estimators.trained(MODELS)
    made_of = belonging.of_metrics(PREPARED, FEATURES, [MODELS / name for name in names])
    folders = [MODELS.absolute() / name for name in names]
    models, least = [saved.load(folder) for folder in folders], files.read_json(TARGET)["least"]
    with engine.started() as on:
        evaluations = evaluation.evaluate(folders, orders, settings, on, least, models)
    found = dict(zip(names, evaluations, strict=True))
    for (name, one), its in zip(found.items(), made_of, strict=True):
        print(f"{name}: test RMSE {one.metrics['test']['rmse']}")
        files.write_json(METRICS / f"{name}.json", {**one.metrics, "made_of": its})
    if estimators.ENSEMBLE not in names:
        files.write_json(METRICS / f"{estimators.ENSEMBLE}.json", {})
    _references(orders, models, evaluations, settings)
    tables = {"rmse": charts.rmse_table({name: one.metrics for name, one in found.items()})}
    for table_name in evaluation.TABLES:
        tables[table_name] = pd.concat([one.tables[table_name] for one in found.values()])
    for file, table in tables.items():
        with files.replacing(PLOTS / f"{file}.csv") as beside:
            table.to_csv(beside, index=False)
    for name in estimators.NAMES:  # not by the training: a plot is uncached, see dvc.yaml
        curve = Path("learning_curve") / f"{name}.csv"
        with files.replacing(PLOTS / curve) as beside:
            shutil.copyfile(MODELS / curve, beside)


def _references(
    orders: Mapping[str, Sequence[Path]],
    models: Sequence[Model],
    evaluations: Sequence[Evaluation],
    settings: scores.EvaluateParams,
) -> None:
    """Write what the rows of each model were like; not of one that predicts nothing finite."""
    train, test = (reference.drawn(orders[part], settings.seed) for part in ("train", "test"))
    featuriser: Featuriser | None = None
    fields: Sequence[Shape] = ()
    with files.replacing(REFERENCES) as beside:
        beside.mkdir()
        for model, one in zip(models, evaluations, strict=True):
            if model.featuriser != featuriser:  # the same of all, as a rule
                featuriser = model.featuriser
                fields = reference.fields_of(featuriser, train, test)
            whole = one.predicted is not None and len(one.predicted) == len(test)
            predicted = one.predicted if whole else None  # else of some test rows, drawn
            found = reference.of(model, train, test, settings, predicted, fields)
            if found:
                files.write_json(beside / f"{model.name}.json", found.told())


if __name__ == "__main__":
    run(main)
