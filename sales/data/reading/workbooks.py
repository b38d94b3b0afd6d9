"""Excel workbooks (.xlsx): a sheet's rows as text, read as they stream out of the zip.

Read by expat rather than a library: python-calamine lays a sheet out whole, so that two cells in
opposite corners take 400 GB, and openpyxl took 16 times as long as it. Values are those that Excel
last saved; no formula is worked out.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from sales.data.reading import sheet_xml
from sales.data.reading.delimited import refuse_twice
from sales.data.reading.packing import BROKEN, Budget, TooLargeError
from sales.data.reading.sheet_xml import Cells
from sales.errors import PipelineError

BATCH_CELLS = 500_000
BATCH_CHARACTERS = 32 << 20
CELL_BYTES = 4  # that an empty cell takes
TITLES = 10_000_000  # bytes of what names the sheets
BOOK = "xl/workbook.xml"
Row = list[str | None]


def is_one(body: bytes) -> bool:
    """Return whether a zip is a workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return BOOK in archive.namelist()
    except BROKEN:
        return False


def titles(body: bytes) -> list[str]:
    """Return the names of a workbook's sheets; none of one that is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive, archive.open(BOOK) as part:
            return [*sheet_xml.workbook(part, Budget(TITLES)).sheets]
    except (*BROKEN, KeyError, TooLargeError):
        return []


def batches(
    file: Any, name: str, sheet: str | None = None, most: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a sheet's rows, batch by batch: the one named, or the only one that holds cells.

    `file` can be read anywhere. The first row with a cell is the header. Raises PipelineError,
    naming the file, and packing.TooLargeError for more than `most` bytes, unpacked and as a table.
    """
    budget = Budget(most)
    try:
        with zipfile.ZipFile(file) as archive:
            found = _rows(archive, name, sheet, budget)
            header = next((row for _, row in found if any(row)), None)
            if header is None:
                raise PipelineError(f"{name}: the sheet is empty")
            yield from _in_batches(found, header, name, budget)
    except (*BROKEN, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(f"{name}: cannot be read as a workbook: {reason}") from None


def _in_batches(
    found: Iterator[tuple[int, Row]], header: Row, name: str, budget: Budget
) -> Iterator[pa.RecordBatch]:
    while header[-1] is None:
        header.pop()
    width = len(header)
    schema = pa.schema([(column or "", pa.string()) for column in header])
    refuse_twice(name, schema)
    rows: list[Row] = []
    characters = 0
    for number, row in found:
        while len(row) > width and row[-1] is None:
            row.pop()
        if len(row) > width:
            raise PipelineError(
                f"{name}: row {number} has a cell in column {len(row)}, "
                f"where the header has none: expected {width} columns"
            )
        size = sum(len(cell) for cell in row if cell)
        budget.take(size + CELL_BYTES * width)
        characters += size
        rows.append(row)
        if len(rows) * width > BATCH_CELLS or characters > BATCH_CHARACTERS:
            yield _batch(rows, schema)
            rows, characters = [], 0
    yield _batch(rows, schema)


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        pa.array([row[at] if at < len(row) else None for row in rows], pa.string())
        for at in range(len(schema))
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _rows(
    archive: zipfile.ZipFile, name: str, sheet: str | None, budget: Budget
) -> Iterator[tuple[int, Row]]:
    """Yield each row with its number, those between two that hold nothing too."""
    with archive.open(BOOK) as part:
        book = sheet_xml.workbook(part, budget)
    with archive.open("xl/_rels/workbook.xml.rels") as part:
        related = sheet_xml.relations(part, budget)
    where = {kind: path for kind, path in related.values() if kind != "worksheet"}
    there = {*archive.namelist()}
    shared, dates = [], []
    if where.get("sharedStrings") in there:
        with archive.open(where["sharedStrings"]) as part:
            shared = sheet_xml.strings(part, budget)
    if where.get("styles") in there:
        with archive.open(where["styles"]) as part:
            dates = sheet_xml.dated(part, budget)
    paths = {
        title: related[key][1]
        for title, key in book.sheets.items()
        if related.get(key, ("", ""))[0] == "worksheet"
    }

    def rows(title: str) -> Iterator[tuple[int, Row]]:
        cells = Cells(shared, dates, book.from_1904)
        before = 0
        with archive.open(paths[title]) as part:
            for _ in sheet_xml.walk(part, budget, cells.start, cells.end, cells.text):
                for number, row in cells.done:
                    yield from ((gap, []) for gap in range(before + 1, number))
                    yield number, row
                    before = number
                cells.done.clear()

    yield from rows(_chosen(name, sheet, paths, rows))


def _chosen(name: str, sheet: str | None, paths: dict[str, str], rows: Any) -> str:
    if sheet is not None:
        if sheet not in paths:
            raise PipelineError(f"{name}: no sheet '{sheet}', but {_listed(paths)}")
        return sheet
    if len(paths) == 1:
        return next(iter(paths))
    filled = [title for title in paths if any(any(row) for _, row in rows(title))]
    if len(filled) != 1:
        what = f"several sheets ({_listed(filled)}): name the one" if filled else "no cells"
        named = " that counts, `sheet` beside `csv`" if filled else ""
        raise PipelineError(f"{name}: the workbook has {what}{named}")
    return filled[0]


def _listed(titles: Any) -> str:
    return ", ".join(f"'{title}'" for title in list(titles)[:10])
