"""A key that several rows share, as one person's years do: what is alike belongs in one part."""

from collections.abc import Iterable

import pandas as pd

from sales.drafting import roles

FEWEST = 60  # groups; of fewer, which of them judge is a matter of luck
LARGEST = 0.05  # share of the rows that one group may hold
ROWS = 1.5  # of a group on average, from which on they are worth keeping together


def find(rows: pd.DataFrame, names: Iterable[str]) -> str | None:
    """Return the first column whose name is a key's and whose values several rows have.

    >>> find(pd.DataFrame({"nr": [*range(100)] * 3, "year": 1990}), ["nr", "year"])
    'nr'
    """
    for name in names:
        if not (roles.IDS.search(name) or roles.GLUED.search(name)):
            continue
        sizes = rows[name].value_counts()
        if len(sizes) < FEWEST or sizes.mean() < ROWS:
            continue
        if sizes.max() <= LARGEST * sizes.sum():
            return name
    return None
