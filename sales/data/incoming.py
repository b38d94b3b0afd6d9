"""The user's own files: CSV and Parquet, read as they are, every CSV cell as text.

Text keeps what was typed, so that the quarantine can show it; the contract makes it numbers.
A file is read at once, or batch by batch, however large it is.
"""

import csv
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet
from pydantic import Field

from sales.errors import PipelineError
from sales.params import Group

SUFFIXES = (".csv", ".csv.gz", ".parquet")
EMPTY = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]  # cells that hold nothing
LOCAL = pa.fs.LocalFileSystem()
BATCH_ROWS = 65_536  # of Parquet
# One thread: only then does Arrow know the number of a broken row.
STREAMED = pa.csv.ReadOptions(use_threads=False, block_size=4 << 20)
PARSE = pa.csv.ParseOptions(newlines_in_values=True)


class IngestParams(Group):
    """See `ingest` in params.yaml."""

    source: Literal["synthetic", "files"]
    address: Annotated[str, Field(min_length=1)] | None = None
    rows: int = Field(ge=1, le=1_000_000_000)
    seed: int = Field(ge=0)


def read(path: Path | str, filesystem: pa.fs.FileSystem = LOCAL) -> pa.Table:
    """Return a file's rows. Raises PipelineError, naming the file, for one that is broken."""
    name = _name(path)
    with _refusals(name):
        _refuse_empty(str(path), filesystem)
        if is_parquet(name):
            table = pa.parquet.read_table(str(path), filesystem=filesystem)
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


def header(path: str, filesystem: pa.fs.FileSystem = LOCAL) -> list[str]:
    """Return the names in a CSV file's first line.

    Raises PipelineError for none, or one that stands there twice.
    """
    name = _name(path)
    with _refusals(name), filesystem.open_input_stream(path) as stream:
        start = stream.read(1 << 16)
    if b"\0" in start:
        raise PipelineError(f"{name}: not in UTF-8 (UTF-16?); save it as UTF-8")
    if not start.strip():
        raise PipelineError(f"{name}: the file is empty")
    first = start.removeprefix(b"\xef\xbb\xbf").splitlines()[0]
    try:
        names = next(csv.reader([first.decode()]))
    except UnicodeDecodeError:
        raise PipelineError(f"{name}: not in UTF-8; save it as UTF-8") from None
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise PipelineError(f"{name}: the column '{twice[0]}' stands there twice")
    return names


def _csv_options(header: Sequence[str]) -> pa.csv.ConvertOptions:
    return pa.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=EMPTY,
    )


def _read_csv(path: str, filesystem: pa.fs.FileSystem) -> pa.Table:
    names = header(path, filesystem)
    try:
        with filesystem.open_input_stream(path) as stream:
            return pa.csv.read_csv(stream, None, PARSE, _csv_options(names))
    except pa.ArrowInvalid:  # again, to know where
        schema = pa.schema([(name, pa.string()) for name in names])
        return pa.Table.from_batches(_csv_batches(path, filesystem), schema)


def _csv_batches(path: str, filesystem: pa.fs.FileSystem) -> Iterator[pa.RecordBatch]:
    options = _csv_options(header(path, filesystem))
    try:
        with (
            filesystem.open_input_stream(path) as stream,
            pa.csv.open_csv(stream, STREAMED, PARSE, options) as reader,
        ):
            yield from reader
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise PipelineError(f"{_name(path)}: {_broken_csv(str(error))}") from None


def _broken_csv(message: str) -> str:
    if "UTF8" in message:
        return "not in UTF-8; save it as UTF-8"
    reason = message.removeprefix("CSV parse error: ").split(": ")
    place = reason[0].removeprefix("Row #")
    line = f"line {place}" if place.isdigit() else place
    problem = " ".join(": ".join(reason[1:2]).split())
    return f"{line}: {problem.lower() or 'broken'}"


def _parquet_batches(
    path: str, filesystem: pa.fs.FileSystem, groups: Sequence[int] | None
) -> Iterator[pa.RecordBatch]:
    with (
        filesystem.open_input_file(path) as file,
        pa.parquet.ParquetFile(file, pre_buffer=True) as parquet,
    ):
        yield from parquet.iter_batches(BATCH_ROWS, row_groups=groups)


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
    except (OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(f"{name}: cannot be read: {reason}") from None
