"""Workbooks as openpyxl writes them, and as nobody should."""

import io
import zipfile
from datetime import date, datetime, time

import openpyxl
import pyarrow as pa
import pytest

from sales.data import incoming
from sales.data.incoming import HowParams
from sales.data.reading import workbooks
from sales.data.reading.packing import TooLargeError
from sales.errors import PipelineError

HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
RELATED = "xl/_rels/workbook.xml.rels"
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
SHARED = f'<Relationship Type="{KIND}" Target="sharedStrings.xml" Id="rId9" />'


def book(**sheets):
    """Return a workbook with these sheets of rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    sink = io.BytesIO()
    made.save(sink)
    return sink.getvalue()


def changed(body, **parts):
    """Return a workbook with some of its parts exchanged: `sheet1`, `sharedStrings`."""
    sink = io.BytesIO()
    names = {"sheet1": "xl/worksheets/sheet1.xml", "sharedStrings": "xl/sharedStrings.xml"}
    new = {names[name]: content for name, content in parts.items()}
    with zipfile.ZipFile(io.BytesIO(body)) as old:
        there = {name: old.read(name).decode() for name in old.namelist()}
    if "sharedStrings" in parts:
        there[RELATED] = there[RELATED].replace("</Relationships>", f"{SHARED}</Relationships>")
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**there, **new}.items():
            archive.writestr(name, content)
    return sink.getvalue()


@pytest.fixture
def read(tmp_path, monkeypatch):
    def reading(body, sheet=None, most=None):
        path = tmp_path / "a.xlsx"
        path.write_bytes(body)
        how = HowParams(sheet=sheet)
        whole = incoming.read(path, how=how, most=most)
        monkeypatch.setattr(workbooks, "BATCH_CELLS", 6)
        batches = [*incoming.batches(str(path), how=how)]
        assert pa.Table.from_batches(batches).equals(whole)
        return whole

    return reading


def test_a_cell_is_the_text_of_its_value(read):
    rows = [
        ["id", "number", "day", "at", "time", "yes", "text"],
        ["007", 5, date(2024, 6, 3), datetime(2024, 6, 3, 12, 30, 5), time(7, 5), True, "<é> & co"],
        [7, 0.1, None, datetime(1900, 2, 28), None, False, "two\nlines"],
        [None, 1e300, date(2023, 1, 1), None, None, None, ""],
        [-2.5, 12345678, None, None, None, None, "=1+1"],
    ]
    found = read(book(Orders=rows))
    assert found.to_pydict() == {
        "id": ["007", "7", None, "-2.5"],
        "number": ["5", "0.1", "1e+300", "12345678"],
        "day": ["2024-06-03", None, "2023-01-01", None],
        "at": ["2024-06-03T12:30:05", "1900-02-28", None, None],
        "time": ["07:05:00", None, None, None],
        "yes": ["true", "false", None, None],
        "text": ["<é> & co", "two\nlines", None, None],  # of a formula nobody has saved a value
    }
    assert set(found.schema.types) == {pa.string()}


def test_the_header_is_the_first_row_with_a_cell_and_empty_rows_stay(read):
    found = read(book(Orders=[[], [None], ["a", "b", None], [1, 2], [], [3, None]]))
    assert found.to_pydict() == {"a": ["1", None, "3"], "b": ["2", None, None]}


def test_the_only_sheet_with_cells_is_read_or_the_one_that_is_named(read):
    rows = [["a"], [1]]
    assert read(book(Notes=[], Orders=rows)).to_pydict() == {"a": ["1"]}
    two = book(Orders=rows, Other=[["b"], [2]])
    assert read(two, "Other").to_pydict() == {"b": ["2"]}
    for body, sheet, told in (
        (two, None, "several sheets ('Orders', 'Other'): name the one that counts"),
        (two, "Nope", "no sheet 'Nope', but 'Orders', 'Other'"),
        (book(Orders=[]), None, "a.xlsx: the sheet is empty"),
        (book(A=[], B=[]), None, "the workbook has no cells"),
        (book(A=[["a"]]), None, "a.xlsx: the file has a header but no rows"),
        (book(A=[["a", "a"], [1, 2]]), None, "a.xlsx: the column 'a' stands there twice"),
        (
            book(A=[["a"], [1], [2, 3]]),
            None,
            "a.xlsx: row 3 has a cell in column 2, where the header has none: expected 1 columns",
        ),
    ):
        with pytest.raises(PipelineError) as caught:
            read(body, sheet)
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)


def test_rich_and_inline_texts_errors_and_cells_without_a_place(read):
    shared = (
        '<sst xmlns="x"><si><r><t>two </t></r><r><t>runs</t></r><rPh><t>spoken</t></rPh></si>'
        "<si><t>a_x000D_b</t></si></sst>"
    )
    sheet = (
        f'{HEAD}<row><c t="inlineStr"><is><t>a</t></is></c><c t="str"><v>b</v></c></row>'
        '<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="e"><v>#N/A</v></c></row>'
        '<row><c t="s"><v>1</v></c><c t="d"><v>2024-06-03</v></c></row></sheetData></worksheet>'
    )
    body = changed(book(A=[["x"]]), sheet1=sheet, sharedStrings=shared)
    assert read(body).to_pydict() == {
        "a": [None, "two runs", "a\rb"],
        "b": [None, "#N/A", "2024-06-03"],
    }


CELL = '<c r="{}"><v>1</v></c>'
BROKEN = {
    "no XML": (f"{HEAD}<row", "its XML is broken"),
    "words of its own": ('<!DOCTYPE a [<!ENTITY b "c">]><a/>', "its XML defines words of its own"),
    "too far right": (f"{HEAD}<row>{CELL.format('XFE1')}</row>", "a cell beyond column 16,384"),
    "too far down": (f'{HEAD}<row r="1048577">', "a row beyond 1,048,576"),
    "a text that is not there": (f'{HEAD}<row><c t="s"><v>99</v></c>', "row 1 names no text"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_excel_would_not_write_is_told(read, case):
    sheet, told = BROKEN[case]
    with pytest.raises(PipelineError, match=told):
        read(changed(book(A=[["x"]]), sheet1=sheet))


FILLED = book(A=[["a", "b"], ["x" * 3000, 1]])
BOMBS = {
    "spaces": {"sheet1": f"{HEAD}{' ' * 30_000_000}</sheetData></worksheet>"},
    "two rows far apart": {
        "sheet1": f"{HEAD}<row>{''.join(f'<c><v>{n}</v></c>' for n in range(16_384))}</row>"
        f'<row r="1048576">{CELL.format("XFD1048576")}</row></sheetData></worksheet>'
    },
    "one text in many cells": {
        "sheet1": f'{HEAD}<row><c t="s"><v>0</v></c></row>'
        + '<row><c t="s"><v>0</v></c></row>' * 20_000,
        "sharedStrings": f'<sst xmlns="x"><si><t>{"x" * 3000}</t></si></sst>',
    },
    "many texts of nothing": {"sharedStrings": f'<sst xmlns="x">{"<si/>" * 400_000}</sst>'},
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_small_file_that_would_be_large_is_refused(read, case):
    body = changed(FILLED, **BOMBS[case])
    assert len(body) < 200_000
    with pytest.raises(TooLargeError):
        read(body, most=25_000_000)
