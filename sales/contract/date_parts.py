"""What an expression may ask of dates: their parts, and the days between two."""

from typing import Any

import numpy as np

from sales.contract.holes import gone, of_dates, of_days

DAY = 86_400_000  # milliseconds


def _of(dates: np.ndarray, unit: str) -> np.ndarray:
    return dates.astype(f"datetime64[{unit}]").astype(np.int64)


@of_days
def quarter(dates: np.ndarray) -> np.ndarray:
    """Return 1 to 4."""
    return _of(dates, "M") % 12 // 3 + 1


@of_days
def day(dates: np.ndarray) -> np.ndarray:
    """Return the day of the month, from 1."""
    return _of(dates, "D") - _of(dates.astype("datetime64[M]"), "D") + 1


@of_days
def day_of_year(dates: np.ndarray) -> np.ndarray:
    """Return the day of the year, from 1."""
    return _of(dates, "D") - _of(dates.astype("datetime64[Y]"), "D") + 1


@of_days
def week(dates: np.ndarray) -> np.ndarray:
    """Return the week of ISO 8601: the first one holds the year's first Thursday."""
    days = _of(dates, "D")
    thursday = (days - (days + 3) % 7 + 3).astype("datetime64[D]")
    return (_of(thursday, "D") - _of(thursday.astype("datetime64[Y]"), "D")) // 7 + 1


@of_dates
def hour(dates: np.ndarray) -> np.ndarray:
    """Return 0 to 23."""
    return _of(dates, "h") % 24


@of_dates
def minute(dates: np.ndarray) -> np.ndarray:
    """Return 0 to 59."""
    return _of(dates, "m") % 60


@of_days
def is_weekend(dates: np.ndarray) -> np.ndarray:
    """Return 1 on Saturdays and Sundays, else 0."""
    return ((_of(dates, "D") + 3) % 7 >= 5).astype(np.int64)


def days_between(first: Any, second: Any) -> np.ndarray:
    """Return the days from the first date to the second, with their fractions; NaN without both."""
    first, second = (np.asarray(dates, "datetime64[ms]") for dates in (first, second))
    apart = (second.astype(np.int64) - first.astype(np.int64)) / DAY
    return np.where(gone(first) | gone(second), np.nan, apart)
