"""Cells of every kind, and the one reading of each."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales.contract import Column, cells, dates
from sales.contract.holes import MISSING

NUMBER, DATE, ID = Column(role="numeric"), Column(role="date"), Column(role="id")
KIND = Column(role="categorical", values=("NA", "Books"))
FREE = Column(role="categorical")
OTHER = sorted(MISSING - {"NA"})


def read(raw, column):
    """Return what each cell is read as: its value, or in words that it is missing, or wrong."""
    found = cells.read(raw, column)
    values = found.values
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    words = np.where(found.missing, "missing", np.where(found.wrong, "wrong", ""))
    return [word or value for word, value in zip(words.tolist(), values.to_pylist(), strict=True)]


def day(year, month, date, *rest):
    return datetime.datetime(year, month, date, *rest)


def test_a_mark_of_nothing_is_missing_unless_the_contract_names_it():
    marks = pa.array([*OTHER, "NA", None, "Books"])
    none = ["missing"] * len(OTHER)
    assert read(marks, KIND) == [*none, "NA", "missing", "Books"]
    assert read(marks.dictionary_encode(), KIND) == [*none, "NA", "missing", "Books"]
    assert read(marks, FREE) == [*none, "missing", "missing", "Books"]
    assert read(marks, ID) == [*none, "missing", "missing", "Books"]
    assert read(marks, NUMBER) == read(marks, DATE) == [*none, "missing", "missing", "wrong"]


def text_as(kind):
    return pa.array([b"2.5", b"2024-06-03", b"\xff", None]).cast(kind)


def unchecked(*cells):
    """Return strings of which nobody has looked at the bytes, as in a Parquet file."""
    ends = np.cumsum([0, *map(len, cells)]).astype(np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(cells), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(cells))]
    )


@pytest.mark.parametrize(
    "raw",
    [
        text_as(pa.binary()),
        text_as(pa.large_binary()),
        text_as(pa.binary_view()),
        text_as(pa.binary()).dictionary_encode(),
        pa.concat_arrays([unchecked(b"2.5", b"2024-06-03", b"\xff"), pa.nulls(1, pa.string())]),
    ],
    ids=lambda raw: str(raw.type),
)
def test_text_is_taken_however_it_is_stored_and_what_is_no_utf_8_is_wrong(raw):
    assert read(raw, NUMBER) == [2.5, "wrong", "wrong", "missing"]
    assert read(raw, DATE) == ["wrong", day(2024, 6, 3), "wrong", "missing"]
    for column in (FREE, ID):
        assert read(raw, column) == ["2.5", "2024-06-03", "wrong", "missing"]
    assert [cells.shown(cell) for cell in raw] == ["2.5", "2024-06-03", "\\xff", ""]


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string()], ids=str)
def test_views_and_large_strings_are_strings(kind):
    raw = pa.array(["2.5", "20240603", "NA"]).cast(kind)
    assert read(raw, NUMBER) == [2.5, 20240603.0, "missing"]
    assert read(raw, DATE) == ["wrong", day(2024, 6, 3), "missing"]
    assert read(raw, KIND) == ["2.5", "20240603", "NA"]


def test_other_kinds_are_taken_where_arrow_can_and_else_wrong():
    assert read(pa.array([1, 2**53 + 1]), NUMBER) == [1.0, 2.0**53]
    assert read(pa.array([decimal.Decimal("1.5")]), NUMBER) == [1.5]
    assert read(pa.array([1.5, float("nan"), float("inf")]), NUMBER) == [1.5, "missing", "wrong"]
    assert read(pa.array([True, None]), NUMBER) == ["wrong", "missing"]
    assert read(pa.array([7]), DATE) == ["wrong"]
    assert read(pa.array([day(2024, 1, 1)]), NUMBER) == ["wrong"]
    assert read(pa.array([1], pa.time32("s")), DATE) == ["wrong"]
    assert read(pa.array([1, 2]), FREE) == ["1", "2"]
    assert read(pa.nulls(2), FREE) == read(pa.nulls(2), NUMBER) == ["missing"] * 2
    days = pa.array([datetime.date(2024, 1, 1), None]).dictionary_encode()
    assert read(days, DATE) == [day(2024, 1, 1), "missing"]
    assert read(pa.DictionaryArray.from_arrays([0, 1], ["a", None]), FREE) == ["a", "missing"]
    assert read(pa.DictionaryArray.from_arrays([0, 1], ["a", "a"]), FREE) == ["a", "a"]


def test_a_dictionary_holds_only_what_a_cell_may_be():
    raw = pa.DictionaryArray.from_arrays([0, 1, 2, 2], ["None", "Books", "x"])
    found = cells.read(raw, KIND).values
    assert found.dictionary.to_pylist() == ["Books", "x"]
    assert found.to_pylist() == [None, "Books", "x", "x"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_an_instant_is_floored_to_milliseconds_and_lies_within_the_years_1_to_9999(unit):
    each = dates.A_SECOND[unit]
    [before] = read(pa.array([-1], pa.timestamp(unit, "Europe/Berlin")), DATE)
    assert before == (
        day(1969, 12, 31, 23, 59, 59) if unit == "s" else day(1969, 12, 31, 23, 59, 59, 999000)
    )
    if unit == "ns":
        return  # they reach from 1677 to 2262
    first, last = dates.FIRST * each // 1000, (dates.LAST + 1) * each // 1000
    raw = pa.array([first - 1, first, last - 1, last, 2**62, None], pa.timestamp(unit))
    found = read(raw, DATE)
    assert found[1] == day(1, 1, 1)
    assert found[2].year == 9999
    assert [found[i] for i in (0, 3, 4, 5)] == ["wrong"] * 3 + ["missing"]


def test_days_lie_within_the_years_1_to_9999_too():
    raw = pa.array([-719163, -719162, 2932896, 2932897, 2**31 - 1], pa.date32())
    assert read(raw, DATE) == ["wrong", day(1, 1, 1), day(9999, 12, 31), "wrong", "wrong"]
    assert read(pa.array([86_400_000, 2**60], pa.date64()), DATE) == [day(1970, 1, 2), "wrong"]
    assert cells.shown(raw[4]) == "<value out of range: 2147483647>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240603", day(2024, 6, 3)),
        ("2024-06-03", day(2024, 6, 3)),
        (" 2024-06-03\n", day(2024, 6, 3)),
        ("2024-06-03T10", day(2024, 6, 3, 10)),
        ("2024-06-03 10:15", day(2024, 6, 3, 10, 15)),
        ("2024-06-03T10:15:00.123456789Z", day(2024, 6, 3, 10, 15, 0, 123000)),
        ("2024-06-03t10:15:00,5z", day(2024, 6, 3, 10, 15, 0, 500000)),
        ("20240603T101500+0200", day(2024, 6, 3, 8, 15)),
        ("2024-06-03T00:30:00+01", day(2024, 6, 2, 23, 30)),
        ("1969-12-31T23:59:59.9996", day(1969, 12, 31, 23, 59, 59, 999000)),
        ("0001-01-01T00:00:00Z", day(1, 1, 1)),
        ("0001-01-01T14:00:00+14:00", day(1, 1, 1)),
        ("9999-12-31T23:59:59", day(9999, 12, 31, 23, 59, 59)),
        ("0001-01-01T00:00:00+14:00", "wrong"),
        ("9999-12-31T23:59:59-14:00", "wrong"),
        ("0000-01-01", "wrong"),
        ("2024-02-30", "wrong"),
        ("2024-06-03T24:00", "wrong"),
        ("2024-06-03T10:15:60", "wrong"),
        ("2024-06-03T10:15+24:00", "wrong"),
        ("2024-06-03T10:15+01:60", "wrong"),
        ("2024-06-03T", "wrong"),
        ("2024-0603", "wrong"),
        ("2024", "wrong"),
        ("today", "wrong"),
        ("1717372800", "wrong"),
        ("٢٠٢٤-٠٦-٠٣", "wrong"),
    ],
)
def test_a_date_in_text(text, expected):
    # Beside others: pandas reads a column with a ninth digit in it otherwise.
    others = ["9999-01-01", "2024-06-03T10:15:00.123456789", "2024-06-03T10:15:00.123456"]
    assert read(pa.array([text, *others]), DATE)[:2] == [expected, day(9999, 1, 1)]
    found = dates.instant(text)
    alone = "wrong" if found is None else dates.EPOCH + found * dates.MILLISECOND
    assert alone == expected


def pieces(*choices):
    return st.sampled_from(choices)


DATES = st.builds(
    "{}{}{}".format,
    st.one_of(
        st.dates().map(str),
        st.dates().map(lambda one: f"{one:%Y%m%d}".zfill(8)),
        pieces("0001-01-01", "9999-12-31", "2023-02-29", "0000-01-01", "2024"),
    ),
    st.one_of(
        pieces("", "T00", " 23:59", "T235959", "T24:00", "T", " "),
        st.times().map(lambda time: f"T{time.isoformat()}"),
        st.tuples(st.times(), st.integers(0, 10**12)).map(
            lambda both: f"T{both[0]:%H:%M:%S}.{both[1]}"
        ),
    ),
    pieces("", "Z", "z", " Z", "+14:00", "-14:00", "+0530", "-02", "+23:59", "+24:00", "-00:60"),
)


@settings(deadline=None)
@given(texts=st.lists(st.one_of(DATES, st.text(max_size=12)), min_size=1, max_size=8))
def test_a_column_of_dates_is_each_of_them_alone(texts):
    together = dates.read(pa.array(texts, pa.string())).cast(pa.int64()).to_pylist()
    assert together == [dates.instant(text) for text in texts]


def test_rows_without_any_cell():
    table = pa.table({"a": ["1", None, "", None], "b": [None, None, "", "x"]})
    assert cells.blank(table).tolist() == [False, True, True, False]
    assert cells.blank(table.slice(3)) is None
    numbers = pa.table({"a": pa.array([None, 1.0]), "b": pa.array([None, "x"]).dictionary_encode()})
    assert cells.blank(numbers).tolist() == [True, False]
    assert cells.blank(numbers.slice(1)) is None


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.binary_view()],
    ids=str,
)
def test_rows_without_any_cell_are_found_however_text_is_stored(kind):
    table = pa.table({"a": pa.array([b"x", b"", None]).cast(pa.binary()).cast(kind)})
    assert cells.blank(table).tolist() == [False, True, True]
    assert cells.blank(table.slice(0, 1)) is None


@given(st.decimals(-(10**9), 10**9, places=2))
def test_a_decimal_is_the_number_that_its_text_says(value):
    """Arrow's own cast takes another one for every eighth: 0.35 becomes 35 * 0.01."""
    raw = pa.chunked_array([pa.array([value], pa.decimal128(12, 2))])
    assert read(raw, NUMBER) == [float(value)]
