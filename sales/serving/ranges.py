"""What training saw of numbers and dates, and which orders lie outside of it.

Trees answer there as at the edge of what they saw, and intervals come from rows within: neither
says so by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from sales.contract.expressions import FUNCTIONS
from sales.models.features import Featuriser

# A part of a date that may be sent in the date's place, and what values it may have.
PART_RANGE = {"year": (1, 9999), "month": (1, 12), "day_of_week": (0, 6), "quarter": (1, 4)}
PART_RANGE |= {"day": (1, 31), "day_of_year": (1, 366), "week": (1, 53), "hour": (0, 23)}
PART_RANGE |= {"minute": (0, 59), "is_weekend": (0, 1)}
UNSEEN = "which the training data covers; no interval holds its promise there"
DAY = 86_400_000  # milliseconds


class RangeWarning(str):
    """A warning of values outside of what training saw; others are of categories it never saw."""

    __slots__ = ()


@dataclass(frozen=True)
class Outside:
    """What of some orders lies outside the ranges of the train rows: warnings, and which rows."""

    warnings: list[RangeWarning]
    rows: np.ndarray


class Ranges:
    """The ranges of the train rows, by what orders bring; an older model has the contract's.

    `parts` are the columns that may stand in the date's place, by kind.
    """

    def __init__(self, featuriser: Featuriser, parts: Mapping[str, str]) -> None:
        dates = [name for name, column in featuriser.fields.items() if column.role == "date"]
        told = featuriser.ranges
        ranges = _window(featuriser, dates, parts) if told is None else told
        self._days: list[tuple[str, int, int]] = []
        self._limits: list[tuple[str, float, float]] = []
        for name, (low, high) in ranges.items():
            if name in dates:
                self._days.append((name, _day(str(low)), _day(str(high))))
            elif name in featuriser.fields or name in parts:
                self._limits.append((name, float(low), float(high)))
        # What a date's own range says nothing of: its months, where training saw some alone.
        self._partial = [
            (name, FUNCTIONS[parts[name]][1], low, high)
            for name, low, high in self._limits
            if parts.get(name, "year") != "year" and (low, high) != PART_RANGE[parts[name]]
        ]

    def outside(self, orders: Mapping[str, Any]) -> Outside | None:
        """Return what lies outside, with a warning a field, however many rows; None: nothing.

        A date is held against the ranges by its day, and by its parts.
        """
        strange: dict[str, tuple[np.ndarray, Any, Any]] = {}
        for name, low, high in self._limits:
            values = orders.get(name)
            if values is None:
                continue
            if type(values) is list and len(values) == 1 and low <= values[0] <= high:
                continue  # most orders come alone, and within
            strange[name] = (np.asarray(values, np.float64), low, high)
        for name, first, last in self._days:
            if name in orders:
                dates = np.asarray(orders[name], "datetime64[ms]")
                instants = dates.view(np.int64)
                unknown = np.isnat(dates)
                if unknown.any():
                    strange[name] = (np.where(unknown, np.nan, instants // DAY), first, last)
                elif not _within(instants, first * DAY, last * DAY + DAY - 1):
                    strange[name] = (instants // DAY, first, last)
                for part, function, low, high in self._partial:
                    strange[part] = (function(dates), low, high)
        beyond: dict[str, tuple[np.ndarray, np.ndarray, Any, Any]] = {}
        for name, (values, low, high) in strange.items():
            if not _within(values, low, high):
                rows = (values < low) | (values > high)  # of NaN neither is true
                if rows.any():
                    beyond[name] = (values, rows, low, high)
        if not beyond:
            return None
        days = {name for name, _, _ in self._days}
        warnings = [_told(name, *found, dated=name in days) for name, found in beyond.items()]
        return Outside(warnings, np.logical_or.reduce([rows for _, rows, _, _ in beyond.values()]))


def _within(values: np.ndarray, low: float, high: float) -> bool:
    return not len(values) or bool(values.min() >= low and values.max() <= high)


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def _window(
    featuriser: Featuriser, dates: Sequence[str], parts: Mapping[str, str]
) -> dict[str, tuple[Any, Any]]:
    """Return the contract's window of the date, and of its year."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in dates:
        column = featuriser.fields[name]
        if column.min is None and column.max is None:
            continue
        first = str(column.low.date()) if column.min else "0001-01-01"
        last = str(column.high.date()) if column.max else "9999-12-31"
        found[name] = (first, last)
        years = [part for part, kind in parts.items() if kind == "year"]
        found |= dict.fromkeys(years, (int(first[:4]), int(last[:4])))
    return found


def _told(
    name: str, values: np.ndarray, rows: np.ndarray, low: Any, high: Any, *, dated: bool
) -> RangeWarning:
    strange = values[rows]
    least, most, first, last = (
        str(np.datetime64(int(value), "D")) if dated else f"{value:.12g}"
        for value in (strange.min(), strange.max(), low, high)
    )
    which = f"{least} is" if len(strange) == 1 else f"{len(strange):,} rows, {least} to {most}, are"
    return RangeWarning(f"{name}: {which} outside {first} to {last}, {UNSEEN}")
