"""The tables behind `dvc plots`: one row for each mark that is drawn.

Every float has `DIGITS` significant digits: a plot shows fewer, and the CSV files keep their bytes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

DIGITS = 6
LEAST = 1e-300  # below, floats are too few to make bins of


def significant(values: ArrayLike, digits: int = DIGITS) -> np.ndarray:
    """Return the values as float64 with `digits` significant digits, never -0.0.

    NaN and infinity stay what they are.
    """
    array = np.asarray(values, np.float64)
    rounded = [float(f"{value:.{digits}g}") for value in array.ravel()]
    return np.array(rounded, np.float64).reshape(array.shape) + 0.0


def rmse_table(metrics: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return model, split, rmse from each model's metrics; a score that is None is left out."""
    rows = [
        (model, split, scored[split]["rmse"])
        for model, scored in metrics.items()
        for split in ("train", "valid", "test")
        if scored[split]["rmse"] is not None
    ]
    return _table(rows, "model", "split", "rmse")


def drawn(count: int, rows: int, seed: int) -> np.ndarray:
    """Return at most `rows` of `count` positions, rising; the seed and both numbers decide which.

    So that all models are drawn on the same rows.
    """
    return np.sort(np.random.default_rng(seed).permutation(count)[:rows])


def prediction_rows(model: str, true: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Return model, true, predicted, residual (predicted - true)."""
    return pd.DataFrame(
        {
            "model": model,
            "true": significant(true),
            "predicted": significant(predicted),
            "residual": significant(predicted - true),
        }
    )


def residual_histogram(model: str, within: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Return model, bin_start, bin_end, rows of the model's counted residuals."""
    table = bin_table(within, rows)
    table.insert(0, "model", model)
    return table


def edges(low: float, high: float, bins: int) -> np.ndarray:
    """Return the bins + 1 edges of equal bins from the least value to the largest.

    Values too close together for edges of `DIGITS` digits, a constant say, get bins around them.
    """
    largest = max(abs(low), abs(high))
    if high - low <= max(largest / 1000, LEAST):
        around = largest if largest > LEAST else 1.0
        low, high = low - around / 2, high + around / 2
    return np.linspace(low, high, bins + 1)


def bin_table(edges: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Return bin_start, bin_end, rows of counted bins."""
    edges = significant(edges)
    return pd.DataFrame({"bin_start": edges[:-1], "bin_end": edges[1:], "rows": rows})


def slices_table(
    slices: Mapping[str, Mapping[str, tuple[int, float, float | None]]],
) -> pd.DataFrame:
    """Return model, slice, rows, rmse, coverage_pct from each model's scores by slice."""
    rows = [
        (model, name, *score) for model, scored in slices.items() for name, score in scored.items()
    ]
    return _table(rows, "model", "slice", "rows", "rmse", "coverage_pct")


def importance_table(importances: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return model, feature, importance, most important first; the plot keeps this order."""
    rows = [
        (model, feature, value)
        for model, features in importances.items()
        for feature, value in sorted(features.items(), key=lambda item: (-item[1], item[0]))
    ]
    return _table(rows, "model", "feature", "importance")


def _table(rows: list[tuple[Any, ...]], *columns: str) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(columns))
    floats = table.select_dtypes("float").columns
    return table.assign(**{column: significant(table[column]) for column in floats})
