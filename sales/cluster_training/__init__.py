"""Training on the Dask cluster, a module for each estimator that has a distributed form.

Each offers `fit_on(engine, params, rows) -> (estimator, curve)`, with the parameters and the class
of sales/estimators. The others learn from a sample.
"""

from importlib import import_module
from types import ModuleType

NAMES = ("linear_regression", "xgboost", "lightgbm")


def module(name: str) -> ModuleType | None:
    """Return the module of an estimator, None for one that a cluster cannot train."""
    return import_module(f"{__name__}.{name}") if name in NAMES else None
