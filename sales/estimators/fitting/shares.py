"""Equal shares of a table's rows, one for each worker, read where they are needed.

Share by share the rows are in the table's order, and which worker holds which depends on nothing
but the number of workers: with the same number, a model is the same bytes.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pandas as pd
from dask.array import Array
from distributed import Client

from sales.engine import partitions
from sales.estimators import TrainingData, TrainingFiles
from sales.estimators.fitting import categories
from sales.estimators.fitting.categories import ParamsT

LEAST = 100  # rows for which one more worker takes part
Piece = tuple[Path, range | np.ndarray]  # numbers of rows within a Parquet file


def workers(client: Client, *tables: Sequence[Path]) -> list[str]:
    """Return the addresses of the workers that take part, as XGBoost will rank them.

    It ranks by the names of the tasks that it makes of a worker's name and address. Each of the
    tables has at least `LEAST` rows for each worker, unless there is but one.
    """
    # Not client.scheduler_info(): what it finds, the client overwrites each two seconds with none.
    known = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
    ranked = sorted(known, key=lambda address: f"{known[address]['name']}]:{address}")
    fewest = min(sum(partitions.rows(parts)) for parts in tables)
    return ranked[: max(1, fewest // LEAST)]


def equal(parts: Sequence[Path], count: int) -> list[list[Piece]]:
    """Return `count` shares of all rows, in order; they differ by one row at most."""
    stops = list(accumulate(partitions.rows(parts), initial=0))
    cuts = [stops[-1] * share // count for share in range(count + 1)]
    return [
        [
            (part, range(max(start, first) - first, min(stop, last) - first))
            for part, first, last in zip(parts, stops, stops[1:], strict=False)
            if max(start, first) < min(stop, last)
        ]
        for start, stop in pairwise(cuts)
    ]


def drawn(parts: Sequence[Path], most: int, seed: int) -> list[Piece]:
    """Return `most` rows drawn by the seed, in order; all rows where there are no more."""
    stops = list(accumulate(partitions.rows(parts), initial=0))
    if stops[-1] <= most:
        return equal(parts, 1)[0]
    rows = np.sort(np.random.default_rng(seed).choice(stops[-1], most, replace=False))
    within = np.split(rows, np.searchsorted(rows, stops[1:-1]))
    return [
        (part, found - first)
        for part, first, found in zip(parts, stops, within, strict=False)
        if len(found)
    ]


def load(pieces: Sequence[Piece], columns: Sequence[str]) -> np.ndarray:
    """Return a matrix (rows × columns) in float32; one file is in memory beside it at a time."""
    matrix = np.empty((sum(len(rows) for _, rows in pieces), len(columns)), dtype=np.float32)
    start = 0
    for part, rows in pieces:
        stop = start + len(rows)
        table = pd.read_parquet(part, columns=list(columns))
        chosen = slice(rows.start, rows.stop) if isinstance(rows, range) else rows
        matrix[start:stop] = table.iloc[chosen].to_numpy()
        start = stop
    return matrix


def column(
    pieces: Sequence[Piece],
    name: str,
    forward: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Return one column's values in float32, or what `forward` makes of them."""
    values = load(pieces, [name])[:, 0]
    return forward(values.astype(np.float64)).astype(np.float32) if forward else values


def decided(
    params: ParamsT,
    rows: TrainingFiles,
    fit: Callable[[ParamsT, TrainingData], tuple[Any, Any]],
) -> ParamsT:
    """Return the parameters with how categories are taken, where that is to be measured.

    On as many train rows as one machine takes for it.
    """
    if params.categories != "measured":
        return params
    drawn_rows = drawn(rows.train, categories.ROWS, params.seed)
    X = load(drawn_rows, rows.columns).astype(np.float64)
    y = column(drawn_rows, rows.target, rows.forward).astype(np.float64)
    nothing = X[:0], y[:0]
    data = TrainingData(rows.columns, rows.levels, X, y, *nothing, rows.holes)
    return categories.decided(params, data, fit)


def on(
    client: Client,
    addresses: Sequence[str],
    parts: Sequence[Path],
    columns: Sequence[str],
    target: str,
    forward: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[Array, Array]:
    """Return the matrix and the targets of all rows, a block on each worker.

    Where a block lies is fixed when it is read, not left to the scheduler. The rows are freed with
    the arrays.
    """
    shares = equal(parts, len(addresses))

    def blocks(
        read: Callable[..., np.ndarray], wanted: Any, *width: int, more: tuple[Any, ...] = ()
    ) -> Array:
        return dask.array.concatenate(
            [
                dask.array.from_delayed(
                    client.submit(read, share, wanted, *more, workers=[address], pure=False),
                    (sum(len(rows) for _, rows in share), *width),
                    dtype=np.float32,
                )
                for address, share in zip(addresses, shares, strict=True)
            ]
        )

    return blocks(load, columns, len(columns)), blocks(column, target, more=(forward,))
