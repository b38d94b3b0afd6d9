"""A table's rows by calendar month, and which months a model that ends with one learns from.

A month's file holds its rows in the order of their keys, with no category that none of them has:
the same bytes, whatever comes in other months, in whichever order and part of the split.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sales.contract import Contract
from sales.data import keys
from sales.engine import partitions
from sales.errors import PipelineError

SEED = 0  # of the keys that order a month's rows


def write(
    parts: Sequence[Path], contract: Contract, folder: Path, scratch: Path
) -> tuple[dict[str, int], int]:
    """Write the rows of each month into a folder; return their number by month, and the undated.

    Partition by partition, then month by month: never more in memory than the largest of them.
    Raises PipelineError where the contract has no date.
    """
    date = dated(contract)
    pieces: dict[str, list[Path]] = {}
    without = 0
    for number, part in enumerate(parts):
        rows = pd.read_parquet(part)
        month = rows[date].to_numpy().astype("datetime64[M]")
        without += int(np.isnat(month).sum())
        for one in np.unique(month[~np.isnat(month)]):
            path = scratch / f"{one}.{number:06d}.parquet"
            partitions.write(rows[month == one], path)
            pieces.setdefault(str(one), []).append(path)
    counts = {}
    for name in sorted(pieces):
        rows = together(pieces[name])
        order = np.argsort(keys.of_rows(contract, rows, SEED), kind="stable")
        partitions.write(rows.iloc[order].reset_index(drop=True), folder / f"{name}.parquet")
        counts[name] = len(rows)
    return counts, without


def dated(contract: Contract) -> str:
    """Return the date column. Raises PipelineError where there is none."""
    if contract.date is None:
        raise PipelineError(
            "a backtest needs a date: no column of the contract in params.yaml has `role: date`"
        )
    return contract.date


def together(files: Sequence[Path]) -> pd.DataFrame:
    """Return the rows of some files; a category's levels are those that the rows have, sorted."""
    tables = [pd.read_parquet(path) for path in files]
    categorical = [
        n for n, kind in tables[0].dtypes.items() if isinstance(kind, pd.CategoricalDtype)
    ]
    plain = [table.astype(dict.fromkeys(categorical, object)) for table in tables]
    rows = pd.concat(plain, ignore_index=True)
    for name in categorical:
        levels = sorted(rows[name].dropna().unique())
        rows[name] = pd.Categorical(rows[name], categories=levels)
    return rows


def origins(counts: Mapping[str, int], window: int | None, latest: int | None) -> list[str]:
    """Return the months that a model ends with: a whole window before, rows of a month after.

    Only the `latest` so many, where that is named. Raises PipelineError where there are not two.
    """
    first, last = (np.datetime64(end(counts), "M") for end in (min, max))
    begin = first + (1 if window is None else window) - 1
    found = [str(month) for month in np.arange(begin, last)]
    found = [month for month in found if learnt_from(counts, month, window)]
    if len(found) < 2:
        asked = 1 if window is None else window
        raise PipelineError(
            f"a backtest needs {asked + 2} months or more, the rows are from {first} to {last}: "
            "lower backtest.window_months in params.yaml"
        )
    return found if latest is None else found[-latest:]


def learnt_from(counts: Mapping[str, int], month: str, window: int | None) -> list[str]:
    """Return the months with rows of the window that ends with a month.

    >>> learnt_from({"2024-01": 5, "2024-02": 5, "2024-04": 5}, "2024-04", 3)
    ['2024-02', '2024-04']
    """
    first = "" if window is None else str(np.datetime64(month, "M") - (window - 1))
    return [name for name in sorted(counts) if first <= name <= month]


def later(month: str, by: int) -> str:
    """Return the month so many months later.

    >>> later("2024-11", 2)
    '2025-01'
    """
    return str(np.datetime64(month, "M") + by)
