"""LightGBM on a cluster: the workers sum their histograms, and score the same valid rows.

LightGBM does not merge metrics over machines (github.com/lightgbm-org/LightGBM/issues/6351): where
each worker scores valid rows of its own, one stops a round before another, and that one waits for
ever. So each of them scores the same.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any, cast

import lightgbm
import numpy as np
import pandas as pd
from distributed import Client, Future
from lightgbm.callback import CallbackEnv

from sales.engine.cluster import Cluster
from sales.estimators import TrainingFiles
from sales.estimators.fitting import shares, spreads, watch
from sales.estimators.lightgbm import (
    Booster,
    Params,
    finished,
    fit,
    settings,
    stopping,
    taken,
)

MOST = 1_000_000  # valid rows, which every worker holds
# What of the network LightGBM writes into the model's file: it is another one in each run.
NETWORK = r"^\[(machines|local_listen_port|num_threads|time_out): .*\]\n"


class InOrder:
    """A Dask client that tells who has what in the order that it is asked.

    LightGBM ranks the workers by that order, and what it learns depends on the ranks; Dask's own
    order is another one in each run.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def who_has(self, futures: Sequence[Future]) -> dict[Any, Sequence[str]]:
        """Return the addresses of the workers that hold each future, by its key."""
        found = self.client.who_has(futures)
        return {future.key: found[future.key] for future in futures}


class SameScores:
    """LightGBM's callback: scores the train rows of this worker, and the valid rows of all.

    It puts the scores where LightGBM's own callbacks, which come later, look for them: those record
    them and stop the training.
    """

    def __init__(self, valid: Sequence[shares.Piece], rows: TrainingFiles) -> None:
        self.order = 0  # LightGBM's own have 10 and more
        self.valid, self.rows = valid, rows

    def __call__(self, env: CallbackEnv) -> None:
        """Score after a round; before the first score, read the valid rows."""
        booster: Any = env.model
        if env.iteration == env.begin_iteration:
            X = shares.load(self.valid, self.rows.columns)
            y = shares.column(self.valid, self.rows.target, self.rows.forward)
            train = booster.train_set
            booster.add_valid(train.create_valid(X, y, params=train.get_params()), "valid")
        scores: Any = env.evaluation_result_list
        scores[:] = [*booster.eval_train(), booster.eval_valid(_rmse)[-1]]


def _rmse(predicted: np.ndarray, rows: lightgbm.Dataset) -> tuple[str, float, bool]:
    """Return the RMSE, summed in one order: LightGBM's own depends on a worker's threads."""
    return "rmse", float(np.sqrt(np.mean((predicted - rows.get_label()) ** 2))), False


def fit_on(engine: Cluster, params: Params, rows: TrainingFiles) -> tuple[Booster, pd.DataFrame]:
    """Return the booster and its curve over the rounds.

    The train curve is of the first worker's share; the valid curve, and with it the early stopping,
    of all valid rows, or of `MOST` drawn by the seed. With the same number of workers the booster
    is the same bytes. Raises PipelineError for a lost worker.
    """
    log = logging.getLogger("lightgbm.dask")
    log.setLevel(logging.ERROR)  # it says which ports it looks for
    lightgbm.register_logger(log)
    params = shares.decided(params, rows, fit)
    spread = spreads.over(engine.map, rows)
    client = engine.client
    addresses = shares.workers(client, rows.train)
    valid = shares.drawn(rows.valid, MOST, params.seed)
    scores = SameScores(valid, rows)

    def train(rounds: watch.Rounds) -> tuple[Booster, pd.DataFrame]:
        X, y = shares.on(client, addresses, rows.train, rows.columns, rows.target, rows.forward)
        learner = lightgbm.DaskLGBMRegressor(
            client=cast("Client", InOrder(client)),
            n_estimators=params.n_estimators,
            **settings(params),
        ).fit(
            X,
            y,
            callbacks=[scores, rounds, *stopping(params, spread)],
            **taken(params, rows.levels),
        )
        booster = learner.booster_
        text = re.sub(NETWORK, "", booster.model_to_string(num_iteration=-1), flags=re.MULTILINE)
        plain = lightgbm.Booster(model_str=text)
        plain.best_iteration = booster.best_iteration
        return finished(plain, learner.evals_result_)

    return watch.watched(client, addresses, "lightgbm", params.n_estimators, train)
