"""By which seed the keys of few rows come to parts and folds of nearly the sizes asked for.

Under `hash` each row's key tells its part, so parts have their shares on average: of 60 rows a
fifth may be six or twenty. The seed says what keys are, and no row changes its part under it as
others come. So for a table of few rows, or of few keys that several rows have, that seed is drafted
under which its parts are near their shares now; as it grows they come nearer by themselves.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from sales.contract import Contract, quarantine
from sales.contract.quarantine import NUMBER, Raw
from sales.data import folds, keys
from sales.data.split import PrepareParams, split
from sales.drafting import confirm
from sales.errors import PipelineError

SEEDS = 500  # that are tried
NEAR = 0.1  # of a part's share, that it may be off
LARGE = 5_000  # rows, each with a key of its own: their parts are near their shares


class Rows(NamedTuple):
    """Rows as the contract reads them, and the name of each one's group, where there are groups."""

    contract: Contract
    table: pd.DataFrame
    groups: pd.Series | None

    def keys(self, seed: int) -> np.ndarray:
        """Return the key of each row, or of its group, as prepare makes them under a seed."""
        found = keys.of_rows(self.contract, self.table, seed)
        return found if self.groups is None else keys.of_groups(self.groups, found, seed)


def of(contract: Contract, table: pa.Table, group: str | None) -> Rows:
    """Return those of some rows that the contract accepts."""
    names = keys.group_names(table, group, "") if group else None
    held = Raw("", *confirm.filled(table, np.arange(table.num_rows)))
    accepted = quarantine.check(contract, [held]).accepted
    if names is not None:
        names = names.iloc[accepted[NUMBER].to_numpy()].reset_index(drop=True)
    return Rows(contract, accepted, names)


def seed(rows: Rows, settings: PrepareParams) -> int | None:
    """Return the first seed from that of the settings on under which all parts are near their size.

    Else the first under which they are large enough; None where they are under none.
    """
    enough = None
    for number in range(SEEDS):
        tried = settings.model_copy(update={"seed": (settings.seed + number) % 2**32})
        off = _off(rows, tried)
        if off is not None and off <= NEAR:
            return tried.seed
        if off is not None and enough is None:
            enough = tried.seed
    return enough


def _off(rows: Rows, settings: PrepareParams) -> float | None:
    """Return how far the part furthest from its share is off, in shares; None where it is refused.

    One row more or less is nothing.
    """
    many, found = len(rows.table), rows.keys(settings.seed)
    try:
        parts = split(many, settings, None, found)
        if settings.valid == "folds":
            train = parts["train"]
            folds.assign(len(train), settings, None, found[train])
    except PipelineError:
        return None
    shares = {"test": settings.test_size * many, "valid": settings.valid_share * many}
    wanted = {part: share for part, share in shares.items() if share}
    off = [max(abs(len(parts[part]) - share) - 1, 0.0) / share for part, share in wanted.items()]
    return max(off)
