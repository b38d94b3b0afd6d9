"""How a cell is read, by whichever way it came: as a number, a date or text, as missing, or not.

The one place for it: the pipeline, files sent to the service and its JSON all ask here, so that a
row means the same to all of them.
"""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sales.contract import date_forms, numbers
from sales.contract.column import Column
from sales.contract.numbers import PLAIN

WHOLE = 2.0**53  # whole numbers up to here are exact in float64

# All others are text.
ROLES = {"numeric": "number", "target": "number", "date": "date", "boolean": "truth value"}
CODE = re.compile(r"(-?\d+)\.0+")  # a whole number that was stored with a fraction of nothing


class Cells(NamedTuple):
    """A column's cells as they were read.

    `values` are null where a cell is missing, or `wrong`: it holds something else than it should.
    """

    values: pa.Array
    missing: np.ndarray
    wrong: np.ndarray


def read(raw: pa.ChunkedArray, column: Column) -> Cells:
    """Return float64, milliseconds since 1970, or text; categories as a dictionary of it.

    A number that is not finite is wrong, and so is a date whose instant lies outside of the years 1
    to 9999. The type must not be `nested`.

    >>> read(pa.chunked_array([["1.5", "", "two"]]), Column(role="numeric")).values.to_pylist()
    [1.5, None, None]
    """
    cells = _whole(raw)
    plain = _plain(cells, keep=column.role == "categorical")
    kind = ROLES.get(column.role)
    if kind:
        values = _read(plain, column)
        if not values.null_count and not column.missing_marks:
            return Cells(values, *_none(values))  # the usual column: all there, and as it should be
        missing = _mask(cells.is_null(nan_is_null=True))
        unread = pc.and_(plain.is_valid(), values.is_null())
        if pa.types.is_string(plain.type) and pc.any(unread).as_py():
            marks = pc.and_(unread, pc.is_in(plain, pa.array(sorted(column.marks))))
            missing = missing | _mask(marks)
        if column.missing_marks:
            marks = pc.is_in(values, _read_marks(column))
            values = pc.if_else(marks, pa.scalar(None, values.type), values)
            missing = missing | _mask(marks)
    else:
        values, marks = _text(plain, column)
        if not values.null_count:
            return Cells(values, *_none(values))
        missing = _mask(cells.is_null(nan_is_null=True)) | marks
    return Cells(values, missing, _mask(values.is_null()) & ~missing)


def sentinels(column: Column) -> frozenset[float]:
    """Return those marks of a column of numbers that are numbers themselves, such as -999."""
    if not column.missing_marks or ROLES.get(column.role) != "number":
        return frozenset()
    return frozenset(_read_marks(column).to_pylist())


def wrong(column: Column) -> str:
    """Return the reason of a wrong cell."""
    return f"not a {ROLES[column.role]}" if column.role in ROLES else "not text"


def blank(table: pa.Table) -> np.ndarray | None:
    """Return which rows hold no cell at all; None where each holds something.

    Spreadsheets leave such rows, lines of nothing but commas, where somebody has cleared cells.
    """
    found = np.ones(table.num_rows, bool)
    for column in table.columns:
        empty = column.is_null()
        if _in_bytes(column.type):
            if not (pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
                column = column.cast(pa.large_binary())  # Arrow does not measure all kinds
            empty = pc.or_(empty, pc.equal(pc.binary_length(column), 0).fill_null(True))
        found &= empty.to_numpy()
        if not found.any():
            return None
    return found


def nested(kind: pa.DataType) -> bool:
    """Return whether a column holds lists or structs, of which no cell can be read."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_nested(kind)


def called(kind: pa.DataType) -> str:
    """Return what a nested column holds, in words."""
    return "lists or structs, not single values (" + " ".join(str(kind).split())[:80] + ")"


def shown(cell: pa.Scalar) -> str:
    """Return a raw cell as a person is shown it; nothing for null.

    >>> [shown(pa.scalar(value)) for value in (42, "00042", None)]
    ['42', '00042', '']
    """
    if not cell.is_valid:
        return ""
    try:
        value = cell.as_py()
    except UnicodeDecodeError:
        value = cell.cast(pa.binary()).as_py()
    except (ValueError, OverflowError):  # a date that Python does not know
        value = cell.cast(pa.string()).as_py()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return "" if value is None else str(value)


def number(raw: pa.Array) -> pa.Array:
    """Return float64; null for text that is no number, for truth values, for NaN and infinity."""
    if pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type):
        trimmed = pc.utf8_trim_whitespace(raw)
        number = pc.match_substring_regex(trimmed, PLAIN)
        raw = pc.if_else(number, trimmed, pa.scalar(None, raw.type))
    if pa.types.is_boolean(raw.type):
        return pa.nulls(len(raw), pa.float64())
    if pa.types.is_decimal(raw.type):  # as it would be read in a CSV: Arrow's own way rounds twice
        raw = raw.cast(pa.string())
    try:
        parsed = raw.cast(pa.float64(), safe=False)  # an integer above 2**53 is rounded
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return pa.nulls(len(raw), pa.float64())
    finite = pc.is_finite(parsed)
    if pc.all(finite).as_py():  # nulls apart
        return parsed
    return pc.if_else(finite, parsed, pa.scalar(None, pa.float64()))


def _text(raw: pa.Array, column: Column) -> tuple[pa.Array, np.ndarray]:
    """Return strings, or a dictionary of them for categories, and where a cell says it is missing.

    These, and what is no text, are null.
    """
    marks = column.marks
    if column.role != "categorical":
        text = _as_text(raw)
        shortest = pc.min(pc.binary_length(text)).as_py()
        if shortest is None or shortest > max(map(len, marks)):
            return text, np.zeros(len(text), bool)
        missing = pc.is_in(text, pa.array(sorted(marks)))
        return pc.if_else(missing, pa.scalar(None, text.type), text), _mask(missing)
    if pa.types.is_dictionary(raw.type):
        indices, levels = raw.indices, _as_text(raw.dictionary)
    else:
        encoded = _as_text(raw).dictionary_encode()
        indices, levels = encoded.indices, encoded.dictionary
    indices, levels = indices.cast(pa.int32()), _codes(levels, column)
    named = pc.is_in(levels, pa.array(sorted(marks), pa.string()))
    missing = np.zeros(len(raw), bool)
    if pc.any(named).as_py():
        missing = _mask(named.take(indices).fill_null(False))
    gone = pc.or_(named, levels.is_null())
    if pc.any(gone).as_py():  # a dictionary holds what a cell may be: text, and each once
        kept = levels.filter(pc.invert(gone))
        indices, levels = pc.index_in(levels, kept).take(indices), kept
    if len(levels) != len(levels.unique()):
        once = levels.unique()
        indices, levels = pc.index_in(levels, once).take(indices), once
    return pa.DictionaryArray.from_arrays(indices, levels), missing


def _read(plain: pa.Array, column: Column) -> pa.Array:
    """Return what the cells of a column that is not text say; null for what says nothing."""
    if column.role == "date":
        return date_forms.read(plain, column.dates_as)
    if column.role == "boolean":
        return numbers.truths(plain, column.true_values, column.false_values)
    if column.duration:
        plain = numbers.durations(plain, column.duration)
    if column.decimal and pa.types.is_string(plain.type):
        plain = numbers.written(plain, column.decimal)
    return number(plain)


def _read_marks(column: Column) -> pa.Array:
    """Return those marks that are a value like others: -999 in a column of numbers."""
    return _read(pa.array(column.missing_marks, pa.string()), column).drop_null()


def code(text: str, named: Collection[str] = ()) -> str:
    """Return a category as all ways of storing it have it: `2` for `2.0`, unless that is named.

    >>> code("2.0"), code("2.0", ["2.0"]), code("2", ["2.0"]), code("v2.0"), code("-0.0")
    ('2', '2.0', '2.0', 'v2.0', '0')
    """
    if text in named:
        return text
    match = CODE.fullmatch(text)
    plain = match[1] if match else text
    plain = "0" if plain == "-0" else plain
    if plain in named or not plain.removeprefix("-").isdecimal():
        return plain
    return next((name for name in named if CODE.fullmatch(name) and code(name) == plain), plain)


def _codes(levels: pa.Array, column: Column) -> pa.Array:
    """Return the levels of a category, whole numbers all written alike."""
    if not pc.any(pc.match_substring_regex(levels, r"^-?\d+(\.0+)?$")).as_py():
        return levels
    named = column.values or ()
    each = [text if text is None else code(text, named) for text in levels.to_pylist()]
    return pa.array(each, pa.string())


def _whole(raw: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = raw
    if isinstance(raw, pa.ChunkedArray):  # a single chunk would be copied
        whole = raw.chunk(0) if raw.num_chunks == 1 else raw.combine_chunks()
    if pa.types.is_dictionary(whole.type) and whole.dictionary.null_count:
        return whole.dictionary_decode()  # otherwise only the indices' nulls would be seen
    return whole


def _plain(raw: pa.Array, *, keep: bool) -> pa.Array:
    """Return the cells however they were stored: bytes and views as strings, a dictionary decoded.

    Bytes that are no UTF-8 become null. `keep` leaves a dictionary what it is, and makes one of
    text: what each value is, is then asked once.
    """
    if isinstance(raw, pa.ExtensionArray):
        raw = raw.storage
    if keep and (pa.types.is_string(raw.type) or pa.types.is_binary(raw.type)):
        raw = raw.dictionary_encode()
    if pa.types.is_dictionary(raw.type):
        if keep:
            return raw
        raw = raw.dictionary_decode()
    if _in_bytes(raw.type) or pa.types.is_null(raw.type):
        return _as_text(raw)
    return raw


def _as_text(raw: pa.Array) -> pa.Array:
    """Return strings; null for what has no text, and for bytes that are no UTF-8."""
    if pa.types.is_float16(raw.type):
        raw = raw.cast(pa.float32())  # which can be rounded
    if pa.types.is_floating(raw.type):  # of whole numbers no exponent
        numbers_too = pc.and_(pc.equal(raw, pc.round(raw)), pc.less(pc.abs(raw), WHOLE))
        whole = pc.if_else(numbers_too, raw, pa.scalar(None, raw.type))
        return pc.coalesce(whole.cast(pa.int64()).cast(pa.string()), raw.cast(pa.string()))
    try:
        if _in_bytes(raw.type):  # through bytes: nobody has looked at those of a Parquet file
            return raw.cast(pa.binary()).cast(pa.string())
        return raw.cast(pa.string())
    except pa.ArrowNotImplementedError:
        return pa.nulls(len(raw), pa.string())
    except pa.ArrowInvalid:
        if not _in_bytes(raw.type):
            return pa.nulls(len(raw), pa.string())
        return pa.array(map(_decoded, raw.cast(pa.binary()).to_pylist()), pa.string())


def _in_bytes(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _decoded(cell: bytes | None) -> str | None:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None


def _none(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return two masks of no cell, which take no memory and cannot be written to."""
    none = np.broadcast_to(np.False_, len(values))
    return none, none


def _mask(found: pa.Array | Any) -> np.ndarray:
    return found.to_numpy(zero_copy_only=False)
