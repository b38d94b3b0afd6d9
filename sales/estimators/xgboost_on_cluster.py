"""XGBoost on a cluster: the workers sum their histograms, and the metrics that stop training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost.dask
from xgboost.core import XGBoostError

from sales.engine.cluster import Cluster
from sales.estimators import TrainingFiles
from sales.estimators.fitting import shares, spreads, watch
from sales.estimators.xgboost import (
    Booster,
    Params,
    Progress,
    finished,
    fit,
    settings,
    stopping,
    taken,
)

TORN = "comm_group.cc"  # names whence an error comes whose cause is the workers' own connections


def fit_on(engine: Cluster, params: Params, rows: TrainingFiles) -> tuple[Booster, pd.DataFrame]:
    """Return the booster and its curve over the rounds, both of all rows of all workers.

    With the same number of workers it is the same bytes. Raises PipelineError for a lost worker.
    """
    params = shares.decided(params, rows, fit)
    spread = spreads.over(engine.map, rows)
    client = engine.client
    addresses = shares.workers(client, rows.train, rows.valid)

    def matrix(
        parts: Sequence[Path], ref: xgboost.dask.DaskQuantileDMatrix | None = None
    ) -> xgboost.dask.DaskQuantileDMatrix:
        X, y = shares.on(client, addresses, parts, rows.columns, rows.target, rows.forward)
        told: dict[str, Any] = {"max_bin": params.max_bin, **taken(params, rows.levels)}
        return xgboost.dask.DaskQuantileDMatrix(client, X, y, ref=ref, **told)

    def train(rounds: watch.Rounds) -> tuple[Booster, pd.DataFrame]:
        learnt_from = matrix(rows.train)
        learnt = xgboost.dask.train(
            client,
            settings(params, rows.columns),
            learnt_from,
            num_boost_round=params.n_estimators,
            evals=[(learnt_from, "train"), (matrix(rows.valid, learnt_from), "valid")],
            verbose_eval=False,
            callbacks=[Progress(rounds), *stopping(params, spread)],
        )
        return finished(params, learnt["booster"], learnt["history"])

    return watch.watched(client, addresses, "xgboost", params.n_estimators, train, _torn)


def _torn(error: BaseException) -> bool:
    return isinstance(error, XGBoostError) and TORN in str(error)
