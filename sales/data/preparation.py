"""Raw rows to accepted and quarantined ones, partition by partition, on either engine.

The function of one partition writes files and returns a small summary; `check` is what these come
to together.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from sales.contract import Contract, cells, quarantine
from sales.contract.quarantine import COLUMNS, NUMBER, Raw
from sales.data import keys
from sales.engine import Engine, partitions
from sales.engine.partitions import Kept, keep, kept
from sales.errors import PipelineError


class Piece(NamedTuple):
    """Consecutive rows of a file that came in, as ingest wrote them."""

    file: str
    path: Path
    rows: int


GROUP = "__group"  # beside an accepted row: the name of its group
GROUPS = "test_groups.parquet"  # in data/prepared: the hash of each test row's group, row by row


class _Looked(NamedTuple):
    """What checking a partition told: its accepted rows and their ids are kept."""

    rows_in: int
    blank: int
    without_target: int
    faults: pd.DataFrame
    extra_columns: set[str]
    accepted: Kept
    ids: Kept | None


class Accepted(NamedTuple):
    """A partition's accepted rows; `repeats` are the numbers of those whose id came before."""

    kept: Kept
    repeats: np.ndarray

    def rows(self) -> pd.DataFrame:
        """Return the rows that stay."""
        table = kept(self.kept)
        if not len(self.repeats):
            return table
        return table[~table[NUMBER].isin(self.repeats)].reset_index(drop=True)


@dataclass(frozen=True)
class Checked:
    """What all rows together come to. The quarantine has a row a bad cell.

    `blank` rows hold no cell at all, and of those `without_target` none can be learnt from; they
    are among none of the others, nor in `rows_in`. `begins` has the number of each file's first
    row.
    """

    accepted: list[Accepted]
    quarantine: pd.DataFrame
    rows_in: int
    blank: int
    without_target: int
    rejected: int
    by_reason: dict[str, int]
    extra_columns: list[str]
    begins: dict[str, int]


def pieces(raw: Path) -> list[Piece]:
    """Return all that ingest wrote, file by file and in the order of rows."""
    found = []
    for table in sorted(raw.glob("*.parquet")):
        parts = partitions.of(table)
        found += [
            Piece(table.stem, part, rows)
            for part, rows in zip(parts, partitions.rows(parts), strict=True)
        ]
    if not sum(piece.rows for piece in found):
        raise PipelineError(f"{raw} holds no rows: run the ingest stage")
    return found


def check(
    contract: Contract, raw: Path, engine: Engine, scratch: Path, group: str | None = None
) -> Checked:
    """Hold all raw rows against the contract; of several rows with one id the first good one stays.

    What is worked on again lies in `scratch`, or in memory. `group` is a column whose names are
    kept beside the accepted rows. Raises PipelineError for a file that lacks columns, or has one of
    which no cell can be read, and where no row holds a cell.
    """
    came = pieces(raw)
    # On one machine all files are one partition: the checks then start once.
    groups = [came] if engine.partition_rows is None else [[piece] for piece in came]
    starts = np.cumsum([0, *(piece.rows for piece in came)])
    firsts = starts[np.cumsum([0, *(len(group) for group in groups)])[:-1]]
    if engine.partition_rows is not None:
        scratch.mkdir()
    places = [None if engine.partition_rows is None else scratch] * len(groups)
    looked = engine.map(
        _look,
        [contract] * len(groups),
        groups,
        firsts.tolist(),
        places,
        [group] * len(groups),
        what="contract",
    )
    rows_in, blank = sum(one.rows_in for one in looked), sum(one.blank for one in looked)
    without_target = sum(one.without_target for one in looked)
    if not rows_in and without_target:
        raise PipelineError(f"none of the {without_target} rows holds a {contract.target}")
    if not rows_in:
        raise PipelineError(f"none of the {blank} rows that came in holds a cell")
    ids = [one.ids for one in looked if one.ids is not None]
    repeats = (
        engine.together(quarantine.repeated, ids, key="id", what="duplicate ids")
        if ids
        else quarantine.repeated(pd.DataFrame({"id": [], NUMBER: []}))
    )

    begins: dict[str, int] = {}  # of each file's rows
    for piece, begin in zip(came, starts, strict=False):
        begins.setdefault(piece.file, int(begin))

    def place(number: int) -> tuple[str, int]:
        """Return the file of a row, and its number in the file, from 1."""
        file = came[int(np.searchsorted(starts, number, side="right")) - 1].file
        return file, number - begins[file] + 1

    kind = "duplicate id"
    again = [
        (
            number,
            contract.id,
            value,
            f"duplicate of row {place(first)[1]} of {place(first)[0]}",
            kind,
        )
        for value, number, first in repeats.itertuples(index=False)
    ]
    faults = pd.concat(
        [
            *(one.faults for one in looked),
            pd.DataFrame(again, columns=list(looked[0].faults.columns)),
        ]
    ).sort_values(["number", "column"], kind="stable")
    lines = [
        (*place(number), column, value, reason)
        for number, column, value, reason, _ in faults.itertuples(index=False)
    ]
    kinds = Counter(faults["column"] + ": " + faults["kind"])
    numbers = np.sort(repeats["number"].to_numpy(np.int64))
    ends = [*firsts[1:], starts[-1]]
    own = [
        numbers[np.searchsorted(numbers, a) : np.searchsorted(numbers, b)]
        for a, b in zip(firsts, ends, strict=True)
    ]
    return Checked(
        [Accepted(one.accepted, mine) for one, mine in zip(looked, own, strict=True)],
        pd.DataFrame(lines, columns=list(COLUMNS)),
        rows_in,
        blank,
        without_target,
        faults["number"].nunique(),
        dict(sorted(kinds.items())),
        sorted(set[str]().union(*(one.extra_columns for one in looked))),
        begins,
    )


def _look(
    contract: Contract,
    consecutive: Sequence[Piece],
    start: int,
    scratch: Path | None,
    group: str | None,
) -> _Looked:
    tables, extra, begin = [], set(), start
    named: list[pd.Series] = []
    for piece in consecutive:
        names = pyarrow.parquet.read_schema(piece.path).names
        quarantine.refuse_incomplete(contract, piece.file, names)
        extra |= set(names) - set(contract.columns)
        wanted = [name for name in names if name in contract.required]
        table = pa.parquet.read_table(piece.path, columns=wanted)
        if group:
            there = [group] if group in names else []
            column = pa.parquet.read_table(piece.path, columns=there)
            named.append(keys.group_names(column, group, piece.file))
        numbers = np.arange(begin, begin + piece.rows)
        begin += piece.rows
        if cells.blank(table) is not None:  # whether the columns that nobody reads are empty too
            empty = cells.blank(pa.parquet.read_table(piece.path))
            if empty is not None:
                table, numbers = table.filter(pa.array(~empty)), numbers[~empty]
        tables.append(Raw(piece.file, table, numbers))
    found = quarantine.check(contract, tables)
    if named:
        places = found.accepted[NUMBER].to_numpy() - start
        found.accepted[GROUP] = pd.concat(named, ignore_index=True)[places].to_numpy(object)
    ids = None
    if contract.id:
        ids = keep(
            found.accepted[[contract.id, NUMBER]].rename(columns={contract.id: "id"}),
            scratch and scratch / f"ids.{start}.parquet",
        )
    accepted = keep(found.accepted, scratch and scratch / f"accepted.{start}.parquet")
    blank = begin - start - found.rows_in - found.without_target
    return _Looked(found.rows_in, blank, found.without_target, found.faults, extra, accepted, ids)
