"""How a CSV file is written: its separator, quotation mark, decimal mark and encoding.

Each is given in params.yaml, or found in the file's beginning by counting. What differs from plain
CSV goes with the table, in its schema's metadata, so that whoever reads or writes its cells knows.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

import pyarrow as pa
from pydantic import AfterValidator, BeforeValidator

from sales.params import Group

NOTED = b"csv"  # the key of the metadata, as sales/contract/decimals.py asks for it
SAMPLE = 1 << 20  # bytes of a file's beginning that are looked at
RECORDS = 1_000  # of them
SEPARATORS = (",", ";", "\t", "|")
FALLBACK = "windows-1252"  # what is not UTF-8: Latin-1, and what Windows has put into its gaps
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
EXCELS_OWN = re.compile(r'\ufeff?"?sep=(.)"?\r?\n')  # a first line that Excel writes and hides
WORDS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}

# Numbers that leave no doubt which mark is the decimal one, and those that do: 1,234 may be whole.
SURE = (
    r"\s*[+-]?(?:\d*{mark}(?:\d{{1,2}}|\d{{4,}})|(?:0|\d{{4,}}){mark}\d+"
    r"|\d{{1,3}}(?:{other}\d{{3}})+{mark}\d+)\s*"
)
COMMA = re.compile(SURE.format(mark=",", other=r"\."))
POINT = re.compile(SURE.format(mark=r"\.", other=","))
DOUBTFUL = re.compile(r"\s*[+-]?\d{1,3},\d{3}\s*")


def _one(mark: object) -> object:
    if isinstance(mark, str) and mark in ("\\t", "tab"):
        return "\t"
    if isinstance(mark, str) and len(mark) != 1:
        raise ValueError("it is one character")
    return mark


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError("there is no such encoding: utf-8, windows-1252, utf-16, …") from None


class CsvParams(Group):
    """See `ingest.csv` in params.yaml; what is None is found in each file."""

    separator: Annotated[str, BeforeValidator(_one)] | None = None
    decimal: Literal[".", ","] | None = None
    quote: Annotated[str, BeforeValidator(lambda mark: mark and _one(mark))] | None = None
    encoding: Annotated[str, AfterValidator(_known)] | None = None


class Dialect(NamedTuple):
    """What is plain by default; without a quotation mark (empty) nothing is quoted.

    `skip` lines stand before the header. `encoding` is None where all that was seen is ASCII.
    """

    separator: str = ","
    decimal: str = "."
    quote: str = '"'
    encoding: str | None = "utf-8"
    skip: int = 0

    @property
    def told(self) -> str:
        """What differs from plain CSV, in words; nothing where all is plain."""
        words = []
        if self.separator != ",":
            words.append(f"separated by {WORDS.get(self.separator, repr(self.separator))}")
        if self.decimal != ".":
            words.append("with decimal commas")
        if self.quote != '"':
            words.append(f"quoted by {self.quote}" if self.quote else "without quotation marks")
        if self.encoding not in (None, "utf-8"):
            words.append(f"in {self.encoding}")
        return ", ".join(words)

    def marked(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema with what differs from plain CSV."""
        if not self.told:
            return schema
        told = {k: v for k, v in self._asdict().items() if v not in (None, PLAIN[k])}
        return schema.with_metadata({**(schema.metadata or {}), NOTED: json.dumps(told)})


PLAIN = Dialect()._asdict()


def of(schema: pa.Schema) -> Dialect:
    """Return what `marked` has noted of the file that a table came from.

    >>> of(Dialect(";", ",").marked(pa.schema({"Price": pa.string()}))).told
    'separated by semicolons, with decimal commas'
    """
    noted = (schema.metadata or {}).get(NOTED)
    return Dialect(**json.loads(noted)) if noted else Dialect()


def find(sample: bytes, given: CsvParams, *, whole: bool) -> Dialect:
    """Return how a file is written that begins so; `whole`: and ends there.

    What nothing speaks for is plain.
    """
    encoding = given.encoding or encoding_of(sample, whole=whole)
    text = _lines(sample.decode(encoding or "utf-8", "replace").removeprefix("\ufeff"), whole)
    own = EXCELS_OWN.match(text)
    text = text[own.end() :] if own else text
    separator = given.separator or (own[1] if own else None)
    separators = (separator,) if separator else SEPARATORS
    quotes: Sequence[str] = ('"',) if given.quote is None else (given.quote,)
    if given.quote is None and '"' not in text and "'" in text:
        quotes = ('"', "'")
    ranked = [
        (*_rank(records), -place, separator, quote, records)
        for place, (separator, quote) in enumerate((s, q) for q in quotes for s in separators)
        if (records := [*_records(text, separator, quote)])
    ]
    if not ranked:
        return Dialect(separator or ",", given.decimal or ".", quotes[0], encoding, int(bool(own)))
    *_, found, quote, records = max(ranked, key=lambda one: one[:4])
    if len(records[0]) == 1 and not separator:  # nothing parts it: a single column
        found, quote, records = ",", quotes[0], [*_records(text, ",", quotes[0])]
    if len(quotes) > 1:
        quote = "'" if _wrapped(text, found) else '"'
        records = [*_records(text, found, quote)]
    decimal = given.decimal or _decimal(records[1:], found)
    return Dialect(found, decimal, quote, encoding, int(bool(own)))


def encoding_of(sample: bytes, *, whole: bool) -> str | None:
    """Return the encoding of what begins so; None: all of it is ASCII.

    Bytes that are no UTF-8 make it windows-1252, but not where others say that it is UTF-8: then
    something is broken, which whoever decodes it will tell.
    """
    for bom, name in BOMS:
        if sample.startswith(bom):
            return name
    even, odd = (sample[start:2000:2].count(0) for start in (0, 1))
    if max(even, odd) > 10 * min(even, odd) + 5:  # every other byte of what is mostly English
        return "utf-16-le" if odd > even else "utf-16-be"
    if sample.isascii():
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=whole)
    except UnicodeDecodeError:
        text = sample.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        letters = sum(not character.isascii() for character in text) - broken
        return "utf-8" if letters > broken else FALLBACK
    return "utf-8"


def _lines(text: str, whole: bool) -> str:
    """Return the text without a last line that is cut."""
    if whole:
        return text
    return text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text


def _records(text: str, separator: str, quote: str) -> Iterator[list[str]]:
    """Yield the first records as Python's parser has them, without those that are blank."""
    csv.field_size_limit(max(csv.field_size_limit(), SAMPLE * 4))
    stream = io.StringIO(text, newline="")
    reader = csv.reader(
        stream,
        delimiter=separator,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    count = 0
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                yield record
                count += 1
                if count == RECORDS:
                    return
    except csv.Error:  # a quotation mark is left open, or the like: whoever reads it tells
        return


def _rank(records: Sequence[Sequence[str]]) -> tuple[bool, float, float]:
    """Return how well a separator cuts a text into records.

    Whether there is more than one column; how many records have as many as the header; and how few
    cells hold what might be another separator.
    """
    columns = len(records[0])
    body = records[1:]
    agree = sum(len(record) == columns for record in body) / len(body) if body else 1.0
    cells = [cell for record in records[:100] for cell in record]
    strange = sum(any(mark in cell for mark in ";\t|") for cell in cells)
    return columns > 1, round(agree, 2), 1 - strange / len(cells)


def _wrapped(text: str, separator: str) -> bool:
    """Return whether each record has a cell within single quotation marks, below the header."""
    mark = re.escape(separator)
    cell = re.compile(f"(?:^|{mark})'[^']*'(?={mark}|$)")
    body = [line for line in text.splitlines() if line.strip()][1:RECORDS]
    return bool(body) and all(cell.search(line) for line in body)


def _decimal(body: Sequence[Sequence[str]], separator: str) -> str:
    """Return the decimal mark that more columns speak for, where one leaves no doubt."""
    commas = points = doubtful = 0
    for column in zip(*body, strict=False):
        comma = sum(COMMA.fullmatch(cell) is not None for cell in column)
        point = sum(POINT.fullmatch(cell) is not None for cell in column)
        commas += comma > point
        points += point > comma
        doubtful += not comma and any(DOUBTFUL.fullmatch(cell) for cell in column)
    if separator == ",":
        return "," if commas > points else "."
    return "," if commas + doubtful > points else "."
