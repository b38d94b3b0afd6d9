"""A key that several rows have: a customer, a patient, a house. Its rows belong in one part.

A model that has seen some rows of a customer is judged too kindly by the others. A key is called
like one, comes again and again, and either each has as many rows, as in a panel, or something else
in the table is decided by it, as a customer's name is.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sales.drafting.relations import decides

CALLED = re.compile(
    r"(^|[\W_])(id|nr|key|uuid|guid|customer|client|patient|person|subject|user|household|student|"
    r"account|member)$|[a-z](Id|ID|Nr|Key)$|^[A-Z]{1,3}ID$",
    re.IGNORECASE,
)
FEWEST = 60  # keys: of fewer, which of them judge is a matter of luck
ROWS = 100  # of a key on average: with more it is a kind of row, as a product is
MOST = 0.05  # of the rows that one key may have
AGAIN = 0.9  # keys a row: with more, hardly one comes again


def find(rows: pd.DataFrame, names: Sequence[str]) -> str | None:
    """Return the first of some columns that is such a key."""
    for name in names:
        if not CALLED.search(name):
            continue
        codes, levels = pd.factorize(rows[name], use_na_sentinel=True)
        known = codes[codes >= 0]
        if not len(known) or not FEWEST <= len(levels) <= AGAIN * len(known):
            continue
        if len(known) > ROWS * len(levels):
            continue
        counts = np.bincount(known)
        if counts.max() > MOST * len(known):
            continue
        if counts.min() == counts.max() or _decides_something(rows, codes, len(levels), name):
            return name
    return None


def _decides_something(rows: pd.DataFrame, codes: np.ndarray, many: int, name: str) -> bool:
    for other in rows.columns:
        values, levels = pd.factorize(rows[other], use_na_sentinel=True)
        if other != name and len(levels) > 1 and decides(codes, values, many, len(levels)):
            return True
    return False
