"""Accepted rows to train, valid and test ones, partition by partition, on either engine.

Each function of one partition writes files or returns a small summary; `divide` is what these come
to together.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sales.contract import Contract, quarantine
from sales.contract.quarantine import NUMBER
from sales.data import folds, keys, pictures
from sales.data.preparation import GROUP, GROUPS, Accepted
from sales.data.split import PARTS, TRAIN_GROUPS, PrepareParams, split
from sales.engine import Engine, partitions
from sales.errors import PipelineError

BY_PART = {"train": TRAIN_GROUPS, "test": GROUPS}  # the tables of groups


@dataclass(frozen=True)
class Divided:
    """How many rows came into each part, how many lack a value, and the data's own picture.

    `missing` has those rows by column and part, of the columns that may lack one; `files` how many
    are of each file, with their first and last day where there are dates.
    """

    rows: dict[str, int]
    missing: dict[str, dict[str, int]]
    numeric: pd.DataFrame
    categorical: pd.DataFrame
    files: dict[str, tuple[int, str | None, str | None]]


class _Told(NamedTuple):
    """What a partition's accepted rows tell before they are split."""

    rows: int
    levels: dict[str, set[str]]
    ranges: dict[str, tuple[float, float]]
    counts: dict[str, Counter[str]]
    dates: np.ndarray | None
    keys: np.ndarray | None
    files: dict[str, tuple[int, Any, Any]]


def divide(
    contract: Contract,
    settings: PrepareParams,
    accepted: Sequence[Accepted],
    engine: Engine,
    folder: Path,
    begins: Mapping[str, int],
) -> Divided:
    """Write the parts into a folder: the rows that the split draws from all of them together.

    `begins` has the number of each file's first row.
    And the folds of the train rows, where these are asked for: raises PipelineError on a cluster.
    """
    if settings.valid == "folds" and engine.partition_rows is not None:
        raise PipelineError(
            "prepare.valid: folds are for tables of few rows: set run.engine to local, or "
            "prepare.valid to part"
        )
    many = len(accepted)
    dated = settings.split == "time"
    told = engine.map(
        _tell, [contract] * many, accepted, [settings] * many, [begins] * many, what="summaries"
    )
    rows = sum(one.rows for one in told)
    dates = found = None
    if dated and contract.date:
        dates = np.concatenate([one.dates for one in told if one.dates is not None])
    if settings.keyed:
        found = np.concatenate([one.keys for one in told if one.keys is not None])
    label = np.empty(rows, np.uint8)
    parts = split(rows, settings, dates, found)
    for number, positions in enumerate(parts.values()):
        label[positions] = number
    if settings.valid == "folds":
        train = parts["train"]
        own = (None if each is None else each[train] for each in (dates, found))
        partitions.write(folds.assign(len(train), settings, *own), folder / folds.TABLE)
    labels = np.split(label, np.cumsum([one.rows for one in told])[:-1])
    seen = {name: set[str]().union(*(one.levels[name] for one in told)) for name in told[0].levels}
    edges = pictures.edges([one.ranges for one in told])
    numbers: Iterable[int | None] = [None]
    if engine.partition_rows is not None:
        numbers = range(many)
        groups = BY_PART.values() if settings.group else ()
        for table in (*(f"{part}.parquet" for part in PARTS), *groups):
            (folder / table).mkdir()
    written = engine.map(
        _write,
        [contract] * many,
        accepted,
        labels,
        [seen] * many,
        [edges] * many,
        [folder] * many,
        numbers,
        [one.keys if settings.group else None for one in told],
        what="split",
    )
    counted = {part: int((label == number).sum()) for number, part in enumerate(PARTS)}
    if sum(one.rows[part] for one in written for part in PARTS) != rows:
        raise AssertionError("a row was lost: the parts are not the accepted rows")
    return Divided(
        counted,
        {
            name: {part: sum(one.missing[part][name] for one in written) for part in PARTS}
            for name in contract.optional
        },
        pictures.numeric(edges, [one.bins for one in written]),
        pictures.categorical([one.counts for one in told]),
        {
            name: _together([one.files[name] for one in told if name in one.files])
            for name in begins
        },
    )


def _tell(
    contract: Contract, accepted: Accepted, settings: PrepareParams, begins: Mapping[str, int]
) -> _Told:
    rows = accepted.rows()
    dated, found = settings.split == "time", None
    if settings.keyed:
        found = keys.of_rows(contract, rows, settings.seed)
    if settings.group and found is not None:
        found = keys.of_groups(rows[GROUP], found, settings.seed)
    return _Told(
        len(rows),
        quarantine.levels(contract, rows),
        pictures.ranges(rows, contract),
        pictures.counts(rows, contract),
        rows[contract.date].to_numpy() if dated and contract.date else None,
        found,
        _by_file(contract, rows, begins),
    )


def _by_file(
    contract: Contract, rows: pd.DataFrame, begins: Mapping[str, int]
) -> dict[str, tuple[int, Any, Any]]:
    """Return how many rows are of each file, and their first and last date."""
    days = rows[contract.date] if contract.date else pd.Series(pd.NaT, rows.index)
    ends = np.searchsorted(rows[NUMBER].to_numpy(), [*begins.values(), np.iinfo(np.int64).max])
    found: dict[str, tuple[int, Any, Any]] = {}
    for name, first, stop in zip(begins, ends, ends[1:], strict=False):
        if first < stop:  # the numbers rise
            its = days.iloc[first:stop].dropna()
            dated = (its.min(), its.max()) if len(its) else (None, None)
            found[name] = (int(stop - first), *dated)
    return found


def _together(
    told: Sequence[tuple[int, Any, Any]],
) -> tuple[int, str | None, str | None]:
    """Return one file's rows and days, of what its partitions told."""
    first = min((low for _, low, _ in told if low is not None), default=None)
    last = max((high for _, _, high in told if high is not None), default=None)
    rows = sum(count for count, _, _ in told)
    if first is None or last is None:
        return rows, None, None
    return rows, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"


class _Written(NamedTuple):
    """How many of a partition's rows are in each part, how many of them lack a value, the bins."""

    rows: dict[str, int]
    missing: dict[str, dict[str, int]]
    bins: pictures.Bins


def _write(
    contract: Contract,
    accepted: Accepted,
    labels: np.ndarray,
    seen: dict[str, set[str]],
    edges: pictures.Edges,
    folder: Path,
    number: int | None,
    groups: np.ndarray | None,
) -> _Written:
    rows = quarantine.typed(contract, accepted.rows(), seen)
    counts, missing = {}, {}
    for label, part in enumerate(PARTS):
        mine = rows[labels == label]
        counts[part] = len(mine)
        missing[part] = {name: int(mine[name].isna().sum()) for name in contract.optional}
        if len(mine) or number is None:
            partitions.write(mine, partitions.name(folder / f"{part}.parquet", number))
            if groups is not None and part in BY_PART:
                theirs = pd.DataFrame({"group": groups[labels == label]})
                partitions.write(theirs, partitions.name(folder / BY_PART[part], number))
    return _Written(counts, missing, pictures.bins(rows, edges))
