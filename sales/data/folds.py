"""Folds of the train rows: each row is held out once, and predicted by a model that never saw it.

For tables whose valid part would be too small to tell models apart. With `hash` a row's fold
follows from its key alone, and it stays there as others come; with a group all of its rows are in
one fold; with `time` a fold is held out against the rows before it alone (rolling origin, Tashman
2000), so that the earliest rows, NEVER held out, only teach.
"""

import numpy as np
import pandas as pd

from sales.data.split import PrepareParams
from sales.errors import PipelineError

TABLE = "folds.parquet"  # beside the parts: a row a train row, a column a repeat
NEVER = -1
FEWEST = 5  # rows in a fold


def assign(
    rows: int, params: PrepareParams, dates: np.ndarray | None, keys: np.ndarray | None
) -> pd.DataFrame:
    """Return the fold of each of so many train rows, from 0, for each repeat.

    `dates` and `keys` are the train rows' own. Raises PipelineError where a fold would have too few
    rows, as where a group is too large.
    """
    if params.split == "time":
        order = _of_time(np.arange(rows) if dates is None else dates, keys, params)
        found = [order]
    else:
        found = [_drawn(rows, params, keys, repeat) for repeat in range(params.repeats)]
    for each in found:
        counts = np.bincount(each[each != NEVER], minlength=params.folds)
        if counts.min() < FEWEST or (each == NEVER).sum() < FEWEST * (params.split == "time"):
            raise PipelineError(
                f"{rows} train rows come to folds of {counts.min()} to {counts.max()}, and each "
                f"needs {FEWEST}: lower prepare.folds (is {params.folds}), or set prepare.valid: "
                "part"
            )
    return pd.DataFrame({f"{n}": each.astype(np.int16) for n, each in enumerate(found)})


def _drawn(rows: int, params: PrepareParams, keys: np.ndarray | None, repeat: int) -> np.ndarray:
    if params.split == "hash" and keys is not None:
        return (_stirred(keys, params.seed, repeat) % np.uint64(params.folds)).astype(np.int64)
    rng = np.random.RandomState([params.seed, repeat, 1])
    if keys is None:
        place = np.empty(rows, np.int64)
        place[rng.permutation(rows)] = np.arange(rows) * params.folds // rows
        return place
    _, of, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    return _in_order(rng.permutation(len(sizes)), sizes, params.folds)[of]


def _of_time(dates: np.ndarray, keys: np.ndarray | None, params: PrepareParams) -> np.ndarray:
    """Return the folds of time: one stretch more than there are, of which the first only teaches.

    A group stands where its latest row does.
    """
    at = np.asarray(dates).astype(np.int64)
    if keys is None:
        of, sizes = np.arange(len(at)), np.ones(len(at), np.int64)
        latest = at
    else:
        names, of, sizes = np.unique(keys, return_inverse=True, return_counts=True)
        latest = np.full(len(names), np.iinfo(np.int64).min)
        np.maximum.at(latest, of, at)
    order = np.argsort(latest, kind="stable")
    return _in_order(order, sizes, params.folds + 1)[of] - 1


def _in_order(order: np.ndarray, sizes: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each unit: in that order, as many rows to each as there can be."""
    middle = np.cumsum(sizes[order]) - sizes[order] / 2
    place = np.empty(len(sizes), np.int64)
    place[order] = (middle * folds / sizes.sum()).astype(np.int64)
    return place


def _stirred(keys: np.ndarray, seed: int, repeat: int) -> np.ndarray:
    """Return other hashes of the keys: the place of a key tells its part, and must not its fold."""
    hashed: np.ndarray = pd.util.hash_array(keys ^ np.uint64(seed), categorize=False)
    for _ in range(repeat):
        hashed = pd.util.hash_array(hashed, categorize=False)
    return hashed


def held_out(folds: np.ndarray, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the rows that teach while a fold is held out, and of the fold's.

    >>> teach, held = held_out(np.array([0, 1, 1, 0]), 1)
    >>> teach.tolist(), held.tolist()
    ([0, 3], [1, 2])
    >>> teach, held = held_out(np.array([NEVER, 0, 1]), 0)  # by time: nothing later
    >>> teach.tolist(), held.tolist()
    ([0], [1])
    """
    teaching = folds < fold if (folds == NEVER).any() else folds != fold
    return np.flatnonzero(teaching), np.flatnonzero(folds == fold)
