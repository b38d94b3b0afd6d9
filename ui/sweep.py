"""How the prediction moves with one field of an order, all others as they are."""

from typing import Any

import numpy as np

from sales.contract import Column

POINTS = 41


def values(column: Column, at: float, seen: dict[str, list[float]] | None) -> list[float]:
    """Return the values to try, `at` among them: over the range of the data, else of the contract.

    `seen` is the column's histogram. Without a bound anywhere, from nothing to twice `at`.
    """
    if seen and seen["rows"]:
        low, high = seen["bin_start"][0], seen["bin_end"][-1]
    else:
        low = float(column.min) if column.min is not None else min(0.0, 2 * at)
        high = float(column.max) if column.max is not None else max(2 * at, low + 1)
    low, high = min(low, at), max(high, at)
    tried = np.unique([*np.linspace(low, high, POINTS), at])
    if column.integer:
        tried = np.unique(np.round(tried))
    if column.min is not None:
        tried = tried[tried >= column.low]
    if column.max is not None:
        tried = tried[tried <= column.high]
    return tried.tolist()


def orders(order: dict[str, Any], field: str, tried: list[float]) -> list[dict[str, Any]]:
    """Return the order once for each value of the field."""
    return [{**order, field: value} for value in tried]
