"""The user's own files, read as they are: CSV, Parquet, Excel, JSON lines and Feather.

Every cell of a CSV and of a workbook is text: the contract makes it numbers. A file is read at
once, or batch by batch, however large it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Any, Literal

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet
from pydantic import Field

from sales.data.reading import delimited, feather, formats, json_lines, packing, workbooks
from sales.data.reading.delimited import refuse_twice
from sales.data.reading.dialects import CsvParams
from sales.data.reading.formats import Format
from sales.errors import PipelineError
from sales.params import Group

__all__ = ["HowParams", "IngestParams", "batches", "is_parquet", "read", "refuse_twice"]
LOCAL = pa.fs.LocalFileSystem()
BATCH_ROWS = 65_536  # of Parquet and Feather


class HowParams(Group):
    """How files are read, where that is not found in each: see `ingest` in params.yaml."""

    csv: CsvParams = CsvParams()
    sheet: Annotated[str, Field(min_length=1)] | None = None


class IngestParams(HowParams):
    """See `ingest` in params.yaml."""

    source: Literal["synthetic", "files", "sql"]
    address: Annotated[str, Field(min_length=1)] | None = None
    sql: dict[str, Any] | None = (
        None  # read as query.SqlParams, which neither service nor page needs
    )
    rows: int = Field(ge=1, le=1_000_000_000)
    seed: int = Field(ge=0)
    drift: dict[str, Any] | None = None  # read as drift.DriftParams, where orders are made


FOUND = HowParams()  # whatever is not told is found


def read(
    path: Path | str,
    filesystem: pa.fs.FileSystem = LOCAL,
    columns: Sequence[str] | None = None,
    how: HowParams = FOUND,
    most: int | None = None,
) -> pa.Table:
    """Return a file's rows. Raises PipelineError, naming the file, for one that is broken.

    Of a Parquet file only the `columns`, in the file's order, and none of the others is unpacked.
    `most` bytes are what a workbook may unpack to, and what the table of it and of JSON lines may
    take: then packing.TooLargeError.
    """
    name = _name(path)
    with _refusals(name):
        _refuse_empty(str(path), filesystem)
        file = File(str(path), filesystem)
        if file.format.kind == "parquet":
            table = _read_parquet(str(path), filesystem, columns)
        elif file.format.kind == "csv":
            table = delimited.read(file.opened, how.csv, name)
        else:
            table = pa.Table.from_batches(_batches(file, how, None, most))
    if not table.num_rows:
        raise PipelineError(f"{name}: the file has a header but no rows")
    return table


def batches(
    path: str,
    filesystem: pa.fs.FileSystem = LOCAL,
    groups: Sequence[int] | None = None,
    how: HowParams = FOUND,
) -> Iterator[pa.RecordBatch]:
    """Yield what `read` returns, batch by batch; of a Parquet file the row groups, None: all.

    Raises what `read` does, as soon as the broken place is reached.
    """
    name = _name(path)
    empty = True
    with _refusals(name):
        _refuse_empty(path, filesystem)
        for batch in _batches(File(path, filesystem), how, groups, None):
            empty = empty and not batch.num_rows
            yield batch
    if empty:
        raise PipelineError(f"{name}: the file has a header but no rows")


def is_parquet(name: str) -> bool:
    """Return whether a file of this name is Parquet."""
    return name.lower().endswith(".parquet")


class File:
    """A file where it lies, and what it is by its name, or by the name of what a zip holds."""

    def __init__(self, path: str, filesystem: pa.fs.FileSystem) -> None:
        self.path, self.filesystem, self.name = path, filesystem, _name(path)
        self.format = formats.of(self.name) or Format("csv", None)
        if self.format.packed == ".zip":
            with self.at_random() as file:
                inner = formats.of(packing.member(file, self.name))
            if not inner or inner.packed or inner.kind not in formats.TEXT.values():
                raise PipelineError(
                    f"{self.name}: the zip holds neither CSV nor JSON lines: unpack it"
                )
            self.format = Format(inner.kind, ".zip")

    def at_random(self) -> pa.NativeFile:
        """Return the file, opened to be read anywhere."""
        return self.filesystem.open_input_file(self.path)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Yield what the file holds, unpacked, as a stream from its beginning."""
        packed = self.format.packed
        whole = self.filesystem.open_input_stream
        with (
            self.at_random() if packed == ".zip" else whole(self.path, compression=None) as file,
            packing.unpacked(file, packed, self.name) as stream,
        ):
            yield stream


def _batches(
    file: File, how: HowParams, groups: Sequence[int] | None, most: int | None
) -> Iterator[pa.RecordBatch]:
    kind = file.format.kind
    if kind == "parquet":
        yield from _parquet_batches(file.path, file.filesystem, groups)
    elif kind == "json lines":
        yield from json_lines.batches(file.opened, file.name, most)
    elif kind == "csv":
        yield from delimited.batches(file.opened, how.csv, file.name)
    else:
        with file.at_random() as opened:
            if kind == "xlsx":
                yield from workbooks.batches(opened, file.name, how.sheet, most)
            else:
                yield from feather.batches(opened, file.name, BATCH_ROWS)


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
    except pa.ArrowInvalid as error:
        what = f"cannot be read: {_line(error)}"
        if is_parquet(name):
            what = "not a Parquet file, or cut short"
        raise PipelineError(f"{name}: {what}") from None
    except UnicodeDecodeError:
        raise PipelineError(f"{name}: a column's name is not in UTF-8") from None
    except MemoryError:  # Arrow's too, which is one of its own errors: not the file's fault
        raise
    except (*packing.BROKEN, pa.ArrowException) as error:
        raise PipelineError(f"{name}: cannot be read: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
