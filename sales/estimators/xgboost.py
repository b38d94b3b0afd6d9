"""XGBoost, stopped early on the valid rows and cut back to its best round."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import treelite
from pydantic import Field
from tqdm import tqdm

from sales.estimators import Contributions, TrainingData, without
from sales.estimators.fitting import categories, spreads
from sales.estimators.fitting.categories import Categories
from sales.estimators.fitting.learning_curve import kept, learning_curve
from sales.estimators.trees import descent
from sales.estimators.trees.descent import TreeWalk
from sales.params import Group

with without("sklearn"):
    import xgboost

if TYPE_CHECKING:
    from sales.estimators.trees.shap import Paths

FILE = "booster.ubj"
NUMBER, CATEGORY = "float", "c"  # XGBoost's names for what a feature is
FEW = 4  # rows that are answered faster without XGBoost's own runtime
MANY = 1_000  # rows that are worth a call for each block of trees
BLOCK = 1 << 20  # bytes of trees that a core's own cache holds while all rows go through them
# Parameters of ours that do not go into XGBoost's own.
NOT_XGBOOSTS = {
    "n_estimators",
    "early_stopping_rounds",
    "early_stopping_min_delta",
    "interactions",
    "categories",
}


class Params(Group):
    """See `train.xgboost` in params.yaml."""

    n_estimators: int = Field(ge=1, le=100_000)
    learning_rate: float = Field(gt=0, le=1)
    max_depth: int = Field(ge=1, le=32)
    min_child_weight: float = Field(ge=0)
    subsample: float = Field(gt=0, le=1)
    colsample_bytree: float = Field(gt=0, le=1)
    colsample_bynode: float = Field(gt=0, le=1)
    reg_lambda: float = Field(ge=0)
    max_bin: int = Field(ge=2, le=65_536)
    interactions: tuple[tuple[str, ...], ...] = ()
    early_stopping_rounds: int | None = Field(ge=1)
    early_stopping_min_delta: float = Field(ge=0, le=0.01)
    categories: Categories = "codes"
    seed: int = Field(ge=0)


@dataclass(frozen=True)
class Booster:
    """A booster that holds no more rounds than it uses."""

    booster: xgboost.Booster

    @property
    def native(self) -> bool:
        """Whether some feature is a category whose levels are parted into sets."""
        return CATEGORY in (self.booster.feature_types or ())

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predictions; XGBoost computes in float32.

        It lays out every tree anew for each call, which a few rows do not repay. Of many rows it
        takes 64 at a time through all trees, which for some MB of them come from memory each time.
        So here they go through one block of trees after the other, each going on from the sum of
        those before, as within one call: the same additions in the same order, the same bits, in
        half the time.
        """
        if len(X) <= FEW:
            return np.array([self._walk.predict(row) for row in X])
        if len(X) < MANY:
            return np.asarray(self.booster.inplace_predict(X), dtype=np.float64)
        rounds, sums = self.booster.num_boosted_rounds(), None
        for first in range(0, rounds, self._rounds_a_block):
            block = (first, min(first + self._rounds_a_block, rounds))
            sums = self.booster.inplace_predict(X, iteration_range=block, base_margin=sums)
        return np.asarray(sums, dtype=np.float64)

    @cached_property
    def _rounds_a_block(self) -> int:
        """How many rounds' trees fill a block; all have much the same size."""
        rounds = self.booster.num_boosted_rounds()
        return max(1, rounds * BLOCK // len(self.booster.save_raw()))

    @cached_property
    def _walk(self) -> TreeWalk:
        return descent.of(self.booster)

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return TreeSHAP's own, in float64: the sum is the float32 prediction to six digits or so.

        XGBoost's own differs from it as float32 does, and takes four times as long.
        """
        return self._paths.contributions(row)

    @cached_property
    def _paths(self) -> "Paths":
        from sales.estimators.trees import shap  # few are asked why

        return shap.of([treelite.frontend.from_xgboost(self.booster)])

    def save(self, folder: Path) -> None:
        """Write XGBoost's own binary JSON."""
        self.booster.save_model(folder / FILE)


def load(folder: Path) -> Booster:
    """Return the booster that `save` wrote."""
    return Booster(xgboost.Booster(model_file=folder / FILE))


def taken(params: Params, levels: tuple[int, ...]) -> dict[str, Any]:
    """Return what XGBoost is told of the features beside their values: which are categories."""
    native = categories.native(params, levels)
    if not any(native):
        return {}
    types = [CATEGORY if one else NUMBER for one in native]
    return {"feature_types": types, "enable_categorical": True}


def _interaction_groups(
    named: tuple[tuple[str, ...], ...], columns: tuple[str, ...]
) -> list[list[int]]:
    """Return groups of feature numbers that may meet on a branch; the unnamed form the last one.

    Names that the feature set does not have are passed over; no group left means no constraint.
    """
    groups = [[columns.index(name) for name in group if name in columns] for group in named]
    groups = [group for group in groups if group]
    rest = [i for i in range(len(columns)) if not any(i in group for group in groups)]
    return [*groups, rest] if groups and rest else groups


class Progress(xgboost.callback.TrainingCallback):
    """Calls `tell` after each round."""

    def __init__(self, tell: Callable[[], object]) -> None:
        super().__init__()
        self.tell = tell

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        """Tell, and do not stop."""
        self.tell()
        return False


def settings(params: Params, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return what XGBoost is told, whichever of its `train` is called."""
    told = {"objective": "reg:squarederror", "tree_method": "hist"}
    told |= params.model_dump(exclude=NOT_XGBOOSTS)
    if groups := _interaction_groups(params.interactions, columns):
        told["interaction_constraints"] = json.dumps(groups)
    return told


def stopping(params: Params, spread: float) -> list[xgboost.callback.TrainingCallback]:
    """Return the callback that ends training when the rows named `valid` no longer gain, if any.

    `spread` is the train targets' standard deviation, in shares of which a gain counts. One
    digit of it: rows that are nearly the same stop training at the same gain.
    """
    if not params.early_stopping_rounds:
        return []
    return [
        xgboost.callback.EarlyStopping(
            rounds=params.early_stopping_rounds,
            data_name="valid",
            min_delta=params.early_stopping_min_delta * float(f"{spread:.0e}"),
        )
    ]


def finished(
    params: Params, booster: xgboost.Booster, history: Mapping[str, Any]
) -> tuple[Booster, pd.DataFrame]:
    """Return the booster, cut back to its best round if it was stopped, and its curve."""
    curves = [history[split]["rmse"] for split in ("train", "valid")]
    if params.early_stopping_rounds:
        booster = booster[: booster.best_iteration + 1]
    return Booster(booster), learning_curve(range(1, len(curves[0]) + 1), curves)


class _Watch(xgboost.callback.TrainingCallback):
    """Takes the RMSE of rows at those rounds alone that the learning curve shows.

    For a training that nothing will stop: scoring each of its rounds takes a fifth of its time.
    """

    def __init__(self, rows: dict[str, xgboost.DMatrix], rounds: int) -> None:
        super().__init__()
        self.rows = [(matrix, name) for name, matrix in rows.items()]
        self.at = frozenset(kept(rounds).tolist())
        self.history = {name: {"rmse": [math.nan] * rounds} for name in rows}

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        if epoch in self.at:
            # "[7]\ttrain-rmse:5.1\tvalid-rmse:5.3"
            for scored in model.eval_set(self.rows, epoch).split()[1:]:
                name, rmse = scored.split("-rmse:")
                self.history[name]["rmse"][epoch] = float(rmse)
        return False  # do not stop


def fit(params: Params, data: TrainingData) -> tuple[Booster, pd.DataFrame]:
    """Return the booster and its curve over the rounds."""
    params = categories.decided(params, data, fit)
    told: dict[str, Any] = {"max_bin": params.max_bin, **taken(params, data.levels)}
    train = xgboost.QuantileDMatrix(data.X, data.y, **told)
    valid = xgboost.QuantileDMatrix(data.X_valid, data.y_valid, ref=train, **told)
    history: dict[str, dict[str, list[float]]] = {}
    watched: list[tuple[xgboost.DMatrix, str]] = []
    if params.early_stopping_rounds:
        callbacks = stopping(params, spreads.of_target(data.y))
        watched = [(train, "train"), (valid, "valid")]
    else:
        watch = _Watch({"train": train, "valid": valid}, params.n_estimators)
        callbacks, history = [watch], watch.history
    with tqdm(
        total=params.n_estimators, desc="xgboost", unit="round", leave=None, disable=None
    ) as bar:
        booster = xgboost.train(
            settings(params, data.columns),
            train,
            num_boost_round=params.n_estimators,
            evals=watched,
            evals_result=history,
            verbose_eval=False,
            callbacks=[Progress(bar.update), *callbacks],
        )
    return finished(params, booster, history)
