"""The data's own picture: how each column is distributed."""

from typing import Any

import pandas as pd

from sales import charts
from sales.contract import Contract

BINS = 30
MOST_VALUES = 30  # bars of one categorical column; rarer values are left out


def numeric(orders: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return column, bin_start, bin_end, rows for the numeric columns and the target."""
    tables = []
    for name in (*contract.numeric, contract.target):
        table = charts.histogram(orders[name].to_numpy(float), BINS)
        table.insert(0, "column", name)
        tables.append(table)
    return pd.concat(tables)


def categorical(orders: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return column, value, rows for the categorical columns, the most frequent value first."""
    rows = [
        (name, value, count)
        for name in contract.categorical
        for value, count in orders[name].value_counts().head(MOST_VALUES).items()
    ]
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
    }


def _by_column(table: pd.DataFrame) -> dict[str, Any]:
    return {
        str(name): rows.drop(columns="column").to_dict("list")
        for name, rows in table.groupby("column", sort=False)
    }
