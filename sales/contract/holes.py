"""What stands for a value that is not there, and what becomes of it in an expression."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

# What a text cell that holds nothing may say, unless the contract names it among a column's values.
MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"))
NAT = np.iinfo(np.int64).min  # a date that is none, as a number
MANY = 10_000  # rows from which on it pays to look for what comes again


def gone(value: Any) -> Any:
    """Return where there is no value: for a single one a truth value, else an array of them.

    >>> gone(2.5), gone(None), gone(float("nan")), gone("Austin")
    (False, True, True, False)
    >>> gone(np.array([1.0, np.nan])).tolist()
    [False, True]
    """
    if value is None or isinstance(value, str | int | float):
        return value is None or value != value
    return pd.isna(np.asarray(value))


def missing(value: Any) -> Any:
    """Return 1 where there is no value, else 0."""
    return gone(value) * 1.0


def coalesce(value: Any, other: Any) -> Any:
    """Return the values, and where there is none, the other's."""
    unknown = gone(value)
    return np.where(unknown, other, value) if np.any(unknown) else value


def chosen(condition: Any, value: Any, other: Any) -> Any:
    """Return the one or the other's values; none where nobody knows which."""
    found, unknown = np.where(condition, value, other), gone(condition)
    return _none(found, unknown)


def power(base: Any, exponent: Any) -> Any:
    """Return powers in float64; none where either is missing, even of 1, or to the 0th."""
    found = np.power(np.asarray(base, np.float64), exponent)
    return _none(found, gone(base) | gone(exponent))


def compared(how: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a comparison that gives 1.0 or 0.0, and none where either side is missing."""

    def compare(left: Any, right: Any) -> Any:
        return _none(how(left, right) * 1.0, gone(left) | gone(right))

    return compare


def of_dates(part: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], np.ndarray]:
    """Return a part of dates that is none where a date is."""

    def told(dates: Any) -> np.ndarray:
        dates = np.asarray(dates)
        found, unknown = part(dates), np.isnat(dates)
        return np.where(unknown, np.nan, found) if unknown.any() else found

    return told


def of_days(part: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], np.ndarray]:
    """Return a part of dates that all instants of a day share, none where a date is.

    Of many rows it is told once a day: in a table, days come again and again.
    """
    plain = of_dates(part)

    def told(dates: Any) -> np.ndarray:
        dates = np.asarray(dates)
        if dates.size < MANY:
            return plain(dates)
        days = dates.astype("datetime64[D]").astype(np.int64)
        low, high = int(days.min()), int(days.max())
        if low == NAT or high - low >= dates.size:
            return plain(dates)
        return part(np.arange(low, high + 1).astype("datetime64[D]"))[days - low]

    return told


def _none(found: Any, unknown: Any) -> Any:
    if not np.any(unknown):
        return found
    nothing = np.datetime64("NaT") if np.asarray(found).dtype.kind == "M" else np.nan
    return np.where(unknown, nothing, found)
