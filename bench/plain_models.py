"""Plain HistGradientBoosting and XGBoost: their defaults, NaN and categories native.

What a person gets from the prepared rows with no pipeline at all: the bar for `make bench-tables`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

from sales import files
from sales.contract import Contract
from sales.engine import partitions

MOST_LEVELS = 255  # of a category that HistGradientBoosting takes as one
ROUNDS = 100  # XGBRegressor's default, whose other defaults are those of xgboost.train
DAY = 86_400_000  # milliseconds


def table(prepared: Path, *parts: str) -> pd.DataFrame:
    """Return the rows of some parts of data/prepared/, in their order."""
    return pd.concat(
        [partitions.read(partitions.of(prepared / f"{part}.parquet")) for part in parts],
        ignore_index=True,
    )


def columns(contract: Contract) -> list[str]:
    """Return what a plain model sees: all columns that are read, but the id and the target."""
    return [name for name in contract.required if name not in (contract.id, contract.target)]


def matrix(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the columns as a plain model takes them: numbers, categories, dates as days."""
    found: dict[str, pd.Series] = {}
    for name in columns(contract):
        values = rows[name]
        if contract.columns[name].role == "date":
            days = values.astype("datetime64[ms]").astype("int64") / DAY
            found[name] = days.where(values.notna())
        elif contract.columns[name].role == "categorical":
            found[name] = values.astype("category")
        else:
            found[name] = values.astype(np.float64)
    return pd.DataFrame(found)


def known(X_test: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
    """Return the test rows by the levels that were learnt from: another one is missing.

    XGBoost refuses what it has not seen, and a level has to have one code in both.
    """
    dtypes = {str(name): X[name].dtype for name in X.select_dtypes("category")}
    return X_test.astype(dtypes)


def hist_gradient_boosting(X: pd.DataFrame, y: np.ndarray, X_test: pd.DataFrame) -> np.ndarray:
    """Return its predictions; a category that has too many levels for it is taken as its codes."""
    many = [str(n) for n in X.select_dtypes("category") if len(X[n].cat.categories) > MOST_LEVELS]
    X, X_test = (
        part.assign(**{n: part[n].cat.codes.astype(float).replace(-1, np.nan) for n in many})
        for part in (X, X_test)
    )
    model = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
    return np.asarray(model.fit(X, y).predict(X_test))


def xgboost_(X: pd.DataFrame, y: np.ndarray, X_test: pd.DataFrame) -> np.ndarray:
    """Return its predictions."""
    learnt_from = xgboost.DMatrix(X, y, enable_categorical=True)
    booster = xgboost.train({"tree_method": "hist"}, learnt_from, ROUNDS)
    return booster.predict(xgboost.DMatrix(X_test, enable_categorical=True)).astype(np.float64)


MODELS = {"hist_gradient_boosting": hist_gradient_boosting, "xgboost": xgboost_}


def predictions(prepared: Path, contract: Path, parts: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what each predicts for the test rows, learnt from some of the other parts."""
    held = Contract.model_validate(files.read_json(contract))
    rows, test = table(prepared, *parts), table(prepared, "test")
    X, y = matrix(rows, held), rows[held.target].to_numpy(np.float64)
    X_test = known(matrix(test, held), X)
    return {name: model(X, y, X_test) for name, model in MODELS.items()}
