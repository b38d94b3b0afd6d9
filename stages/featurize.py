"""Fits the featuriser on the train rows and writes all three tables as numbers."""

from pathlib import Path

import pandas as pd

from sales import engine, files, params
from sales.contract import Contract, mentions
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
    print(f"{featuriser.feature_set}: {len(featuriser.columns)} features of {rows:,} train rows")


def _seen(train: Path, settings: FeaturizeParams, contract: Contract) -> Seen:
    wanted = [*feature_sets.fields(settings, contract), contract.target]
    return features.seen(pd.read_parquet(train, columns=wanted), settings, contract)


def _transform(featuriser: Featuriser, source: Path, path: Path) -> None:
    orders = pd.read_parquet(source)
    table = featuriser.table(orders)
    table[featuriser.target] = orders[featuriser.target].to_numpy()
    partitions.write(table, path)


if __name__ == "__main__":
    run(main)
