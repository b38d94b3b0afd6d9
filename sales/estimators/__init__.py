"""The regressors, a module each: its parameters, its fit with a learning curve, its file.

Every module offers `Params`, `fit(params, data) -> (estimator, curve)`, `load` and a class that is
an `Estimator`. Models are saved in formats that hold numbers only, never pickled objects:
loading one cannot run code, and the same model is the same bytes. Where a Dask cluster can fit
one, `<name>_on_cluster` beside it offers `fit_on(engine, params, rows) -> (estimator, curve)`.
Imports engine and the ground.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from sales import files
from sales.errors import PipelineError

if TYPE_CHECKING:
    import numpy as np  # the gate and register, which ask for names only, start sooner

NAMES = (
    "linear_regression",
    "polynomial_regression",
    "random_forest",
    "hist_gradient_boosting",
    "xgboost",
    "lightgbm",
)
ENSEMBLE = "ensemble"  # of some of these: only where `train.ensemble` asks for it, and two pass
# The others learn from a sample there.
ON_CLUSTER = ("linear_regression", "polynomial_regression", "xgboost", "lightgbm")


@dataclass(frozen=True)
class TrainingData:
    """Feature matrices (rows × features) and targets of the train and valid rows.

    `columns` names the features; `levels` gives for each its number of categories, or 0 where it
    is a number. `holes` tells which some train row lacks, the value being NaN; empty, none.
    """

    columns: tuple[str, ...]
    levels: tuple[int, ...]
    X: "np.ndarray"
    y: "np.ndarray"
    X_valid: "np.ndarray"
    y_valid: "np.ndarray"
    holes: tuple[bool, ...] = ()


@dataclass(frozen=True)
class TrainingFiles:
    """The same as partitions, each too large to hold them all: Parquet files of both parts.

    They hold the columns, and the target beside them; `forward` makes of it what is learnt.
    """

    columns: tuple[str, ...]
    levels: tuple[int, ...]
    target: str
    train: tuple[Path, ...]
    valid: tuple[Path, ...]
    holes: tuple[bool, ...] = ()
    forward: "Callable[[np.ndarray], np.ndarray] | None" = None

    def matrix(self, path: Path) -> "tuple[np.ndarray, np.ndarray]":
        """Return a partition's feature matrix, and targets as they are learnt."""
        import pandas as pd  # here, not above: the gate, which asks for names only, starts sooner

        table = pd.read_parquet(path)
        y = table[self.target].to_numpy()
        return table[list(self.columns)].to_numpy(), self.forward(y) if self.forward else y


@dataclass(frozen=True)
class Contributions:
    """An expected prediction, and what each feature of one row adds to it.

    Together they are the row's prediction, but for rounding. A `caveat` tells people what is
    unusual about them. `terms` are those amounts that features make together, where a model knows
    them: the numbers of the features, and what they add; a feature's amount holds its share.
    """

    baseline: float
    amounts: "np.ndarray"
    caveat: str | None = None
    terms: tuple[tuple[tuple[int, ...], float], ...] = ()


class Estimator(Protocol):
    """A fitted regressor."""

    def predict(self, X: "np.ndarray") -> "np.ndarray":
        """Return one float64 prediction for each row of `X`, the same whatever the thread count."""

    def contributions(self, row: "np.ndarray") -> Contributions:
        """Return what each feature of a row adds to the expected prediction."""

    def save(self, folder: Path) -> None:
        """Write the regressor into an existing folder."""


def module(name: str) -> ModuleType:
    """Return the module of an estimator; only its own library is imported.

    >>> module("linear_regression").Params.__doc__
    'See `train.linear_regression` in params.yaml.'
    >>> module("ridge")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sales.errors.PipelineError: unknown model 'ridge'; known: linear_regression, ...
    """
    if name not in (*NAMES, ENSEMBLE):
        raise PipelineError(f"unknown model '{name}'; known: {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")


def on_cluster(name: str) -> ModuleType | None:
    """Return the module that fits an estimator on a cluster, None where none can."""
    return import_module(f"{__name__}.{name}_on_cluster") if name in ON_CLUSTER else None


def trained(models: Path) -> tuple[str, ...]:
    """Return the models whose folders lie there: the ensemble only where one was made."""
    return (*NAMES, ENSEMBLE) if (models / ENSEMBLE / "model.json").is_file() else NAMES


def evaluated(metrics: Path) -> tuple[str, ...]:
    """Return the models that were evaluated: where no ensemble was made, its metrics are empty."""
    path = metrics / f"{ENSEMBLE}.json"
    return (*NAMES, ENSEMBLE) if path.is_file() and files.read_json(path) else NAMES


@contextmanager
def without(package: str, needing: str | None = None) -> Iterator[None]:
    """Let imports in the block find no such package, unless it is there already.

    XGBoost and LightGBM take most of a second to import scikit-learn, for classes that nobody uses
    here. They do without where there is none, as in the service's image. Where a package is
    installed that is `needing` it, it is found.
    """
    if package in sys.modules or (needing and find_spec(needing)):
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # Python's sign for: cannot be found
    try:
        yield
    finally:
        del sys.modules[package]
