"""Least squares on the cluster: the same as on one machine, to the rounding of its coefficients."""

import pandas as pd

from sales.engine import Engine, partitions
from sales.estimators import TrainingFiles
from sales.estimators.linear_regression import Linear, Params, fit_partitions


def fit_on(engine: Engine, params: Params, rows: TrainingFiles) -> tuple[Linear, pd.DataFrame]:
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
