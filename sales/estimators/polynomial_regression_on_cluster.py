"""Least squares on products on the cluster: the same as on one machine, but for their rounding."""

import pandas as pd

from sales.engine import Engine, partitions
from sales.estimators import TrainingFiles
from sales.estimators.polynomial_regression import Params, Polynomial, fit_partitions


def fit_on(engine: Engine, params: Params, rows: TrainingFiles) -> tuple[Polynomial, pd.DataFrame]:
    """Return the regression on all train rows, and its curve."""
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
