"""Train rows as a model sees them: a category that is one number is learnt from other rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from sales.models import target_encoding
from sales.models.features import Featuriser, Seen


def fit(featuriser: Featuriser, partitions: Sequence[Seen]) -> tuple[Featuriser, ...]:
    """Return a featuriser for each fold that has looked at no target of it.

    None where no category is one number: then train rows are as any others.
    """

    def amounts(name: str, fold: int) -> tuple[float, ...]:
        told = [each.amounts[name] for each in partitions if name in each.amounts]
        return target_encoding.fitted(told, hole=name in featuriser.holes, without=fold)

    folds = range(target_encoding.FOLDS) if featuriser.encoded else ()
    return tuple(
        replace(featuriser, encoded={name: amounts(name, fold) for name in featuriser.encoded})
        for fold in folds
    )


def transform(
    each: Sequence[Featuriser],
    train: pd.DataFrame,
    first: int = 0,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Return the matrix of train rows, each row by its fold's featuriser.

    `first` is the number of the first row among all train rows, `groups` the hash of each row's
    group, where rows come in such: both as `features.seen` was told them.
    """
    fold = target_encoding.folds(first, len(train), groups)
    matrix = np.empty((len(train), len(each[0].columns)))
    for number, featuriser in enumerate(each):
        own = fold == number
        matrix[own] = featuriser.transform(train[own])
    return matrix
