"""The user's own files: CSV and Parquet, read as they are, every CSV cell as text.

Text keeps what was typed, so that the quarantine can show it; the contract makes it numbers.
"""

import csv
import zlib
from collections import Counter
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pydantic import Field

from sales.errors import PipelineError
from sales.params import Group

SUFFIXES = (".csv", ".csv.gz", ".parquet")
EMPTY = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]  # cells that hold nothing


class IngestParams(Group):
    """See `ingest` in params.yaml."""

    source: Literal["synthetic", "files"]
    rows: int = Field(ge=1, le=1_000_000_000)
    seed: int = Field(ge=0)


def find(folder: Path) -> list[Path]:
    """Return the data files of a folder by name; its README and hidden files are none.

    Raises PipelineError for anything else that lies there: it might be meant as data.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.name == "README.md" or path.name.startswith("."):
            continue
        if path.is_dir() or not path.name.lower().endswith(SUFFIXES):
            raise PipelineError(f"{path}: neither CSV nor Parquet; move it out of {folder}")
        found.append(path)
    return found


def read(path: Path) -> pa.Table:
    """Return a file's rows. Raises PipelineError, naming the file, for one that is broken."""
    try:
        if path.stat().st_size == 0:
            raise PipelineError(f"{path.name}: the file is empty")
        table = _read_parquet(path) if path.name.lower().endswith(".parquet") else _read_csv(path)
    except (OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())[:160]
        raise PipelineError(f"{path.name}: cannot be read: {reason}") from None
    if not table.num_rows:
        raise PipelineError(f"{path.name}: the file has a header but no rows")
    return table


def _read_parquet(path: Path) -> pa.Table:
    try:
        return pa.parquet.read_table(path)
    except pa.ArrowInvalid:
        raise PipelineError(f"{path.name}: not a Parquet file, or cut short") from None


def _read_csv(path: Path) -> pa.Table:
    header = _header(path)
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=EMPTY,
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    try:
        return pa.csv.read_csv(path, convert_options=options, parse_options=parse)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return pa.table({name: [] for name in header})
        if "UTF8" in str(error):
            raise PipelineError(f"{path.name}: not in UTF-8; save it as UTF-8") from None
    try:  # again in one thread: only then does Arrow know the row's number
        one = pa.csv.ReadOptions(use_threads=False)
        pa.csv.read_csv(path, one, parse, options)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("CSV parse error: ").split(": ")
        place = reason[0].removeprefix("Row #")
        line = f"line {place}" if place.isdigit() else place
        problem = " ".join(": ".join(reason[1:2]).split())
        raise PipelineError(f"{path.name}: {line}: {problem.lower() or 'broken'}") from None
    raise PipelineError(f"{path.name}: cannot be read")


def _header(path: Path) -> list[str]:
    """Return the names of the first line. Raises PipelineError for none, or one twice."""
    with pa.input_stream(path, compression="detect") as stream:
        start = stream.read(1 << 16)
    if b"\0" in start:
        raise PipelineError(f"{path.name}: not in UTF-8 (UTF-16?); save it as UTF-8")
    if not start.strip():
        raise PipelineError(f"{path.name}: the file is empty")
    first = start.removeprefix(b"\xef\xbb\xbf").splitlines()[0]
    try:
        names = next(csv.reader([first.decode()]))
    except UnicodeDecodeError:
        raise PipelineError(f"{path.name}: not in UTF-8; save it as UTF-8") from None
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise PipelineError(f"{path.name}: the column '{twice[0]}' stands there twice")
    return names
