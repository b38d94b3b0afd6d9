"""Dates as a column writes them: by a format, with the day first or the month, in a time zone.

What is held is the zone's own time, without the zone: so its parts are the zone's. A date that
names no offset is in the zone already. ISO 8601 is always read too, as JSON and the page send it.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sales.contract.dates import FIRST, LAST
from sales.contract.dates import instant as iso_instant
from sales.contract.dates import read as iso_read

AHEAD = r"^\d{4}-?\d\d-?\d\d[Tt ]\d.*([Zz]|[+-]\d\d(:?\d\d)?)$"  # names an offset
IN_ISO = r"^\d{4}-\d\d-\d\d"
NUMERIC = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)"
    r"(?:[ T,]+(\d{1,2}):(\d\d)(?::(\d\d)(\.\d+)?)? ?([AaPp])?\.?(?(9)[Mm]\.?))?",
    re.ASCII,
)
DAY = 86_400_000  # milliseconds
CENTURY = 69  # two digits from here on are of the 1900s, as POSIX has it


class Form(NamedTuple):
    """How a column writes its dates; `dayfirst` None: not as `3/6/2024`."""

    format: str | None = None
    dayfirst: bool | None = None
    zone: str | None = None


ISO = Form()


def read(raw: pa.Array, form: Form) -> pa.Array:
    """Return milliseconds since 1970 of the zone's own time; null for what is no date."""
    if form == ISO:
        return iso_read(raw)
    if not pa.types.is_string(raw.type):
        found = iso_read(raw)
        aware = pa.types.is_timestamp(raw.type) and raw.type.tz is not None
        return _in_zone(found, form.zone) if aware and form.zone else found
    encoded = raw.dictionary_encode()  # days come again and again
    return _texts(pc.utf8_trim_whitespace(encoded.dictionary), form).take(encoded.indices)


def refuse(form: str) -> None:
    """Raise ValueError for a format that does not read what it writes of a day."""
    written = datetime(2024, 6, 3, tzinfo=UTC).strftime(form)
    try:
        read_back = datetime.strptime(written, form).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"format: '{form}' is none that dates are read by") from None
    if read_back != datetime(2024, 6, 3):
        raise ValueError(f"format: '{form}' leaves out the year, the month or the day")


def instant(text: str, form: Form) -> int | None:
    """Return the milliseconds of a date in text, alone, as `read` does; None for what is none."""
    if form == ISO:
        return iso_instant(text)
    return _kept(text, form)


@lru_cache(maxsize=10_000)
def _kept(text: str, form: Form) -> int | None:
    return read(pa.array([text], pa.string()), form).cast(pa.int64())[0].as_py()


def _texts(texts: pa.Array, form: Form) -> pa.Array:
    nothing = pa.scalar(None, pa.string())
    found = pa.nulls(len(texts), pa.timestamp("ms"))
    if form.format:
        parsed = pd.to_datetime(
            texts.to_pandas(), format=form.format, errors="coerce", utc=True, exact=True
        )
        naive = parsed.dt.tz_localize(None).dt.as_unit("us")
        found = iso_read(pa.Array.from_pandas(naive))
        if form.zone and "%z" in form.format:
            found = _in_zone(found, form.zone)
        texts = pc.if_else(found.is_valid(), nothing, texts)
        texts = pc.if_else(pc.match_substring_regex(texts, IN_ISO), texts, nothing)
    elif form.dayfirst is not None:
        each = [_in_iso(text, dayfirst=form.dayfirst) for text in texts.to_pylist()]
        texts = pa.array(each, pa.string())
    rest = iso_read(texts)
    if form.zone:
        aware = pc.match_substring_regex(texts, AHEAD).fill_null(False)
        rest = pc.if_else(aware, _in_zone(rest, form.zone), rest)
    return pc.coalesce(found, rest)


def _in_iso(text: str | None, *, dayfirst: bool) -> str | None:
    """Return `3/6/2024 1:30 PM` as ISO 8601 has it; another text as it is.

    >>> _in_iso("3/6/24", dayfirst=True), _in_iso("3.6.1999 1:30 PM", dayfirst=False)
    ('2024-06-03', '1999-03-06T13:30:00')
    """
    match = NUMERIC.fullmatch(text or "")
    if not match:
        return text
    first, _, second, year, hour, minute, seconds, fraction, half = match.groups()
    day, month = (first, second) if dayfirst else (second, first)
    if len(year) == 2:
        year = f"{19 if int(year) >= CENTURY else 20}{year}"
    at = f"{year}-{int(month):02}-{int(day):02}"
    if hour is None:
        return at
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half in "Pp" else 0)
    return f"{at}T{hours:02}:{minute}:{seconds or '00'}{fraction or ''}"


def _in_zone(instants: pa.Array, zone: str | None) -> pa.Array:
    """Return instants in UTC as the zone's clocks show them; null in the first and the last day."""
    numbers = instants.cast(pa.int64())
    within = pc.and_(pc.greater(numbers, FIRST + DAY), pc.less(numbers, LAST - DAY))
    instants = pc.if_else(within, instants, pa.scalar(None, instants.type))
    there = (
        pd.DatetimeIndex(instants.to_pandas()).tz_localize("UTC").tz_convert(ZoneInfo(zone or ""))
    )
    return iso_read(pa.Array.from_pandas(pd.Series(there.tz_localize(None)).dt.as_unit("ms")))
