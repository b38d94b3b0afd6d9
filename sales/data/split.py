"""Which rows train, which tune, which judge."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from sales.contract.holes import gone
from sales.errors import PipelineError
from sales.params import Group

PARTS = ("train", "valid", "test")
TRAIN_GROUPS = "train_groups.parquet"  # beside the parts: the hash of each train row's group
FEWEST = 10  # rows in a part; below, its scores mean nothing


class PrepareParams(Group):
    """See `prepare` in params.yaml."""

    split: Literal["random", "time", "hash"]
    group: str | None = None
    seed: int = Field(ge=0, lt=2**32)
    test_size: float = Field(gt=0, lt=1)
    valid: Literal["part", "folds"] = "part"
    valid_size: float = Field(gt=0, lt=1)
    folds: int = Field(default=10, ge=2, le=50)
    repeats: int = Field(default=1, ge=1, le=50)
    max_rejected_pct: float = Field(ge=0, le=100)

    @property
    def keyed(self) -> bool:
        """Whether parts are told by the rows' keys."""
        return self.split == "hash" or self.group is not None

    @property
    def valid_share(self) -> float:
        """The share of all rows that is set apart to rank by: none, where folds do that."""
        return self.valid_size if self.valid == "part" else 0.0

    @model_validator(mode="after")
    def _leave_train_rows(self) -> "PrepareParams":
        if self.test_size + self.valid_size >= 1:
            raise ValueError("test_size and valid_size leave no train rows")
        return self

    @model_validator(mode="after")
    def _one_order(self) -> "PrepareParams":
        if self.valid == "folds" and self.split == "time" and self.repeats > 1:
            raise ValueError("repeats: by time there is one way to lay the folds: set it to 1")
        return self


def split(
    rows: int, params: PrepareParams, dates: np.ndarray | None, keys: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the positions, rising, of the rows of each of PARTS, in that order.

    `random`: the test rows are those of scikit-learn's train_test_split, valid is cut out of the
    rest the same way. `time`: the latest rows are test, those before them valid; rows of one date
    keep their order. `hash`: a row's part follows from its key alone, a 64-bit hash, so that it
    stays where it is as others come; the shares are then nearly those asked for. With groups the
    rows of one key stay together: `random` and `time` draw groups, and a group's time is its latest
    row's, so that no train row is later than any group's end in test.

    The test rows are the same whether valid is a part or `folds` are: then there are no valid rows,
    and those that would have been are among the train rows.

    Raises PipelineError for too few rows, or a time split without dates.
    """
    if params.split == "hash" and keys is not None:
        return _hashed(rows, params, keys)
    test = int(np.ceil(params.test_size * rows))
    valid = int(np.ceil(params.valid_share * rows))
    if min(test, valid or FEWEST, rows - test - valid) < FEWEST:
        raise PipelineError(
            f"{rows} rows are too few: {_named(params)} need {FEWEST} each "
            "(prepare.test_size, prepare.valid_size)"
        )
    if params.split == "time":
        dates = _all_there(dates)
    if keys is not None:
        return _of_groups(params, keys, dates, test, valid)
    if dates is not None and params.split == "time":
        order = np.argsort(dates, kind="stable")
        train_rows, valid_rows, test_rows = np.split(order, [rows - test - valid, rows - test])
    else:
        rest, test_rows = _drawn(np.arange(rows), test, params.seed)
        train_rows, valid_rows = _drawn(rest, valid, params.seed)
    parts = {"train": train_rows, "valid": valid_rows, "test": test_rows}
    return {part: np.sort(positions) for part, positions in parts.items()}


def _all_there(dates: np.ndarray | None) -> np.ndarray:
    if dates is None:
        raise PipelineError("prepare.split: time needs a column with the role date")
    if none := int(np.sum(gone(dates))):
        raise PipelineError(f"prepare.split: time needs a date in every row, {none:,} have none")
    return dates


def _hashed(rows: int, params: PrepareParams, keys: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parts by where each key lies among all 64-bit numbers: test, valid, train."""
    shares = np.cumsum([params.test_size, params.valid_share])
    ends = np.array([int(share * 2.0**64) for share in shares], np.uint64)
    place = np.searchsorted(ends, keys, side="right")
    what = f"{len(np.unique(keys))} groups of {params.group}" if params.group else f"{rows} rows"
    return _parts(place, what, params)


def _of_groups(
    params: PrepareParams, keys: np.ndarray, dates: np.ndarray | None, test: int, valid: int
) -> dict[str, np.ndarray]:
    """Return the parts of whole groups: as many as it takes for so many test and valid rows."""
    names, of, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    if dates is not None and params.split == "time":
        latest = np.full(len(names), np.iinfo(np.int64).min)
        np.maximum.at(latest, of, np.asarray(dates).astype(np.int64))
        order = np.argsort(latest, kind="stable")[::-1]
    else:
        order = np.random.RandomState(params.seed).permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order]  # rows of the groups that come first
    place = np.empty(len(names), np.int64)
    place[order] = np.searchsorted([test, test + valid], before, side="right")
    return _parts(place[of], f"{len(names)} groups of {params.group}", params)


def _named(params: PrepareParams) -> str:
    *first, last = _needed(params)
    return f"{', '.join(first)} and {last}"


def _needed(params: PrepareParams) -> tuple[str, ...]:
    """Return the parts that must have rows."""
    return PARTS if params.valid == "part" else ("train", "test")


def _parts(place: np.ndarray, what: str, params: PrepareParams) -> dict[str, np.ndarray]:
    """Return the positions of each part; of rows 0 is for test, 1 for valid, 2 for train."""
    parts = {part: np.flatnonzero(place == 2 - number) for number, part in enumerate(PARTS)}
    if min(len(parts[part]) for part in _needed(params)) < FEWEST:
        got = ", ".join(f"{part} {len(positions)}" for part, positions in parts.items())
        raise PipelineError(
            f"{what} are too few: they come to {got}, and each part needs {FEWEST} rows "
            "(prepare.test_size, prepare.valid_size)"
        )
    return parts


def _drawn(rows: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are left, and the drawn ones, as scikit-learn's train_test_split does.

    The same legacy generator, without importing scikit-learn's model selection, which takes longer
    than the split; a test compares.
    """
    order = np.random.RandomState(seed).permutation(len(rows))
    return rows[order[count:]], rows[order[:count]]
