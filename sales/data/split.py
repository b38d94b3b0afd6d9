"""Which rows train, which tune, which judge."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from sales.contract.holes import gone
from sales.errors import PipelineError
from sales.params import Group

PARTS = ("train", "valid", "test")
FEWEST = 10  # rows in a part; below, its scores mean nothing


class PrepareParams(Group):
    """See `prepare` in params.yaml."""

    split: Literal["random", "time"]
    seed: int = Field(ge=0, lt=2**32)
    test_size: float = Field(gt=0, lt=1)
    valid_size: float = Field(gt=0, lt=1)
    max_rejected_pct: float = Field(ge=0, le=100)

    @model_validator(mode="after")
    def _leave_train_rows(self) -> "PrepareParams":
        if self.test_size + self.valid_size >= 1:
            raise ValueError("test_size and valid_size leave no train rows")
        return self


def split(rows: int, params: PrepareParams, dates: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the positions, rising, of the rows of each of PARTS, in that order.

    `random`: the test rows are those of scikit-learn's train_test_split, valid is cut out of the
    rest the same way. `time`: the latest rows are test, those before them valid; rows of one date
    keep their order. Raises PipelineError for too few rows, or a time split without dates.
    """
    test = int(np.ceil(params.test_size * rows))
    valid = int(np.ceil(params.valid_size * rows))
    if min(test, valid, rows - test - valid) < FEWEST:
        raise PipelineError(
            f"{rows} rows are too few: train, valid and test need {FEWEST} each "
            "(prepare.test_size, prepare.valid_size)"
        )
    if params.split == "time":
        if dates is None:
            raise PipelineError("prepare.split: time needs a column with the role date")
        if none := int(np.sum(gone(dates))):
            raise PipelineError(
                f"prepare.split: time needs a date in every row, {none:,} have none"
            )
        order = np.argsort(dates, kind="stable")
        train_rows, valid_rows, test_rows = np.split(order, [rows - test - valid, rows - test])
    else:
        rest, test_rows = _drawn(np.arange(rows), test, params.seed)
        train_rows, valid_rows = _drawn(rest, valid, params.seed)
    parts = {"train": train_rows, "valid": valid_rows, "test": test_rows}
    return {part: np.sort(positions) for part, positions in parts.items()}


def _drawn(rows: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are left, and the drawn ones, as scikit-learn's train_test_split does.

    The same legacy generator, without importing scikit-learn's model selection, which takes longer
    than the split; a test compares.
    """
    order = np.random.RandomState(seed).permutation(len(rows))
    return rows[order[count:]], rows[order[:count]]
