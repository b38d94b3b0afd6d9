"""Where rows come from: files and Parquet data sets, in a folder or at any address."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet

from sales.data import addresses, incoming
from sales.data.incoming import HowParams
from sales.data.reading import formats
from sales.errors import PipelineError

NO_DATA = ("README.md", "_SUCCESS", "_metadata", "_common_metadata")
HIDDEN = ("_", ".")  # what is named so is no part of a data set
FOOTERS = 16  # read at once: far away each takes its time, and no work


@dataclass(frozen=True)
class Stretch:
    """Rows of a source that are read one after another: a whole file, or row groups of Parquet.

    `start` is how many rows of the source come before, `rows` how many there are: of all files but
    Parquet nobody knows (None). `schema` and `keys` are a data set's: the columns that all its
    files share, and the values of those that its folders' names tell.
    """

    path: str
    filesystem: pa.fs.FileSystem
    start: int = 0
    rows: int | None = None
    groups: tuple[int, ...] | None = None
    schema: pa.Schema | None = None
    keys: dict[str, Any] = field(default_factory=dict)
    how: HowParams = incoming.FOUND

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows. Raises PipelineError, naming the file, for one that is broken."""
        for batch in incoming.batches(self.path, self.filesystem, self.groups, self.how):
            yield batch if self.schema is None else _conformed(batch, self.schema, self.keys)


@dataclass(frozen=True)
class Source:
    """A file, or a Parquet data set: a folder of such files, in the order of paths.

    `files` tells of each file its path, its size in bytes and what changes when it is changed.
    """

    name: str
    root: str
    filesystem: pa.fs.FileSystem
    files: tuple[tuple[str, int, str], ...]
    how: HowParams = incoming.FOUND

    def read(self) -> pa.Table:
        """Return all rows. Raises PipelineError for what is broken."""
        if not self._is_folder:
            return incoming.read(self.root, self.filesystem, how=self.how)
        parts = self.stretches()
        return pa.Table.from_batches(batch for part in parts for batch in part.batches())

    def stretches(self, rows: int | None = None) -> list[Stretch]:
        """Return the source in stretches that can be read side by side, in order.

        Row groups of a file stay together up to so many rows; None: all of them. Raises
        PipelineError for Parquet that is broken, holds no rows or columns that do not agree.
        """
        if not incoming.is_parquet(self.name):
            return [Stretch(self.root, self.filesystem, how=self.how)]
        fragments, schema = self._data_set() if self._is_folder else self._file()
        found: list[Stretch] = []
        start = 0
        for fragment in fragments:
            keys = pa.dataset.get_partition_keys(fragment.partition_expression)
            for groups, count in _together(fragment.metadata, rows):
                where = (fragment.path, self.filesystem)
                found.append(Stretch(*where, start, count, groups, schema, keys))
                start += count
        if not found:
            raise PipelineError(f"{self.name}: there are no rows in it")
        return found

    def told(self) -> dict[str, Any]:
        """Return what tells this source from another one, without its rows being read."""
        lines = (
            f"{path.removeprefix(self.root)} {size} {changed}\n"
            for path, size, changed in self.files
        )
        return {
            "name": self.name,
            "files": len(self.files),
            "bytes": sum(size for _, size, _ in self.files),
            "fingerprint": hashlib.sha256("".join(lines).encode()).hexdigest(),
        }

    @property
    def _is_folder(self) -> bool:
        return self.files[0][0] != self.root

    def _file(self) -> tuple[list[pa.dataset.ParquetFileFragment], None]:
        fragment = pa.dataset.ParquetFileFormat().make_fragment(self.root, self.filesystem)
        self._read_footers([fragment])
        return [fragment], None

    def _data_set(self) -> tuple[list[pa.dataset.ParquetFileFragment], pa.Schema]:
        """Return the files with what their folders tell, and the columns of all of them."""
        options = pa.dataset.FileSystemFactoryOptions(
            partition_base_dir=self.root, partitioning=pa.dataset.HivePartitioning.discover()
        )
        paths = [path for path, _, _ in self.files]
        form = pa.dataset.ParquetFileFormat()
        self._read_footers([form.make_fragment(paths[0], self.filesystem)])
        try:
            factory = pa.dataset.FileSystemDatasetFactory(self.filesystem, paths, form, options)
            first = factory.inspect(promote_options="permissive", fragments=1)
            fragments = list(factory.finish(first).get_fragments())
            self._read_footers(fragments)
            schemas = [first, *(fragment.physical_schema for fragment in fragments)]
            schema = pa.unify_schemas(schemas, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            reason = " ".join(str(error).split()).replace(f"{self.root}/", "")[:200]
            raise PipelineError(f"{self.name}: its files do not agree: {reason}") from None
        return fragments, schema.remove_metadata()

    def _read_footers(self, fragments: Sequence[pa.dataset.ParquetFileFragment]) -> None:
        def footer(fragment: pa.dataset.ParquetFileFragment) -> None:
            file = f"{self.name}{fragment.path.removeprefix(self.root)}"
            try:
                fragment.ensure_complete_metadata()
            except (pa.ArrowInvalid, OSError):
                raise PipelineError(f"{file}: not a Parquet file, or cut short") from None
            incoming.refuse_twice(file, fragment.physical_schema)

        with ThreadPoolExecutor(FOOTERS) as pool:
            list(pool.map(footer, fragments))


def find(address: str, how: HowParams = incoming.FOUND) -> list[Source]:
    """Return the sources at an address, by name: the file, the data set, or all in the folder.

    `how` says how files are read, where that is not found in each.

    A folder's README, marks that other tools leave, and hidden files are none. Raises PipelineError
    for anything else that lies there, as it might be meant as data, and where there is nothing.
    """
    there, root = addresses.resolve(address)
    filesystem = addresses.arrow(there)
    local = isinstance(filesystem, pa.fs.LocalFileSystem)
    try:
        listed = [
            (info.path, info.size, str(info.mtime_ns if local else there.ukey(info.path)))
            for info in _listed(filesystem, root)
        ]
    except Exception as error:  # each kind of address raises its own
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise PipelineError(f"{address}: cannot be listed: {reason}") from None
    whole = incoming.is_parquet(root) or root in (path for path, _, _ in listed)
    by_top: dict[str, list[tuple[str, int, str]]] = {}
    for file in listed:
        top = file[0].removeprefix(root).strip("/").partition("/")[0]
        by_top.setdefault(root if whole else f"{root}/{top}", []).append(file)
    return [
        _source(address, top, filesystem, files, how)
        for top, files in sorted(by_top.items())
        if (name := _base(top)) not in NO_DATA and not name.startswith(".")
    ]


def _source(
    address: str,
    top: str,
    filesystem: pa.fs.FileSystem,
    files: list[tuple[str, int, str]],
    how: HowParams,
) -> Source:
    name = _base(top)
    if files[0][0] != top:
        below = [path.removeprefix(top).split("/") for path, _, _ in files]
        hidden = [any(part.startswith(HIDDEN) for part in parts if part) for parts in below]
        files = [file for file, hides in zip(files, hidden, strict=True) if not hides]
        strange = not incoming.is_parquet(name) or not files
    else:
        strange = formats.of(name) is None
    if strange:
        what = formats.advice(name) or f"not {formats.TOLD}; move it out of {address}"
        raise PipelineError(f"{address.rstrip('/')}/{name}: {what}")
    return Source(name, top, filesystem, tuple(files), how)


def _listed(filesystem: pa.fs.FileSystem, root: str) -> list[pa.fs.FileInfo]:
    """Return the files at and below a path, in order."""
    at = filesystem.get_file_info(root)
    if at.type == pa.fs.FileType.NotFound:
        raise FileNotFoundError("there is nothing")
    if at.is_file:
        return [at]
    found = filesystem.get_file_info(pa.fs.FileSelector(root, recursive=True))
    return sorted((info for info in found if info.is_file), key=lambda info: info.path)


def _together(
    footer: pa.parquet.FileMetaData, most: int | None
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield runs of row groups that have up to `most` rows together, and how many they have."""
    groups: tuple[int, ...] = ()
    count = 0
    for number in range(footer.num_row_groups):
        rows = footer.row_group(number).num_rows
        if groups and most is not None and count + rows > most:
            yield groups, count
            groups, count = (), 0
        groups, count = (*groups, number), count + rows
    if count:
        yield groups, count


def _conformed(batch: pa.RecordBatch, schema: pa.Schema, keys: dict[str, Any]) -> pa.RecordBatch:
    """Return the batch with exactly the columns of the schema, those that it lacks as null."""
    columns = []
    for column in schema:
        if column.name in batch.schema.names:
            columns.append(batch.column(column.name).cast(column.type))
        else:
            value = pa.scalar(keys.get(column.name), column.type)
            columns.append(pa.repeat(value, batch.num_rows))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _base(path: str) -> str:
    return path.rpartition("/")[2]
