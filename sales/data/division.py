"""Accepted rows to train, valid and test ones, partition by partition, on either engine.

Each function of one partition writes files or returns a small summary; `divide` is what these come
to together.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sales.contract import Contract, quarantine
from sales.data import folds, keys, pictures
from sales.data.preparation import GROUP, Accepted
from sales.data.split import PARTS, PrepareParams, split
from sales.engine import Engine, partitions
from sales.errors import PipelineError


@dataclass(frozen=True)
class Divided:
    """How many rows came into each part, how many lack a value, and the data's own picture.

    `missing` has those rows by column and part, of the columns that may lack one.
    """

    rows: dict[str, int]
    missing: dict[str, dict[str, int]]
    numeric: pd.DataFrame
    categorical: pd.DataFrame


class _Told(NamedTuple):
    """What a partition's accepted rows tell before they are split."""

    rows: int
    levels: dict[str, set[str]]
    ranges: dict[str, tuple[float, float]]
    counts: dict[str, Counter[str]]
    dates: np.ndarray | None
    keys: np.ndarray | None


def divide(
    contract: Contract,
    settings: PrepareParams,
    accepted: Sequence[Accepted],
    engine: Engine,
    folder: Path,
) -> Divided:
    """Write the parts into a folder: the rows that the split draws from all of them together.

    And the folds of the train rows, where these are asked for: raises PipelineError on a cluster.
    """
    if settings.valid == "folds" and engine.partition_rows is not None:
        raise PipelineError(
            "prepare.valid: folds are for tables of few rows: set run.engine to local, or "
            "prepare.valid to part"
        )
    many = len(accepted)
    dated = settings.split == "time"
    told = engine.map(_tell, [contract] * many, accepted, [settings] * many, what="summaries")
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
        for part in PARTS:
            (folder / f"{part}.parquet").mkdir()
    written = engine.map(
        _write,
        [contract] * many,
        accepted,
        labels,
        [seen] * many,
        [edges] * many,
        [folder] * many,
        numbers,
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
    )


def _tell(contract: Contract, accepted: Accepted, settings: PrepareParams) -> _Told:
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
    )


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
) -> _Written:
    rows = quarantine.typed(contract, accepted.rows(), seen)
    counts, missing = {}, {}
    for label, part in enumerate(PARTS):
        mine = rows[labels == label]
        counts[part] = len(mine)
        missing[part] = {name: int(mine[name].isna().sum()) for name in contract.optional}
        if len(mine) or number is None:
            partitions.write(mine, partitions.name(folder / f"{part}.parquet", number))
    return _Written(counts, missing, pictures.bins(rows, edges))
