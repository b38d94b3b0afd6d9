"""The user's own files: CSV and Parquet, read as they are, every CSV cell as text.

Text keeps what was typed, so that the quarantine can show it; the contract makes it numbers. What a
CSV's header is, and where its cells end, Arrow alone decides. A file is read at once, or batch by
batch, however large it is.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet
from pydantic import Field

from sales.errors import PipelineError
from sales.params import Group

SUFFIXES = (".csv", ".csv.gz", ".parquet")
LOCAL = pa.fs.LocalFileSystem()
BATCH_ROWS = 65_536  # of Parquet
BLOCK = 4 << 20  # bytes of CSV, and the longest line
# One thread: only then does Arrow know the number of a broken row.
STREAMED = pa.csv.ReadOptions(use_threads=False, block_size=BLOCK)
PARSE = pa.csv.ParseOptions(newlines_in_values=True)
# An empty cell is null, and nothing else is: `NA` may be a country.
AS_TEXT = pa.csv.ConvertOptions(
    default_column_type=pa.string(),
    strings_can_be_null=True,
    quoted_strings_can_be_null=False,
    null_values=[""],
)
BOM = b"\xef\xbb\xbf"


class IngestParams(Group):
    """See `ingest` in params.yaml."""

    source: Literal["synthetic", "files", "sql"]
    address: Annotated[str, Field(min_length=1)] | None = None
    sql: dict[str, Any] | None = (
        None  # read as query.SqlParams, which neither service nor page needs
    )
    rows: int = Field(ge=1, le=1_000_000_000)
    seed: int = Field(ge=0)


def read(
    path: Path | str,
    filesystem: pa.fs.FileSystem = LOCAL,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Return a file's rows. Raises PipelineError, naming the file, for one that is broken.

    Of a Parquet file only the `columns`, in the file's order, and none of the others is unpacked.
    """
    name = _name(path)
    with _refusals(name):
        _refuse_empty(str(path), filesystem)
        if is_parquet(name):
            table = _read_parquet(str(path), filesystem, columns)
        else:
            table = _read_csv(str(path), filesystem)
    if not table.num_rows:
        raise PipelineError(f"{name}: the file has a header but no rows")
    return table


def batches(
    path: str, filesystem: pa.fs.FileSystem = LOCAL, groups: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield what `read` returns, batch by batch; of a Parquet file the row groups, None: all.

    Raises what `read` does, as soon as the broken place is reached.
    """
    name = _name(path)
    empty = True
    with _refusals(name):
        _refuse_empty(path, filesystem)
        if is_parquet(name):
            found = _parquet_batches(path, filesystem, groups)
        else:
            found = _csv_batches(path, filesystem)
        for batch in found:
            empty = empty and not batch.num_rows
            yield batch
    if empty:
        raise PipelineError(f"{name}: the file has a header but no rows")


def is_parquet(name: str) -> bool:
    """Return whether a file of this name is Parquet; otherwise it is CSV."""
    return name.lower().endswith(".parquet")


def refuse_twice(name: str, schema: pa.Schema) -> None:
    """Raise PipelineError, naming the file, for a column that stands there twice."""
    twice = [column for column, count in Counter(schema.names).items() if count > 1]
    if twice:
        what = f"the column '{twice[0]}'" if twice[0] else "a column without a name"
        raise PipelineError(f"{name}: {what} stands there twice")


def _read_csv(path: str, filesystem: pa.fs.FileSystem) -> pa.Table:
    _refuse_foreign(path, filesystem)
    try:
        with filesystem.open_input_stream(path) as stream:
            table = pa.csv.read_csv(stream, None, PARSE, AS_TEXT)
            refuse_twice(_name(path), table.schema)
            return table
    except (pa.ArrowInvalid, UnicodeDecodeError):  # again, to know where
        batches = [*_csv_batches(path, filesystem)]
        return pa.Table.from_batches(batches) if batches else pa.table({})


def _csv_batches(path: str, filesystem: pa.fs.FileSystem) -> Iterator[pa.RecordBatch]:
    _refuse_foreign(path, filesystem)
    try:
        with (
            filesystem.open_input_stream(path) as stream,
            pa.csv.open_csv(stream, STREAMED, PARSE, AS_TEXT) as reader,
        ):
            refuse_twice(_name(path), reader.schema)
            yield from reader
    except UnicodeDecodeError:
        raise PipelineError(f"{_name(path)}: not in UTF-8; save it as UTF-8") from None
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise PipelineError(f"{_name(path)}: {_broken_csv(str(error))}") from None
        with filesystem.open_input_stream(path) as stream:
            if len(stream.read(STREAMED.block_size)) == STREAMED.block_size:
                where = f"in its first {BLOCK >> 20} MiB"
                raise PipelineError(f"{_name(path)}: there is no header {where}") from None


def _refuse_foreign(path: str, filesystem: pa.fs.FileSystem) -> None:
    """Raise PipelineError for a CSV file that begins with nothing, or in UTF-16."""
    with filesystem.open_input_stream(path) as stream:
        start = stream.read(1 << 16)
        if b"\0" in start:
            raise PipelineError(f"{_name(path)}: not in UTF-8 (UTF-16?); save it as UTF-8")
        start = start.removeprefix(BOM)
        while not start.strip():
            start = stream.read(1 << 16)
            if not start:
                raise PipelineError(f"{_name(path)}: the file is empty")


def _broken_csv(message: str) -> str:
    if "UTF8" in message:
        return "not in UTF-8; save it as UTF-8"
    if "straddl" in message:
        return f"a line is longer than {BLOCK >> 20} MiB: is a quotation mark left open?"
    reason = message.removeprefix("CSV parse error: ").split(": ")
    place = reason[0].removeprefix("Row #")
    line = f"line {place}" if place.isdigit() else place
    problem = " ".join(": ".join(reason[1:2]).split())
    return f"{line}: {problem.lower() or 'broken'}"


def _read_parquet(
    path: str, filesystem: pa.fs.FileSystem, columns: Sequence[str] | None
) -> pa.Table:
    with _parquet(path, filesystem) as parquet:
        names = parquet.schema_arrow.names
        return parquet.read(None if columns is None else [n for n in names if n in columns])


def _parquet_batches(
    path: str, filesystem: pa.fs.FileSystem, groups: Sequence[int] | None
) -> Iterator[pa.RecordBatch]:
    with _parquet(path, filesystem) as parquet:
        yield from parquet.iter_batches(BATCH_ROWS, row_groups=groups)


@contextmanager
def _parquet(path: str, filesystem: pa.fs.FileSystem) -> Iterator[pa.parquet.ParquetFile]:
    with (
        filesystem.open_input_file(path) as file,
        pa.parquet.ParquetFile(file, pre_buffer=True) as parquet,
    ):
        refuse_twice(_name(path), parquet.schema_arrow)
        yield parquet


def _refuse_empty(path: str, filesystem: pa.fs.FileSystem) -> None:
    info = filesystem.get_file_info(path)
    if info.type == pa.fs.FileType.NotFound:
        raise PipelineError(f"{_name(path)}: there is no such file")
    if info.size == 0:
        raise PipelineError(f"{_name(path)}: the file is empty")


def _name(path: Path | str) -> str:
    return PurePosixPath(path).name


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn what cannot be read into a line that names the file."""
    try:
        yield
    except pa.ArrowInvalid:
        raise PipelineError(f"{name}: not a Parquet file, or cut short") from None
    except UnicodeDecodeError:
        raise PipelineError(f"{name}: a column's name is not in UTF-8") from None
    except MemoryError:  # Arrow's too, which is one of its own errors: not the file's fault
        raise
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(f"{name}: cannot be read: {reason}") from None
