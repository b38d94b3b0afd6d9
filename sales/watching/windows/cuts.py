"""How time is cut into windows: by day or week in UTC, or so that each has so many rows."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from sales.errors import PipelineError

SECOND = 1_000_000  # microseconds
LENGTHS = {"day": 86_400 * SECOND, "week": 7 * 86_400 * SECOND}
MONDAY = 4 * 86_400 * SECOND  # 1970-01-05
FEWEST = 30


@dataclass(frozen=True)
class Asked:
    """What windows are asked for: days, weeks, or so many rows each."""

    name: str  # day, week, rows
    rows: int = 0

    def __str__(self) -> str:
        return f"{self.rows:,} rows" if self.rows else self.name


def asked(window: str) -> Asked:
    """Return what WINDOW asks for. Raises PipelineError for what is none.

    >>> str(asked("day")), str(asked("5000"))
    ('day', '5,000 rows')
    >>> asked("month")
    Traceback (most recent call last):
    sales.errors.PipelineError: WINDOW is 'month': day, week or a number of rows from 30 on is meant
    """
    if window in LENGTHS:
        return Asked(window)
    if re.fullmatch(r"\d{1,12}", window) and int(window) >= FEWEST:
        return Asked("rows", int(window))
    raise PipelineError(
        f"WINDOW is '{window}': day, week or a number of rows from {FEWEST} on is meant"
    )


@dataclass(frozen=True)
class Cuts:
    """Where windows begin, in microseconds since 1970, in UTC.

    Of days and weeks by their length; of rows where `starts` says, and the last one of these is
    `full` or not.
    """

    asked: Asked
    starts: np.ndarray
    last: int = 0  # microsecond after the last row
    full: bool = True

    def of(self, times: np.ndarray) -> np.ndarray:
        """Return the start of the window of each time."""
        if self.asked.rows:
            at = np.searchsorted(self.starts, times, side="right") - 1
            return self.starts[np.maximum(at, 0)]
        length, off = self._length()
        return (times - off) // length * length + off

    def end(self, start: int) -> int:
        """Return when a window ends; the end itself is no more in it."""
        if not self.asked.rows:
            return start + self._length()[0]
        after = np.searchsorted(self.starts, start, side="right")
        return int(self.starts[after]) if after < len(self.starts) else self.last

    def is_open(self, start: int, now: int) -> bool:
        """Return whether rows may still come into a window."""
        if not self.asked.rows:
            return self.end(start) > now
        return not self.full and start == int(self.starts[-1])

    def _length(self) -> tuple[int, int]:
        return LENGTHS[self.asked.name], MONDAY if self.asked.name == "week" else 0


def by_time(asked: Asked) -> Cuts:
    """Return the cuts of days or weeks."""
    return Cuts(asked, np.zeros(0, np.int64))


def by_rows(asked: Asked, seconds: Mapping[int, int]) -> Cuts:
    """Return the cuts after each so many rows, by how many came in each second since 1970.

    Rows of one second stay together, so that a window may have more.
    """
    starts: list[int] = []
    inside = asked.rows
    for second in sorted(seconds):
        if inside >= asked.rows:
            starts.append(second * SECOND)
            inside = 0
        inside += seconds[second]
    last = (max(seconds) + 1) * SECOND if seconds else 0
    return Cuts(asked, np.array(starts, np.int64), last, inside >= asked.rows)


def per_second(times: np.ndarray) -> Counter[int]:
    """Return how many rows came in each second since 1970; those of several parts add up."""
    seconds, rows = np.unique(times // SECOND, return_counts=True)
    return Counter(dict(zip(seconds.tolist(), rows.tolist(), strict=True)))


def told(at: int) -> str:
    """Return a time for people and programs: ISO 8601, UTC, to the second."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(at))).isoformat(
        timespec="seconds"
    )
