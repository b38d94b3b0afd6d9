"""Numbers as people write them, durations and truth values, read from cells as float64."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"  # what Arrow parses, correctly rounded
SPACES = "\u00a0\u2000-\u200a\u202f\u205f\u3000"  # that are no ASCII: thin, narrow, unbreakable
MINUS = "[\u2212\u2012\u2013\ufe63\uff0d]"  # what typesetters put in the hyphen's place
CURRENCY = r"(?:\p{Sc}|[A-Z]{1,3}\p{Sc}|[A-Z]{3})"
TRUE = frozenset(("true", "yes", "y", "t", "1"))
FALSE = frozenset(("false", "no", "n", "f", "0"))
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def written(raw: pa.Array, decimal: str) -> pa.Array:
    """Return text as the plain numbers that it says: `1234.50` for `€ 1.234,50`; else null.

    `decimal` is the mark before the fraction: the other one of point and comma, blanks, apostrophes
    and underscores group digits. Signs may be typeset, a sum in brackets is negative, and `12 %` is
    0.12.
    """
    mark, other = (r"\.", ",") if decimal == "." else (",", r"\.")
    groups = rf"[{other}'’_ {SPACES}]"
    pattern = (
        rf"^(?P<open>\()?\s*(?P<sign>[+-])?\s*(?:{CURRENCY}\s*)?(?P<inner>[+-])?"
        rf"(?P<whole>\d{{1,3}}(?:{groups}\d{{2,3}})*{groups}\d{{3}}|\d*)"
        rf"(?:{mark}(?P<fraction>\d*))?(?P<exponent>[eE][+-]?\d+)?"
        rf"\s*(?P<percent>%)?(?:{CURRENCY})?(?P<minus>-)?\s*(?P<close>\))?$"
    )
    text = pc.replace_substring_regex(raw, f"[\\s{SPACES}]+", " ")
    text = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, MINUS, "-"))
    found = pc.extract_regex(text, pattern)
    part = {name: pc.struct_field(found, name) for name in found.type.names}
    empty = pa.scalar("", part["whole"].type)
    there = {name: pc.not_equal(values, empty) for name, values in part.items()}
    digits = pc.replace_substring_regex(part["whole"], r"\D", "")
    # One sign at most, a bracket at both ends or none, a digit somewhere, no exponent of a percent.
    signs = sum_of(there["sign"], there["inner"], there["minus"], there["open"])
    good = pc.and_(pc.less_equal(signs, 1), pc.equal(there["open"], there["close"]))
    good = pc.and_(good, pc.or_(there["whole"], there["fraction"]))
    good = pc.and_(good, pc.invert(pc.and_(there["percent"], there["exponent"])))
    minus = pc.or_(pc.or_(there["open"], there["minus"]), pc.equal(part["sign"], "-"))
    minus = pc.or_(minus, pc.equal(part["inner"], "-"))
    sign = pc.if_else(minus, "-", "")
    exponent = pc.if_else(there["percent"], "e-2", part["exponent"])
    whole = pc.binary_join_element_wise(sign, "0", digits, "")
    rest = pc.binary_join_element_wise(part["fraction"], exponent, "")
    plain = pc.binary_join_element_wise(whole, rest, ".")
    return pc.if_else(good.fill_null(False), plain, pa.scalar(None, plain.type))


def sum_of(*masks: pa.Array) -> pa.Array:
    """Return how many of the masks are true, row by row."""
    total = masks[0].cast(pa.int8())
    for mask in masks[1:]:
        total = pc.add(total, mask.cast(pa.int8()))
    return total


def durations(raw: pa.Array, unit: str) -> pa.Array:
    """Return durations in the unit; null for what is none.

    They may be Arrow's own, times of day, `1:30` (hours and minutes), `1:30:00`, `2 days 03:00`,
    `PT1H30M`, `1h 30min`; a plain number is in the unit already.
    """
    each = SECONDS[unit]
    if pa.types.is_duration(raw.type) or pa.types.is_time(raw.type):
        kind = pa.int32() if pa.types.is_time32(raw.type) else pa.int64()
        count = raw.cast(kind).cast(pa.float64(), safe=False)
        return pc.divide(count, float(A_SECOND[raw.type.unit] * each))
    if not pa.types.is_string(raw.type):
        return raw
    text = pc.utf8_trim_whitespace(raw)
    plain = pc.match_substring_regex(text, PLAIN)
    clock = pc.replace_substring_regex(text, r"^(.*\b\d+:\d\d)$", r"\1:00")
    clock = pc.replace_substring_regex(clock, r"^(.*:\d\d:\d\d):00$", r"\1")  # it had its seconds
    words = pc.if_else(plain, pa.scalar(None, text.type), clock).to_pandas()
    parsed = pd.to_timedelta(words.astype("object"), errors="coerce")
    told = pa.Array.from_pandas(parsed.dt.total_seconds() / each)
    numbers = pc.if_else(plain, text, pa.scalar(None, text.type)).cast(pa.float64())
    return pc.coalesce(numbers, told)


def truths(
    raw: pa.Array, true_values: tuple[str, ...] | None, false_values: tuple[str, ...] | None
) -> pa.Array:
    """Return 1 for true and 0 for false, in float64; null for what is neither.

    Words are those of TRUE and FALSE, in letters of any size, and the named ones, which come first.
    """
    if pa.types.is_boolean(raw.type):
        return raw.cast(pa.int8()).cast(pa.float64())
    if pa.types.is_string(raw.type):
        encoded = raw.dictionary_encode()
        told = [truth(word, true_values, false_values) for word in encoded.dictionary.to_pylist()]
        return pa.array(told, pa.float64()).take(encoded.indices)
    try:
        numbers = raw.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return pa.nulls(len(raw), pa.float64())
    either = pc.or_(pc.equal(numbers, 0.0), pc.equal(numbers, 1.0))
    return pc.if_else(either, numbers, pa.scalar(None, pa.float64()))


def truth(
    word: object, true_values: tuple[str, ...] | None, false_values: tuple[str, ...] | None
) -> float | None:
    """Return 1 or 0 for a value, alone; None for what is neither.

    >>> truth("Yes", None, None), truth(False, None, None), truth("ja", ("ja",), ("nein",))
    (1.0, 0.0, 1.0)
    >>> truth(2, None, None) is None
    True
    """
    if isinstance(word, bool | int | float):
        return float(word) if word in (0, 1) else None
    if not isinstance(word, str):
        return None
    text = word.strip()
    for words, value in ((true_values, 1.0), (false_values, 0.0)):
        if text in (words or ()):
            return value
    plain = text.casefold().removesuffix(".0")
    return 1.0 if plain in TRUE else 0.0 if plain in FALSE else None
