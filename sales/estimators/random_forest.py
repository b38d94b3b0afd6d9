"""A random forest near the published one, bounded in size."""

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pandas as pd
import treelite
from pydantic import Field
from tqdm import tqdm

from sales.estimators import TrainingData
from sales.estimators.fitting.learning_curve import learning_curve
from sales.estimators.trees import treelite_ensemble
from sales.estimators.trees.treelite_ensemble import TreeliteEnsemble
from sales.params import Group

load = treelite_ensemble.load
TREES_A_STEP = 10  # grown at once
NODES_A_PART = 800_000  # then its trees are laid down: scikit-learn's and Treelite's take as much
CURVE_ROWS = 2_000  # rows of either part in the learning curve


class Params(Group):
    """See `train.random_forest` in params.yaml."""

    n_estimators: int = Field(ge=1, le=10_000)
    max_features: Literal["sqrt", "log2"] | float = Field(default="sqrt")
    max_leaf_nodes: int | None = Field(ge=2)
    min_samples_leaf: int = Field(ge=1)
    max_rows: int | None = Field(ge=100)
    seed: int = Field(ge=0)


def fit(params: Params, data: TrainingData) -> tuple[TreeliteEnsemble, pd.DataFrame]:
    """Return the forest and its curve over the number of trees, on the first rows.

    Growing it a few trees at a time gives the same trees as growing it at once, and keeps
    scikit-learn's and Treelite's form of a large forest from standing in memory side by side.
    While some grow, those before them are scored and laid down.
    """
    # Here, not above: whoever only loads and predicts is spared a second of imports.
    from sklearn.ensemble import RandomForestRegressor

    settings = params.model_dump(exclude={"seed", "n_estimators", "max_rows"})
    few = params.max_rows is not None and params.max_rows < len(data.y)
    forest = RandomForestRegressor(
        n_estimators=0,
        warm_start=True,
        random_state=params.seed,
        n_jobs=-1,
        max_samples=params.max_rows if few else None,
        **settings,
    )
    curves = [_Curve(data.X, data.y), _Curve(data.X_valid, data.y_valid)]
    parts, growing = [], []
    with tqdm(
        total=params.n_estimators, desc="random_forest", unit="tree", leave=None, disable=None
    ) as bar:
        for few in _one_ahead(_grown(forest, params.n_estimators, data)):
            for curve in curves:
                curve.add(few.estimators_)
            growing += few.estimators_
            last = len(curves[0].rmse) == params.n_estimators
            if last or sum(tree.tree_.node_count for tree in growing) > NODES_A_PART:
                parts.append(_laid_down(few, growing))
                growing = []
            bar.update(len(few.estimators_))
    steps = range(1, params.n_estimators + 1)
    ensemble = TreeliteEnsemble(tuple(parts))
    return ensemble, learning_curve(steps, [curve.rmse for curve in curves])


def _grown(forest: Any, trees: int, data: TrainingData) -> Iterator[Any]:
    """Grow a forest to so many trees; yield those of each step as a forest of their own."""
    while forest.n_estimators < trees:
        step = min(TREES_A_STEP, trees - forest.n_estimators)
        forest.n_estimators += step
        forest.fit(data.X, data.y)
        yield _of(forest, forest.estimators_[-step:])
        # A warm start only counts the trees that are there.
        forest.estimators_[-step:] = [None] * step


def _one_ahead(items: Iterator[Any]) -> Iterator[Any]:
    """Yield the items; while one is looked at, a thread already makes the next."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        coming = beside.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = beside.submit(next, items, None)
            yield item


def _of(forest: Any, trees: list[Any]) -> Any:
    """Return some of a forest's trees as a forest."""
    part = copy.copy(forest)
    part.estimators_, part.n_estimators = trees, len(trees)
    return part


def _laid_down(forest: Any, trees: list[Any]) -> treelite.Model:
    """Return some of a forest's trees as a Treelite model of their own."""
    [laid_down] = treelite_ensemble.of(_of(forest, trees)).parts
    return laid_down


class _Curve:
    """The RMSE of the first rows after each tree."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.X, self.y = X[:CURVE_ROWS].astype(np.float32), y[:CURVE_ROWS]
        self.total, self.rmse = np.zeros(len(self.y)), list[float]()

    def add(self, trees: list[Any]) -> None:
        from sklearn.metrics import root_mean_squared_error

        for tree in trees:
            self.total += tree.tree_.predict(self.X).ravel()
            mean = self.total / (1 + len(self.rmse))
            self.rmse.append(root_mean_squared_error(self.y, mean))
