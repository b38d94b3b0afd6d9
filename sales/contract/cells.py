"""How a file's cells are read: as numbers, dates and text, null where a cell is none of it."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"  # what Arrow parses, correctly rounded
DATE = r"^\d{4}-?\d\d-?\d\d([T ]\d.*)?$"  # pandas would also take "today" and a bare year


def number(raw: pa.Array) -> pa.Array:
    """Return float64; null for text that is no number, and for NaN and infinity."""
    if pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type):
        trimmed = pc.utf8_trim_whitespace(raw)
        number = pc.match_substring_regex(trimmed, NUMBER)
        raw = pc.if_else(number, trimmed, pa.scalar(None, raw.type))
    try:
        parsed = raw.cast(pa.float64(), safe=False)  # an integer above 2**53 is rounded
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(raw), pa.float64())
    return pc.if_else(pc.is_finite(parsed), parsed, pa.scalar(None, pa.float64()))


def date(raw: pa.Array) -> pa.Array:
    """Return milliseconds since 1970 without a time zone; null for what is no ISO 8601 date."""
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        return raw.cast(pa.timestamp("ms"), safe=False)
    if not (pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type)):
        return pa.nulls(len(raw), pa.timestamp("ms"))
    trimmed = pc.utf8_trim_whitespace(raw)
    dated = pc.if_else(pc.match_substring_regex(trimmed, DATE), trimmed, pa.scalar(None, raw.type))
    parsed = pd.to_datetime(dated.to_pandas(), errors="coerce", format="ISO8601", utc=True)
    return pa.Array.from_pandas(parsed.dt.tz_localize(None).dt.as_unit("ms"))


def text(raw: pa.Array) -> pa.Array:
    """Return strings, or a dictionary of strings as it is."""
    if pa.types.is_dictionary(raw.type):
        if pa.types.is_string(raw.type.value_type) or pa.types.is_large_string(raw.type.value_type):
            return raw
        raw = raw.dictionary_decode()
    return raw.cast(pa.string())
