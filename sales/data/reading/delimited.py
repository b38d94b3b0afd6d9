"""CSV, however it is written, every cell as text: at once, or batch by batch.

Text keeps what was typed, so that the quarantine can show it; the contract makes it numbers. What a
header is, and where its cells end, Arrow alone decides, once the dialect is known.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv

from sales.data.reading import dialects, packing, recoding
from sales.data.reading.dialects import CsvParams, Dialect
from sales.data.reading.recoding import Recoded
from sales.errors import PipelineError

BLOCK = 4 << 20  # bytes, and the longest line
AS_TEXT = pa.csv.ConvertOptions(
    default_column_type=pa.string(),
    strings_can_be_null=True,
    quoted_strings_can_be_null=False,
    null_values=[""],  # an empty cell is null, and nothing else is: `NA` may be a country
)
FOREIGN = {  # how files begin that are called CSV, and are not
    **{magic: f"packed as {kind}" for kind, magic in packing.MAGIC.items() if kind != ".zip"},
    packing.MAGIC[".zip"]: "a zip, or a workbook (.xlsx)",
    b"PAR1": "Parquet",
    b"ARROW1": "Feather",
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls), or one with a password",
}
WITHOUT_NULLS = 1 << 16  # bytes of the beginning

Opened = Callable[[], AbstractContextManager[IO[bytes]]]


def read(opened: Opened, given: CsvParams, name: str) -> pa.Table:
    """Return a file's rows. Raises PipelineError, naming the file, for one that is broken."""
    try:
        with opened() as stream:
            dialect, whole = _begun(opened, stream, given, name)
            with whole:
                table = pa.csv.read_csv(whole, _options(dialect), _parse(dialect), AS_TEXT)
            refuse_twice(name, table.schema)
            dialect = dialect._replace(encoding=whole.encoding)
            return table.replace_schema_metadata(dialect.marked(table.schema).metadata)
    except (pa.ArrowInvalid, UnicodeDecodeError):  # again, to know where
        found = [*batches(opened, given, name)]
        return pa.Table.from_batches(found) if found else pa.table({})


def batches(opened: Opened, given: CsvParams, name: str) -> Iterator[pa.RecordBatch]:
    """Yield what `read` returns, batch by batch; nothing for a file without a header.

    Raises what `read` does, as soon as the broken place is reached.
    """
    dialect, whole = Dialect(), None
    try:
        with opened() as stream:
            dialect, whole = _begun(opened, stream, given, name)
            # One thread: only then does Arrow know the number of a broken row.
            options = _options(dialect, use_threads=False, block_size=BLOCK)
            with whole, pa.csv.open_csv(whole, options, _parse(dialect), AS_TEXT) as reader:
                refuse_twice(name, reader.schema)
                metadata = dialect.marked(reader.schema).metadata
                for batch in reader:
                    yield batch.replace_schema_metadata(metadata) if metadata else batch
    except UnicodeDecodeError:
        raise PipelineError(f"{name}: {_undecodable(opened, whole)}") from None
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            raise PipelineError(f"{name}: {_undecodable(opened, whole)}") from None
        if "Empty CSV" not in str(error):
            raise PipelineError(f"{name}: {_broken(str(error), dialect)}") from None
        with opened() as stream:
            if len(stream.read(BLOCK)) == BLOCK:
                where = f"in its first {BLOCK >> 20} MiB"
                raise PipelineError(f"{name}: there is no header {where}") from None


def refuse_twice(name: str, schema: pa.Schema) -> None:
    """Raise PipelineError, naming the file, for a column that stands there twice."""
    twice = [column for column, count in Counter(schema.names).items() if count > 1]
    if twice:
        what = f"the column '{twice[0]}'" if twice[0] else "a column without a name"
        raise PipelineError(f"{name}: {what} stands there twice")


def _begun(
    opened: Opened, stream: IO[bytes], given: CsvParams, name: str
) -> tuple[Dialect, Recoded]:
    """Return a file's dialect, and all of it as UTF-8.

    Raises PipelineError for one that holds nothing, or something else than text.
    """
    sample = bytes(stream.read(dialects.SAMPLE))
    foreign = next((what for magic, what in FOREIGN.items() if sample.startswith(magic)), None)
    if foreign:
        raise PipelineError(f"{name}: not CSV, but {foreign}: call it so")
    dialect = dialects.find(sample, given, whole=len(sample) < dialects.SAMPLE)
    if b"\0" in sample[:WITHOUT_NULLS] and dialect.encoding in (None, "utf-8"):
        raise PipelineError(f"{name}: not text; save it as CSV, in UTF-8")
    if not sample.removeprefix(b"\xef\xbb\xbf").strip():
        with opened() as again:
            again.read(len(sample))
            while (block := again.read(dialects.SAMPLE)) and not block.strip():
                pass
        if not block:
            raise PipelineError(f"{name}: the file is empty")
    return dialect, Recoded(stream, dialect.encoding, sample)


def _options(dialect: Dialect, **how: Any) -> pa.csv.ReadOptions:
    return pa.csv.ReadOptions(skip_rows=dialect.skip, **how)


def _parse(dialect: Dialect) -> pa.csv.ParseOptions:
    return pa.csv.ParseOptions(
        delimiter=dialect.separator, quote_char=dialect.quote or False, newlines_in_values=True
    )


def _undecodable(opened: Opened, whole: Recoded | None) -> str:
    """Return where a file holds what its encoding does not know."""
    encoding = whole.encoding if whole else "utf-8"
    with opened() as stream:
        found = recoding.unknown(stream, encoding)
    where = f"line {found[0]}: the byte 0x{found[1]:02x} is not {encoding}" if found else "broken"
    return f"{where}; save it as UTF-8, or name its encoding in ingest.csv.encoding"


def _broken(message: str, dialect: Dialect) -> str:
    if "straddl" in message:
        return f"a line is longer than {BLOCK >> 20} MiB: is a quotation mark left open?"
    reason = message.removeprefix("CSV parse error: ").split(": ")
    place = reason[0].removeprefix("Row #")
    line = f"line {place}" if place.isdigit() else place
    problem = " ".join(": ".join(reason[1:2]).split())
    told = f" ({dialect.told})" if dialect.separator != "," else ""
    return f"{line}: {problem.lower() or 'broken'}{told}"
