"""What an estimator is fitted on: the train and valid rows, as the featurize stage left them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from sales.engine import partitions
from sales.estimators import TrainingData, TrainingFiles
from sales.models.features import Featuriser


def files(folder: Path) -> tuple[Featuriser, TrainingFiles]:
    """Return the fitted featuriser, and where the matrices of the train and valid rows lie."""
    featuriser = Featuriser.load(folder / "featuriser.json")
    train, valid = (
        tuple(partitions.of(folder.absolute() / f"{part}.parquet")) for part in ("train", "valid")
    )
    return featuriser, TrainingFiles(
        featuriser.columns,
        featuriser.sizes(),
        featuriser.target,
        train,
        valid,
        featuriser.lacking(),
    )


def read(folder: Path, most: int | None = None, seed: int = 0) -> tuple[Featuriser, TrainingData]:
    """Return the fitted featuriser, and the matrices of the train and valid rows.

    Of a part with more than `most` rows so many are drawn by the seed, in the order of the rows.
    """
    featuriser, found = files(folder)
    wanted = [*found.columns, found.target]
    parts = []
    for part in ("train", "valid"):
        own = getattr(found, part)
        rows = sum(partitions.rows(own))
        if most is None or rows <= most:
            table = partitions.read(own, wanted)
        else:
            drawn = np.random.default_rng(seed).permutation(rows)[:most]
            table = partitions.take(own, np.sort(drawn), wanted)
        parts += [table[list(found.columns)].to_numpy(), table[found.target].to_numpy()]
    X, y, X_valid, y_valid = parts
    return featuriser, TrainingData(
        found.columns, found.levels, X, y, X_valid, y_valid, found.holes
    )


def folds(folder: Path) -> pd.DataFrame | None:
    """Return the fold of each train row, a column a repeat; None where there is a valid part."""
    path = folder / "folds.parquet"
    return pd.read_parquet(path) if path.is_file() else None


def each_fold(folder: Path) -> Iterator[tuple[Featuriser, TrainingData]]:
    """Yield the same as `read` of each fold, repeat by repeat: its own rows are the valid ones."""
    for repeat, fold_of in (pd.DataFrame() if (all_ := folds(folder)) is None else all_).items():
        for fold in range(fold_of.max() + 1):
            yield read(folder / "folds" / f"{repeat}.{fold}")
