"""LightGBM, stopped early on the valid rows and cut back to its best round."""

import re
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
from sales.estimators.fitting.learning_curve import learning_curve
from sales.estimators.trees import alike
from sales.params import Group

with without("sklearn", needing="distributed"):  # Dask's training is by scikit-learn's classes
    import lightgbm

if TYPE_CHECKING:
    from sales.estimators.trees.shap import Paths

FILE = "booster.txt"
MANY = 1_000  # rows that are worth being put in order
# Parameters of ours that do not go into LightGBM's own.
NOT_LIGHTGBMS = {
    "n_estimators",
    "early_stopping_rounds",
    "early_stopping_min_delta",
    "subsample",
    "categories",
}


class Params(Group):
    """See `train.lightgbm` in params.yaml."""

    n_estimators: int = Field(ge=1, le=100_000)
    learning_rate: float = Field(gt=0, le=1)
    num_leaves: int = Field(ge=2, le=131_072)
    min_child_samples: int = Field(ge=1)
    subsample: float = Field(gt=0, le=1)
    colsample_bytree: float = Field(gt=0, le=1)
    reg_lambda: float = Field(ge=0)
    max_bin: int = Field(ge=2, le=65_536)
    early_stopping_rounds: int | None = Field(ge=1)
    early_stopping_min_delta: float = Field(ge=0, le=0.01)
    categories: Categories = "codes"
    seed: int = Field(ge=0)


@dataclass(frozen=True)
class Booster:
    """A booster that holds no more rounds than it uses."""

    booster: lightgbm.Booster

    @property
    def native(self) -> bool:
        """Whether some feature is a category whose levels are parted into sets."""
        header = self.booster.model_to_string(num_iteration=1)
        [infos] = re.findall(r"^feature_infos=(.*)$", header, re.MULTILINE)
        numbers = ("[", "none")  # [least:largest], or of a constant
        return not all(info.startswith(numbers) for info in infos.split())

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predictions of `X`; many rows go through the trees like after like."""
        if len(X) < MANY:
            return np.asarray(self.booster.predict(X), dtype=np.float64)
        order = alike.order(X, self._splits)
        predicted = np.empty(len(X))
        predicted[order] = self.booster.predict(np.ascontiguousarray(X[order]))
        return predicted

    @cached_property
    def _splits(self) -> np.ndarray:
        """How many splits there are on each feature."""
        return self.booster.feature_importance("split")

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return TreeSHAP's own, in float64: LightGBM's but for its last digits, sooner."""
        return self._paths.contributions(row)

    @cached_property
    def _paths(self) -> "Paths":
        from sales.estimators.trees import shap  # few are asked why

        return shap.of([treelite.frontend.from_lightgbm(self.booster)])

    def save(self, folder: Path) -> None:
        """Write LightGBM's own text format."""
        (folder / FILE).write_text(self.booster.model_to_string(), encoding="utf-8")


def load(folder: Path) -> Booster:
    """Return the booster that `save` wrote."""
    return Booster(lightgbm.Booster(model_file=folder / FILE))


def settings(params: Params) -> dict[str, Any]:
    """Return what LightGBM is told, on one machine or many."""
    return params.model_dump(exclude=NOT_LIGHTGBMS) | {
        "objective": "regression",
        "metric": "rmse",
        "bagging_fraction": params.subsample,
        "bagging_freq": int(params.subsample < 1),
        # The same trees and the same file whatever the machine and its number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }


def taken(params: Params, levels: tuple[int, ...]) -> dict[str, Any]:
    """Return what LightGBM is told of the features beside their values: which are categories."""
    native = categories.native(params, levels)
    if not any(native):
        return {}
    return {"categorical_feature": [i for i, one in enumerate(native) if one]}


def stopping(params: Params, spread: float) -> list[Callable[..., Any]]:
    """Return the callback that ends training when rows but those of training no longer gain.

    `spread` is the train targets' standard deviation, in shares of which a gain counts. One
    digit of it: rows that are nearly the same stop training at the same gain.
    """
    if not params.early_stopping_rounds:
        return []
    return [
        lightgbm.early_stopping(
            params.early_stopping_rounds,
            verbose=False,
            min_delta=params.early_stopping_min_delta * float(f"{spread:.0e}"),
        )
    ]


def finished(booster: lightgbm.Booster, history: Mapping[str, Any]) -> tuple[Booster, pd.DataFrame]:
    """Return the booster, cut back to its best round if it was stopped, and its curve."""
    curves = [history[split]["rmse"] for split in ("training", "valid")]
    best = booster.model_to_string(num_iteration=booster.best_iteration)
    curve = learning_curve(range(1, len(curves[0]) + 1), curves)
    return Booster(lightgbm.Booster(model_str=best)), curve


def fit(params: Params, data: TrainingData) -> tuple[Booster, pd.DataFrame]:
    """Return the booster and its curve over the rounds."""
    params = categories.decided(params, data, fit)
    told = settings(params)
    train = lightgbm.Dataset(data.X, data.y, params=told, **taken(params, data.levels))
    valid = train.create_valid(data.X_valid, data.y_valid)
    history: dict[str, dict[str, list[float]]] = {}
    with tqdm(
        total=params.n_estimators, desc="lightgbm", unit="round", leave=None, disable=None
    ) as bar:

        def progress(_: Any) -> None:
            bar.update()

        booster = lightgbm.train(
            told,
            train,
            num_boost_round=params.n_estimators,
            valid_sets=[train, valid],
            valid_names=["training", "valid"],  # the name "training" keeps it out of the stopping
            callbacks=[
                progress,
                lightgbm.record_evaluation(history),
                *stopping(params, spreads.of_target(data.y)),
            ],
        )
    return finished(booster, history)
