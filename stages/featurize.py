"""Fits the featuriser on the train rows and writes all three tables as numbers.

And so for each fold, where there are some: its featuriser knows nothing of the rows held out.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from sales import engine, files, params
from sales.contract import Contract, mentions
from sales.data import folds
from sales.data.split import PARTS, TRAIN_GROUPS
from sales.engine import partitions
from sales.errors import run
from sales.estimators.fitting.scale import Scale, TargetParams
from sales.models import belonging, feature_sets, features, out_of_fold
from sales.models.feature_sets import FeaturizeParams
from sales.models.features import Featuriser, Seen

PREPARED = Path("data/prepared")
CONTRACT = Path("data/contract.json")  # that the rows were held against, from prepare
FEATURES = Path("data/features")


def main() -> None:
    """Write data/features/: featuriser.json and, per part, the matrix with the target beside it."""
    contract = Contract.model_validate(files.read_json(CONTRACT))
    settings = params.read("featurize", FeaturizeParams)
    learnt = Scale(params.read("train.target", TargetParams).transform)
    mentions.check()
    prepared = PREPARED.absolute()  # as workers know it
    with engine.started() as on, files.replacing(FEATURES) as beside:
        folder = beside.absolute()
        folder.mkdir()
        files.write_json(folder / belonging.MADE_OF, belonging.of_features(prepared))
        train = partitions.of(prepared / "train.parquet")
        starts = np.cumsum([0, *partitions.rows(train)]).tolist()[:-1]
        groups = _groups(prepared, len(train))
        same = ([one] * len(train) for one in (settings, contract, learnt))
        seen = on.map(_seen, train, starts, groups, *same, what="levels")
        featuriser = features.fit(seen, settings, contract)
        without = out_of_fold.fit(featuriser, seen)
        featuriser.save(folder / "featuriser.json")
        orders = [path for part in PARTS for path in partitions.of(prepared / f"{part}.parquet")]
        tables = [folder / path.relative_to(prepared) for path in orders]
        for path in {path.parent for path in tables} - {folder}:
            path.mkdir()
        parts = [(without, *one) for one in zip(starts, groups, strict=True)]  # train comes first
        parts += [((), 0, None)] * (len(orders) - len(parts))
        on.map(_transform, [featuriser] * len(orders), orders, tables, parts, what="features")
        rows = sum(partitions.rows(train))
        if (prepared / folds.TABLE).is_file():
            _fold(prepared, folder, settings, contract, learnt)
    print(f"{featuriser.feature_set}: {len(featuriser.columns)} features of {rows:,} train rows")


def _groups(prepared: Path, many: int) -> list[Path] | list[None]:
    """Return the tables of the train rows' groups, partition by partition; None: there are none."""
    table = prepared / TRAIN_GROUPS
    return partitions.of(table) if table.exists() else [None] * many


def _hashes(groups: Path | None) -> np.ndarray | None:
    return None if groups is None else pd.read_parquet(groups)["group"].to_numpy()


def _seen(
    train: Path,
    first: int,
    groups: Path | None,
    settings: FeaturizeParams,
    contract: Contract,
    learnt: Scale,
) -> Seen:
    wanted = [*feature_sets.fields(settings, contract), contract.target]
    rows = pd.read_parquet(train, columns=wanted)
    return features.seen(rows, settings, contract, first, learnt.forward, _hashes(groups))


def _fold(
    prepared: Path, folder: Path, settings: FeaturizeParams, contract: Contract, learnt: Scale
) -> None:
    """Write a folder a fold, as data/features itself is: its train rows, its own held out."""
    shutil.copyfile(prepared / folds.TABLE, folder / folds.TABLE)
    orders = pd.read_parquet(prepared / "train.parquet")
    groups = _hashes(_groups(prepared, 1)[0])
    for repeat, fold_of in pd.read_parquet(prepared / folds.TABLE).items():
        for fold in range(fold_of.max() + 1):
            teach, out = folds.held_out(fold_of.to_numpy(), fold)
            taught, held = orders.iloc[teach], orders.iloc[out]
            own_groups = None if groups is None else groups[teach]
            place = folder / "folds" / f"{repeat}.{fold}"
            place.mkdir(parents=True)
            seen = [features.seen(taught, settings, contract, 0, learnt.forward, own_groups)]
            own = features.fit(seen, settings, contract)
            own.save(place / "featuriser.json")
            without = out_of_fold.fit(own, seen)
            numbers = _numbers(own, taught, without, 0, own_groups)
            partitions.write(numbers, place / "train.parquet")
            partitions.write(_numbers(own, held), place / "valid.parquet")


def _transform(
    featuriser: Featuriser,
    source: Path,
    path: Path,
    part: tuple[tuple[Featuriser, ...], int, Path | None],
) -> None:
    """Write a partition as numbers; that of train rows as those see them that learn from others."""
    without, first, groups = part
    numbers = _numbers(featuriser, pd.read_parquet(source), without, first, _hashes(groups))
    partitions.write(numbers, path)


def _numbers(
    featuriser: Featuriser,
    orders: pd.DataFrame,
    without: tuple[Featuriser, ...] = (),
    first: int = 0,
    groups: np.ndarray | None = None,
) -> pd.DataFrame:
    if without:
        matrix = out_of_fold.transform(without, orders, first, groups)
        table = pd.DataFrame(matrix, columns=list(featuriser.columns))
    else:
        columns = (np.asarray(values, np.float64) for values in featuriser.each(orders))
        table = pd.DataFrame(dict(zip(featuriser.columns, columns, strict=True)), copy=False)
    table[featuriser.target] = orders[featuriser.target].to_numpy()
    return table


if __name__ == "__main__":
    run(main)
