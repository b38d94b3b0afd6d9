"""The data's own picture: how each column is distributed, from what its partitions tell."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sales.contract import Contract
from sales.judging import charts

BINS = 30
MOST_VALUES = 30  # bars of one categorical column; rarer values are left out

Ranges = dict[str, tuple[float, float]]  # the least and the largest value, by column
Edges = dict[str, np.ndarray]
Bins = dict[str, np.ndarray]  # rows in each bin
Counts = dict[str, Counter[str]]  # rows with each value


def ranges(orders: pd.DataFrame, contract: Contract) -> Ranges:
    """Return the ranges of the numeric columns and the target; none where there is no value."""
    names: Sequence[str] = (*contract.numeric, contract.target)
    names = [name for name in names if orders[name].notna().any()]
    return {name: (float(orders[name].min()), float(orders[name].max())) for name in names}


def edges(told: Sequence[Ranges]) -> Edges:
    """Return the edges of the columns' bins, from the ranges in all partitions."""
    names = {name: None for ranges in told for name in ranges}
    lows, highs = (
        {name: pick(ranges[name][end] for ranges in told if name in ranges) for name in names}
        for end, pick in ((0, min), (1, max))
    )
    return {name: charts.edges(lows[name], highs[name], BINS) for name in names}


def bins(orders: pd.DataFrame, edges: Edges) -> Bins:
    """Return how many orders lie in each bin; what is missing is in none.

    The bins are equal, and NumPy is told so: else it sorts all rows, to the same counts.
    """
    equal = {name: (len(each) - 1, (each[0], each[-1])) for name, each in edges.items()}
    return {
        name: np.histogram(orders[name].to_numpy(float), *own)[0] for name, own in equal.items()
    }


def counts(orders: pd.DataFrame, contract: Contract) -> Counts:
    """Return how many orders have each value of the categorical and the boolean columns."""
    said = {name: orders[name].map({0.0: "no", 1.0: "yes"}) for name in contract.boolean}
    said |= {name: orders[name] for name in contract.categorical}
    return {
        name: Counter(dict(zip(found.index, found.to_list(), strict=True)))
        for name in contract.columns
        if name in said
        for found in [said[name].value_counts()]
    }


def numeric(edges: Edges, told: Sequence[Bins]) -> pd.DataFrame:
    """Return column, bin_start, bin_end, rows for the numeric columns and the target."""
    tables = []
    for name, within in edges.items():
        table = charts.bin_table(within, np.sum([bins[name] for bins in told], axis=0))
        table.insert(0, "column", name)
        tables.append(table)
    return pd.concat(tables)


def categorical(told: Sequence[Counts]) -> pd.DataFrame:
    """Return column, value, rows for the categorical columns, the most frequent value first.

    Values of equal frequency stand in the order of the alphabet.
    """
    rows = []
    for name in told[0]:
        total = sum((counts[name] for counts in told), Counter[str]())
        ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
        rows += [(name, value, count) for value, count in ranked[:MOST_VALUES]]
    return pd.DataFrame(rows, columns=["column", "value", "rows"])


def told(
    data: dict[str, Any], numbers: pd.DataFrame, counts: pd.DataFrame, contract: Contract
) -> dict[str, Any]:
    """Return the picture as the service tells it: metrics/data.json and both tables, by column."""
    return {
        **data,
        "numeric": _by_column(numbers),
        "categorical": _by_column(counts),
        "called": contract.called.model_dump(),
        "target": {"name": contract.target, "unit": contract.columns[contract.target].unit},
        "breakdown": contract.breakdown,
        "keys": keys_of(contract),
    }


def keys_of(contract: Contract) -> dict[str, Any]:
    """Return by which columns the service keeps rows beside what a model reads: docs/served.md."""
    texts = ("id", "ignored", "categorical")
    private = [n for n in contract.private if contract.columns[n].role in texts]
    return {"id": contract.id, "private": private}


def _by_column(table: pd.DataFrame) -> dict[str, Any]:
    return {
        str(name): rows.drop(columns="column").to_dict("list")
        for name, rows in table.groupby("column", sort=False)
    }
