"""Fits the featuriser on the train rows and writes all three tables as numbers.

And so for each fold, where there are some: its featuriser knows nothing of the rows held out.
"""

import shutil
from pathlib import Path

import pandas as pd

from sales import engine, files, params
from sales.contract import Contract, mentions
from sales.data import folds
from sales.data.split import PARTS
from sales.engine import partitions
from sales.errors import run
from sales.models import belonging, feature_sets, features
from sales.models.feature_sets import FeaturizeParams
from sales.models.features import Featuriser, Seen

PREPARED = Path("data/prepared")
CONTRACT = Path("data/contract.json")  # that the rows were held against, from prepare
FEATURES = Path("data/features")


def main() -> None:
    """Write data/features/: featuriser.json and, per part, the matrix with the target beside it."""
    contract = Contract.model_validate(files.read_json(CONTRACT))
    settings = params.read("featurize", FeaturizeParams)
    mentions.check()
    prepared = PREPARED.absolute()  # as workers know it
    with engine.started() as on, files.replacing(FEATURES) as beside:
        folder = beside.absolute()
        folder.mkdir()
        files.write_json(folder / belonging.MADE_OF, belonging.of_features(prepared))
        train = partitions.of(prepared / "train.parquet")
        many = len(train)
        seen = on.map(_seen, train, [settings] * many, [contract] * many, what="levels")
        featuriser = features.fit(seen, settings, contract)
        featuriser.save(folder / "featuriser.json")
        orders = [path for part in PARTS for path in partitions.of(prepared / f"{part}.parquet")]
        tables = [folder / path.relative_to(prepared) for path in orders]
        for path in {path.parent for path in tables} - {folder}:
            path.mkdir()
        on.map(_transform, [featuriser] * len(orders), orders, tables, what="features")
        rows = sum(partitions.rows(train))
        if (prepared / folds.TABLE).is_file():
            _fold(prepared, folder, settings, contract)
    print(f"{featuriser.feature_set}: {len(featuriser.columns)} features of {rows:,} train rows")


def _seen(train: Path, settings: FeaturizeParams, contract: Contract) -> Seen:
    wanted = [*feature_sets.fields(settings, contract), contract.target]
    return features.seen(pd.read_parquet(train, columns=wanted), settings, contract)


def _fold(prepared: Path, folder: Path, settings: FeaturizeParams, contract: Contract) -> None:
    """Write a folder a fold, as data/features itself is: its train rows, its own held out."""
    shutil.copyfile(prepared / folds.TABLE, folder / folds.TABLE)
    orders = pd.read_parquet(prepared / "train.parquet")
    for repeat, fold_of in pd.read_parquet(prepared / folds.TABLE).items():
        for fold in range(fold_of.max() + 1):
            taught, held = (orders.iloc[rows] for rows in folds.held_out(fold_of.to_numpy(), fold))
            place = folder / "folds" / f"{repeat}.{fold}"
            place.mkdir(parents=True)
            own = features.fit([features.seen(taught, settings, contract)], settings, contract)
            own.save(place / "featuriser.json")
            for part, rows in (("train", taught), ("valid", held)):
                partitions.write(_numbers(own, rows), place / f"{part}.parquet")


def _transform(featuriser: Featuriser, source: Path, path: Path) -> None:
    partitions.write(_numbers(featuriser, pd.read_parquet(source)), path)


def _numbers(featuriser: Featuriser, orders: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame(featuriser.transform(orders), columns=list(featuriser.columns))
    table[featuriser.target] = orders[featuriser.target].to_numpy()
    return table


if __name__ == "__main__":
    run(main)
