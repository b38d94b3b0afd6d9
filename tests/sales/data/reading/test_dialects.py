"""How a CSV file is written, found by counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sales.data.reading import dialects
from sales.data.reading.dialects import CsvParams, Dialect, find

NOTHING = CsvParams()
SEPARATOR = {
    "commas": ("a,b\n1,2\n", ","),
    "semicolons": ("a;b\n1;2\n", ";"),
    "tabs": ("a\tb\n1\t2\n", "\t"),
    "bars": ("a|b\n1|2\n", "|"),
    "semicolons with decimal commas": ("a;b\n1,5;2,5\n", ";"),
    "as many commas as semicolons": ("Price, EUR;Area, m2\n10,5;20,5\n", ";"),
    "one column": ("name\nx;y\n", ","),
    "one column whose rows have more": ("name\n1,2\n", ","),
    "a row too short": ("a;b;c\n1;2;3\n1;2\n1;2;3\n", ";"),
    "commas in quoted text": ('a;b\n"x, y";"1, 2"\n', ";"),
    "line breaks in quoted text": ('a;b\n"x\ny";1\n', ";"),
    "a header alone": ("a;b", ";"),
    "blank lines before": ("\n\na\tb\n1\t2\n", "\t"),
    "CRLF": ("a;b\r\n1;2\r\n", ";"),
    "CR": ("a;b\r1;2\r", ";"),
    "Excel's own first line": ("sep=|\na|b\n1|2\n", "|"),
    "nothing": ("", ","),
    "an open quotation mark": ('a;b\n"1;2\n', ";"),
}


@pytest.mark.parametrize("case", SEPARATOR)
def test_the_separator_is_found(case):
    text, separator = SEPARATOR[case]
    found = find(text.encode(), NOTHING, whole=True)
    assert found.separator == separator
    assert found.skip == text.startswith("sep=")


DECIMAL = {
    "decimal commas": ("a;b\n1,5;x\n", ","),
    "points": ("a;b\n1.5;x\n", "."),
    "thousands with commas": ('a,b\n"1,234",x\n"12,345",y\n', "."),
    "thousands with points": ("a;b\n1.234,5;x\n", ","),
    "three decimals, and semicolons": ("a;b\n1,234;x\n", ","),
    "three decimals below one": ('a,b\n"0,234",x\n', ","),
    "quoted between commas": ('a,b\n"17,5","3,25"\n', ","),
    "a text in which a comma stands": ('a,b,c\n1.5,2.5,"3,5"\n', "."),
    "dates with points": ("a;b\n01.02.2023;1,5\n", ","),
    "no decimals": ("a;b\n1;2\n", "."),
}


@pytest.mark.parametrize("case", DECIMAL)
def test_the_decimal_mark_is_found(case):
    text, decimal = DECIMAL[case]
    assert find(text.encode(), NOTHING, whole=True).decimal == decimal


def test_single_quotation_marks_are_found_where_they_wrap_a_column():
    assert find(b"a,b\n'x, y',1\n'z',2\n", NOTHING, whole=True).quote == "'"
    assert find(b"a,b\n'tis,1\nO'Brien,2\n", NOTHING, whole=True).quote == '"'
    assert find(b"a,b\n'x',1\nz,2\n", NOTHING, whole=True).quote == '"'


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        (b"a,b\n", None),
        ("Köln".encode(), "utf-8"),
        ("Köln".encode()[:2], "utf-8"),  # cut within a letter
        ("\ufeffa".encode(), "utf-8"),
        ("Köln".encode("latin-1"), "windows-1252"),
        ("5 €".encode("windows-1252"), "windows-1252"),
        ("Köln, Düren, ".encode() + b"K\xf6ln", "utf-8"),  # broken: whoever decodes it tells
        ("a,b\n1,2\n".encode("utf-16"), "utf-16"),
        ("a,b\n1,2\n1,2\n".encode("utf-16-le"), "utf-16-le"),
        ("a,b\n1,2\n1,2\n".encode("utf-16-be"), "utf-16-be"),
        (b"", None),
    ],
)
def test_the_encoding_is_found(start, encoding):
    assert dialects.encoding_of(start, whole=False) == encoding


def test_what_is_given_is_not_looked_for():
    given = CsvParams(separator="tab", decimal=",", quote="", encoding="latin1")
    found = find(b"a;b\n1.5;2\n", given, whole=True)
    assert found == Dialect("\t", ",", "", "iso8859-1")
    assert (
        found.told
        == "separated by tabs, with decimal commas, without quotation marks, in iso8859-1"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("separator", ";;"), ("decimal", ";"), ("quote", "''"), ("encoding", "klingon"), ("sep", ";")],
)
def test_what_is_absurd_is_refused(key, value):
    with pytest.raises(ValidationError):
        CsvParams(**{key: value})


CELL = st.text(st.characters(exclude_characters="\0\"\r\n'", exclude_categories=["Cs"]), max_size=6)


@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from(dialects.SEPARATORS),
)
def test_a_table_with_quoted_cells_has_its_separator_whatever_they_hold(rows, separator):
    header = separator.join(["left", "middle", "right"])
    lines = [separator.join(f'"{cell}"' for cell in row) for row in rows]
    found = find("\n".join([header, *lines]).encode(), NOTHING, whole=True)
    assert found.separator == separator


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise(start, whole):
    find(start, NOTHING, whole=whole)
