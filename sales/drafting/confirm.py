"""All rows of a table, held against a drafted contract by the code that prepare runs.

So what a draft says of rows that are set aside is what will become of them, and a guess about
columns is one that no row breaks.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from sales.contract import Contract, cells, quarantine
from sales.contract.quarantine import Raw
from sales.drafting.relations import Follows, Same, Sum, equal


@dataclass
class Confirmed:
    """What all rows say: counts of rows, and what of the guesses no row breaks.

    `reasons` counts bad cells; `examples` has for each reason the first row, and its cell.
    `ordered` are the dates that never go back from one row to the next, every row having one.
    """

    rows: int = 0
    blank: int = 0
    without_target: int = 0
    set_aside: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[int, str]] = field(default_factory=dict)
    follows: list[Follows] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)
    same: list[Same] = field(default_factory=list)
    ordered: set[str] = field(default_factory=set)

    @property
    def good(self) -> int:
        """How many rows there are to learn from."""
        return self.rows - self.blank - self.without_target - self.set_aside


def all_rows(
    tables: Iterable[pa.Table],
    contract: Contract,
    follows: Sequence[Follows],
    sums: Sequence[Sum],
    same: Sequence[Same],
) -> Confirmed:
    """Hold all rows against a contract, and the guesses against all rows."""
    found = Confirmed(
        follows=[Follows(each.name, each.leader) for each in follows],
        sums=[*sums],
        same=[*same],
        ordered={*contract.dates},
    )
    last: dict[str, np.datetime64] = {}
    for table in tables:
        rows = _checked(table, contract, found)
        for each in found.follows:
            each.add(rows)
        found.follows = [each for each in found.follows if not each.broken]
        numbers = {n: rows[n].to_numpy(np.float64) for n in _numbers(found.sums)}
        found.sums = [each for each in found.sums if each.holds(numbers)]
        found.same = [
            one for one in found.same if one.near or equal(rows[one.name], rows[one.like])
        ]
        found.ordered = {n for n in found.ordered if _goes_on(rows[n], n, last)}
    return found


def filled(table: pa.Table, numbers: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """Return the rows that hold a cell at all, with their numbers."""
    empty = cells.blank(table)
    if empty is None:
        return table, numbers
    return table.filter(pa.array(~empty)), numbers[~empty]


def _checked(table: pa.Table, contract: Contract, found: Confirmed) -> pd.DataFrame:
    numbers = np.arange(found.rows, found.rows + table.num_rows)
    found.rows += table.num_rows
    many = table.num_rows
    table, numbers = filled(table, numbers)
    found.blank += many - table.num_rows
    checked = quarantine.check(contract, [Raw("", table, numbers)])
    found.without_target += checked.without_target
    faults = checked.faults
    found.set_aside += faults["number"].nunique()
    found.reasons.update(faults["column"] + ": " + faults["kind"])
    for number, column, value, kind in faults[["number", "column", "value", "kind"]].itertuples(
        index=False
    ):
        found.examples.setdefault(f"{column}: {kind}", (number + 1, value))
    return checked.accepted


def _numbers(sums: Iterable[Sum]) -> set[str]:
    return {name for each in sums for name in (each.name, each.left, each.right)}


def _goes_on(dates: pd.Series, name: str, last: dict[str, np.datetime64]) -> bool:
    values = dates.to_numpy()
    if np.isnat(values).any():
        return False
    if not len(values):
        return True
    before = last.get(name, values[0])
    last[name] = values[-1]
    return bool(values[0] >= before and (values[1:] >= values[:-1]).all())
