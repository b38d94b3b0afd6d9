"""The XML of a workbook's parts: its sheets' names, shared texts, formats of dates, and cells."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import IO, NamedTuple
from xml.parsers import expat

from sales.data.reading.packing import CHUNK, Budget

COLUMNS, ROWS = 16_384, 1_048_576  # Excel's own limits
STRING_BYTES = 100  # that a shared text takes besides its characters
DATES = {*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)}  # formats that Excel brings along
NO_DATE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
EPOCH = datetime(1899, 12, 30)
Attributes = dict[str, str]


class BrokenError(ValueError):
    """A part that is not what Excel writes."""


class Workbook(NamedTuple):
    """The visible sheets, each with its relation's id, and from which year days are counted."""

    sheets: dict[str, str]
    from_1904: bool


def walk(
    stream: IO[bytes],
    budget: Budget,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] = lambda _: None,
    text: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Call for each element what is given, by its name without a prefix; yield after each chunk.

    Raises BrokenError for what is no XML, or brings definitions of its own.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, told: start(name.rpartition(":")[2], told)
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    if text:
        parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        while block := stream.read(CHUNK >> 4):
            budget.take(len(block))
            parser.Parse(block, False)
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BrokenError(f"its XML is broken: {error}") from None
    yield


def _refuse(*_: object) -> None:
    raise BrokenError("its XML defines words of its own")


def workbook(stream: IO[bytes], budget: Budget) -> Workbook:
    """Return what xl/workbook.xml tells."""
    sheets: dict[str, str] = {}
    dates: list[str] = []

    def start(name: str, told: Attributes) -> None:
        if name == "sheet" and told.get("state", "visible") == "visible":
            sheets[told.get("name", "")] = next(
                (v for k, v in told.items() if k.endswith(":id")), ""
            )
        elif name == "workbookPr":
            dates.append(told.get("date1904", "0"))

    for _ in walk(stream, budget, start):
        pass
    return Workbook(sheets, bool(dates) and dates[0] in ("1", "true"))


def relations(stream: IO[bytes], budget: Budget) -> dict[str, tuple[str, str]]:
    """Return of each part that belongs to the workbook, by its id, its kind and where it is."""
    found: dict[str, tuple[str, str]] = {}

    def start(name: str, told: Attributes) -> None:
        if name == "Relationship":
            target = told.get("Target", "")
            path = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            found[told.get("Id", "")] = (told.get("Type", "").rpartition("/")[2], path)

    for _ in walk(stream, budget, start):
        pass
    return found


def strings(stream: IO[bytes], budget: Budget) -> list[str]:
    """Return the texts that cells share, by number; of rich text all its runs."""
    found: list[str] = []
    parts: list[str] = []
    depth = {"t": 0, "rPh": 0}  # how words are spoken stands beside them, and is left out

    def start(name: str, _: Attributes) -> None:
        if name in depth:
            depth[name] += 1

    def end(name: str) -> None:
        if name in depth:
            depth[name] -= 1
        elif name == "si":
            text = unescaped("".join(parts))
            budget.take(STRING_BYTES + len(text))
            found.append(text)
            parts.clear()

    def text(more: str) -> None:
        if depth["t"] and not depth["rPh"]:
            parts.append(more)

    for _ in walk(stream, budget, start, end, text):
        pass
    return found


def dated(stream: IO[bytes], budget: Budget) -> list[bool]:
    """Return of each of the workbook's cell styles whether it shows a number as a date."""
    codes: dict[str, str] = {}
    found: list[bool] = []
    within: list[str] = []

    def start(name: str, told: Attributes) -> None:
        within.append(name)
        if name == "numFmt":
            codes[told.get("numFmtId", "")] = told.get("formatCode", "")
        elif name == "xf" and "cellXfs" in within:
            number = told.get("numFmtId", "0")
            code = codes.get(number)
            budget.take(STRING_BYTES)
            found.append(
                number.isdigit() and int(number) in DATES if code is None else is_date(code)
            )

    def end(_: str) -> None:
        within.pop()

    for _ in walk(stream, budget, start, end):
        pass
    return found


def is_date(code: str) -> bool:
    """Return whether a format shows a number as a date or a time of day.

    >>> [is_date(code) for code in ("yyyy-mm-dd", "0.00", '0 "days"', "[Red]0", "[h]:mm")]
    [True, False, False, False, False]
    """
    bare = NO_DATE.sub("", code.partition(";")[0]).lower()
    return "[" not in bare and any(letter in bare for letter in "dmyhs") and "general" not in bare


class Cells:
    """Makes rows of the elements of a sheet: lists of texts, None where there is no cell.

    `done` has each finished row with its number.
    """

    def __init__(self, shared: list[str], dates: list[bool], from_1904: bool) -> None:
        self.done: list[tuple[int, list[str | None]]] = []
        self._shared, self._dates = shared, dates
        self._epoch = EPOCH + timedelta(days=1462 * from_1904)
        self._row: list[str | None] = []
        self._number = 0
        self._kind, self._style, self._column = "n", "", -1
        self._parts: list[str] = []
        self._within = False
        self._spoken = False

    def start(self, name: str, told: Attributes) -> None:
        """Begin an element."""
        if name == "c":
            self._kind, self._style = told.get("t", "n"), told.get("s", "")
            place = told.get("r")
            self._column = _column(place) if place else self._column + 1
            self._parts.clear()
            if self._column >= COLUMNS:
                raise BrokenError(f"a cell beyond column {COLUMNS:,}")
        elif name == "row":
            number = told.get("r", "")
            self._number = max(self._number + 1, int(number) if number.isdigit() else 0)
            self._row, self._column = [], -1
            if self._number > ROWS:
                raise BrokenError(f"a row beyond {ROWS:,}")
        elif name in ("v", "t"):
            self._within = True
        elif name == "rPh":
            self._spoken = True

    def text(self, more: str) -> None:
        """Take some text."""
        if self._within and not self._spoken:
            self._parts.append(more)

    def end(self, name: str) -> None:
        """End an element."""
        if name in ("v", "t"):
            self._within = False
        elif name == "c":
            if self._parts:
                value = self._value("".join(self._parts))
                row = self._row
                row.extend([None] * (self._column + 1 - len(row)))
                row[self._column] = value
                self._parts.clear()
        elif name == "row":
            self.done.append((self._number, self._row))
        elif name == "rPh":
            self._spoken = False

    def _value(self, text: str) -> str | None:
        kind = self._kind
        if kind == "s":
            try:
                return self._shared[int(text)] or None
            except (ValueError, IndexError):
                raise BrokenError(f"a cell of row {self._number} names no text") from None
        if kind == "n":
            return self._shown(text)
        if kind == "b":
            return "true" if text.strip() in ("1", "true") else "false"
        return unescaped(text)

    def _shown(self, text: str) -> str:
        try:
            number = float(text)
        except ValueError:
            return text
        style = int(self._style) if self._style.isdigit() else 0
        if style < len(self._dates) and self._dates[style]:
            return moment(number, self._epoch) or text
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def moment(days: float, epoch: datetime = EPOCH) -> str | None:
    """Return days since an epoch as ISO 8601, below one day as a time; None for no date of Excel's.

    >>> moment(45000), moment(45000.75), moment(0.5), moment(59), moment(3e6)
    ('2023-03-15', '2023-03-15T18:00:00', '12:00:00', '1900-02-28', None)
    """
    if not 0 <= days < 2_958_466:
        return None
    if epoch == EPOCH and 1 <= days < 60:  # for Excel 1900 was a leap year
        days += 1
    at = epoch + timedelta(milliseconds=round(days * 86_400_000))
    precision = "milliseconds" if at.microsecond else "seconds"
    if days < 1:
        return at.time().isoformat(precision)
    return (
        at.date().isoformat() if at.time() == datetime.min.time() else at.isoformat("T", precision)
    )


def unescaped(text: str) -> str:
    r"""Return a text with the characters that XML does not take.

    >>> unescaped("two_x000D_lines")
    'two\rlines'
    """
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _column(place: str) -> int:
    """Return the number of a cell's column, from 0: `AB12` is in 27."""
    number = 0
    for letter in place:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number - 1
