"""How a date is read, alone or by the column: ISO 8601, to a millisecond, from year 1 to 9999."""

import re
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# ISO 8601 from the day on, with or without its separators. A date that names a zone is held in UTC.
DATE = re.compile(
    r"(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d))"
    r"(?:[Tt ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d*))?)?)?"
    r" ?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
# What pandas reads as DATE says, and faster: to microseconds, as it would read a whole column
# otherwise if a single cell had more digits.
IN_PANDAS = (
    r"^\d{4}(-\d\d-\d\d|\d{4})"
    r"([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?$"
)
EPOCH = datetime(1970, 1, 1)
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999  # of the years 1 to 9999
MILLISECOND = timedelta(milliseconds=1)
A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def read(raw: pa.Array) -> pa.Array:
    """Return milliseconds since 1970 without a time zone; null for what is no date.

    Of a finer instant what is below a millisecond is cut off.
    """
    if pa.types.is_date32(raw.type):
        days = raw.cast(pa.int32()).cast(pa.int64())
        return _instants(days, (FIRST // 86_400_000, LAST // 86_400_000), (86_400_000, 1))
    if pa.types.is_date64(raw.type):
        return _instants(raw.cast(pa.int64()), (FIRST, LAST), (1, 1))
    if pa.types.is_timestamp(raw.type):
        each = A_SECOND[raw.type.unit]
        bounds = (FIRST * each // 1000, ((LAST + 1) * each - 1) // 1000)
        return _instants(raw.cast(pa.int64()), bounds, (max(1, 1000 // each), max(1, each // 1000)))
    if not pa.types.is_string(raw.type):
        return pa.nulls(len(raw), pa.timestamp("ms"))
    encoded = raw.dictionary_encode()  # days come again and again
    return _dates(encoded.dictionary).take(encoded.indices)


def instant(text: str) -> int | None:
    """Return the milliseconds since 1970 of a date in text, as `read` does; None for what is none.

    >>> instant("1970-01-02"), instant("19700102"), instant("1970-01-01T01:00+01:00")
    (86400000, 86400000, 0)
    """
    match = DATE.fullmatch(text.strip())
    if not match:
        return None
    year, month, day, month_too, day_too, hour, minute, second, fraction, zone = match.groups()
    try:
        at = datetime(
            int(year),
            int(month or month_too),
            int(day or day_too),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
        )
    except ValueError:
        return None
    found = (at - EPOCH) // MILLISECOND + int(((fraction or "") + "000")[:3])
    if zone and zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[3:].removeprefix(":") or 0)
        if hours > 23 or minutes > 59:
            return None
        ahead = (hours * 60 + minutes) * 60_000
        found += ahead if zone[0] == "-" else -ahead
    return found if FIRST <= found <= LAST else None


def _dates(raw: pa.Array) -> pa.Array:
    """Return the instants of dates in text; null for what is none."""
    trimmed = pc.utf8_trim_whitespace(raw)
    usual = pc.match_substring_regex(trimmed, IN_PANDAS)
    in_pandas = pc.if_else(usual, trimmed, pa.scalar(None, raw.type)).to_pandas()
    parsed = pd.to_datetime(in_pandas, errors="coerce", format="ISO8601", utc=True)
    found = pa.Array.from_pandas(parsed.dt.tz_localize(None).dt.as_unit("us"))
    instants = read(found)
    if pc.all(usual).as_py():
        return instants
    other = pc.if_else(usual, pa.scalar(None, raw.type), raw).to_pylist()
    one_by_one = pa.array([None if text is None else instant(text) for text in other], pa.int64())
    return pc.coalesce(instants, one_by_one.cast(pa.timestamp("ms")))


def _instants(raw: pa.Array, bounds: tuple[int, int], scale: tuple[int, int]) -> pa.Array:
    """Return whole numbers within the bounds, times a factor and by a divisor, as instants."""
    numbers = (raw.fill_null(0) if raw.null_count else raw).to_numpy()
    within: np.ndarray | None = None  # all, as far as is known: the usual column
    if raw.null_count or not (len(numbers) and _between(numbers, bounds)):
        within = raw.is_valid().to_numpy(zero_copy_only=False)
        within &= (numbers >= bounds[0]) & (numbers <= bounds[1])
        numbers = np.where(within, numbers, 0)
    factor, divisor = scale
    numbers = numbers * factor if factor > 1 else numbers
    numbers = np.floor_divide(numbers, divisor) if divisor > 1 else numbers
    return pa.array(numbers.view("datetime64[ms]"), mask=None if within is None else ~within)


def _between(numbers: np.ndarray, bounds: tuple[int, int]) -> bool:
    return bool(bounds[0] <= numbers.min() and numbers.max() <= bounds[1])
