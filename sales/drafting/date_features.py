"""What a model is given of dates: those parts that differ from row to row, as expressions.

A date itself is no number. What changes with the season, the week and the hour are its parts; what
changes with the years is the time as a fraction of them.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from sales.contract.expressions import MOST_CHARACTERS, Expression
from sales.errors import PipelineError

PARTS = ("year", "month", "day", "day_of_week", "hour", "minute")
MOST_PAIRS = 6  # of dates, the days between which are taken


def quoted(name: str) -> str:
    """Return a column's name as an expression reads it, whatever it is called.

    >>> quoted("sold"), quoted("sold on"), quoted("a`b")
    ('sold', '`sold on`', '`a``b`')
    """
    try:
        if Expression.parse(name, "").names == {name}:
            return name
    except PipelineError:
        pass
    return "`" + name.replace("`", "``") + "`"


def of(rows: pd.DataFrame, dates: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Return expressions by the names of the columns they make, none of which is `taken`."""
    found: dict[str, str] = {}

    def take(name: str, text: str, columns: Mapping[str, np.ndarray]) -> None:
        while name in taken or name in found:
            name += "_"
        if len(text) > MOST_CHARACTERS:
            return
        values = Expression.parse(text, name).evaluate(columns)
        known = values[~np.isnan(values)]
        if len(np.unique(known)) > 1:
            found[name] = text

    for date in dates:
        column = {date: rows[date].to_numpy()}
        of_it = quoted(date)
        for part in PARTS:
            if part == "day_of_week" and f"{date}_day" not in found:
                continue  # of the first of each month it is chance
            take(f"{date}_{part}", f"{part}({of_it})", column)
        text = f"year({of_it}) + (day_of_year({of_it}) - 1) / 366"
        take(f"{date}_time", text, column)
    for one, two in list(combinations(dates, 2))[:MOST_PAIRS]:
        both = {name: rows[name].to_numpy() for name in (one, two)}
        take(f"days_from_{one}_to_{two}", f"days_between({quoted(one)}, {quoted(two)})", both)
    return found
