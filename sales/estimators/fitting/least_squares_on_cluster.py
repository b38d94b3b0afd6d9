"""Least squares on the cluster: what its partitions sum up to is what one machine sums up."""

from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from sales.engine import Engine, partitions
from sales.estimators import TrainingFiles

Model = TypeVar("Model")


def fit_on(
    fit_partitions: Callable[..., tuple[Model, pd.DataFrame]],
    engine: Engine,
    params: Any,
    rows: TrainingFiles,
) -> tuple[Model, pd.DataFrame]:
    """Return what a model's `fit_partitions` makes of all train rows, and its curve.

    The same as on one machine, but for the rounding of its coefficients.
    """
    train, valid = ([*part] for part in (rows.train, rows.valid))
    return fit_partitions(
        params,
        rows.levels,
        engine.map,
        rows.matrix,
        (train, partitions.rows(train)),
        (valid, partitions.rows(valid)),
        rows.holes,
    )
