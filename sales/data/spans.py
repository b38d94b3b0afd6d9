"""Which stretches of data a run has: a file each, by content hash, with its rows and their dates.

Two runs' spans tell what came in between, and which file is no longer what it was.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow.fs
import pyarrow.parquet

from sales import files
from sales.engine import partitions

if TYPE_CHECKING:
    from sales.data.sources import Source

RECORD = "files.json"  # beside the rows, in data/raw/: the files that they are from

Change = Literal["known", "new", "changed", "gone"]


class Span(NamedTuple):
    """A file, or all generated orders, or a query's rows; `first` and `last` are days, ISO."""

    name: str
    sha256: str
    rows: int
    first: str | None = None
    last: str | None = None


class Changed(NamedTuple):
    """What became of a span since another run; `before` is how many rows it had then."""

    span: Span
    change: Change
    before: int = 0


def content_hash(source: "Source") -> str:
    """Return the SHA-256 of a local file, or of what tells a source's files elsewhere apart.

    Of an object store that is sizes and ETags: what lies there is not read twice.
    """
    digest = hashlib.sha256()
    local = isinstance(source.filesystem, pyarrow.fs.LocalFileSystem)
    for path, size, changed in source.files:
        told = files.content_hash(Path(path)) if local else f"{size} {changed}"
        if local and path == source.root:
            return told
        digest.update(f"{told}  {path.removeprefix(source.root)}\n".encode())
    return digest.hexdigest()


def of(data: Mapping[str, Any], source: str, dates: tuple[str, str] | None = None) -> list[Span]:
    """Return the spans of metrics/data.json; `dates` are those of the rows where they are one span.

    `source` is `ingest.source`, by which such a span is called.
    """
    if "files" in data:
        return read(data["files"])
    query = data.get("sql", {})
    sha256 = query.get("sha256") or data["sha256"]
    return [Span(source, sha256, int(data["rows_in"]), *(dates or ()))]


def read(told: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Return spans that were written down as dictionaries, whatever else stands with them."""
    return [Span(**{k: each[k] for k in Span._fields if k in each}) for each in told]


def dates(prepared: Path, column: str | None, parts: Sequence[str]) -> tuple[str, str] | None:
    """Return the first and the last day of prepared rows; of each file only the footer is read."""
    ends = []
    for path in (path for part in parts for path in partitions.of(prepared / f"{part}.parquet")):
        footer = pyarrow.parquet.read_metadata(path)
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            for at in range(group.num_columns):
                chunk = group.column(at)
                known = chunk.path_in_schema == column and chunk.statistics
                if known and known.has_min_max:
                    ends += [known.min, known.max]
    return (f"{min(ends):%Y-%m-%d}", f"{max(ends):%Y-%m-%d}") if ends else None


def since(then: Iterable[Span], now: Iterable[Span]) -> list[Changed]:
    """Return what became of each span: those of now in their order, then those that are gone.

    A file that has only got another name is known.

    >>> then = [Span("may.csv", "a1", 100), Span("june.csv", "b2", 100)]
    >>> now = [Span("June.csv", "b2", 100), Span("may.csv", "a9", 90), Span("july.csv", "c3", 50)]
    >>> [(each.span.name, each.change) for each in since(then, now)]
    [('June.csv', 'known'), ('may.csv', 'changed'), ('july.csv', 'new')]
    >>> since(then, now[1:])[-1]
    Changed(span=Span(name='june.csv', sha256='b2', rows=100, first=None, last=None), \
change='gone', before=100)
    """
    before = {span.name: span for span in then}
    hashes = {span.sha256: span for span in before.values()}
    found, met = [], set[str]()
    for span in now:
        same = hashes.get(span.sha256)
        other = before.get(span.name)
        old = same or other
        change: Change = "known" if same else "changed" if other else "new"
        found.append(Changed(span, change, old.rows if old else 0))
        met |= {old.name} if old else set()
    gone = [span for name, span in before.items() if name not in met]
    return [*found, *(Changed(span, "gone", span.rows) for span in gone)]


def new_rows(changes: Iterable[Changed]) -> int:
    """Return how many rows are more than there were: less than none where files have gone."""
    return sum((0 if each.change == "gone" else each.span.rows) - each.before for each in changes)


def as_text(changes: Sequence[Changed], seen: Mapping[str, str]) -> str:
    """Return a table for a terminal; `seen` has the time at which a content hash was first used."""
    header = ("file", "rows", "from", "to", "SHA-256", "first seen", "since the champion")
    rows = [
        (
            each.span.name,
            f"{each.span.rows:,}",
            each.span.first or "",
            each.span.last or "",
            each.span.sha256[:12],
            seen.get(each.span.sha256, "")[:10],
            _in_words(each),
        )
        for each in changes
    ]
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if i == 1 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join(lines)


def _in_words(each: Changed) -> str:
    if each.change == "changed":
        return f"changed: it had {each.before:,} rows"
    return "" if each.change == "known" else each.change
