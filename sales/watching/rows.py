"""Answered rows as a table: the columns of the log, whose meaning docs/served.md tells."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sales.serving import request_ids
from sales.serving.answering import Served
from sales.serving.keeping import Many
from sales.serving.request import Orders
from sales.watching import row_keys
from sales.watching.row_keys import Rest, RowKeys
from sales.watching.secret import Secret
from sales.watching.shadow import taken
from sales.watching.singles import Group

# What another model would have answered: columns, from the model that did and what it read.
Beside = Callable[[Served, Orders], dict[str, pa.Array]]

FIELD = "field."  # before the name of what a model reads
TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    {
        "request_id": pa.string(),
        "time": TIME,
        "route": pa.string(),
        "alias": pa.string(),
        "version": pa.int64(),
        "content_hash": pa.string(),
        "prediction": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "outside": pa.bool_(),
        "weight": pa.float64(),
    }
)
TYPES = {"numeric": pa.float64(), "boolean": pa.float64(), "date": pa.timestamp("ms")}


class Drawn(NamedTuple):
    """Those answers to a request of several rows that are to be kept, as they wait.

    `weight` is how many answered rows each of them stands for.
    """

    at: int
    route: str
    request_id: str
    served: Served
    numbers: np.ndarray
    weight: float
    orders: Orders
    predictions: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    outside: np.ndarray | None
    keys: dict[str, list]


def draw(
    route: str,
    request_id: str,
    served: Served,
    rows: Many,
    chosen: np.ndarray,
    weight: float,
    keys: RowKeys,
) -> Drawn:
    """Return the chosen rows of a request; nothing of the others is held on to."""

    def reads(name: str) -> bool:
        return name in served.model.featuriser.fields

    if isinstance(rows.source, bytes):
        found = keys.in_list(rows.source, chosen, len(rows.predictions), reads)
    else:
        found = keys.in_table(rows.source, chosen, reads)
    low, high, outside = (
        each if each is None else np.asarray(taken(each, chosen))
        for each in (rows.low, rows.high, rows.outside)
    )
    orders = {name: taken(values, chosen) for name, values in rows.orders.items()}
    told = np.asarray(taken(rows.predictions, chosen))
    return Drawn(
        *(time.time_ns(), route, request_id, served, chosen, weight),
        *(orders, told, low, high, outside, found),
    )


def of_group(
    group: Group,
    keys: RowKeys,
    secret: Secret | None,
    weight: float,
    beside: Beside = lambda *_: {},
    rest: Rest = lambda: None,
) -> pa.Table:
    """Return the table of answers to single rows.

    `rest` is called between two columns, none of which takes long: who answers has his turn then.
    """
    served, rows = group.served, group.rows
    found = keys.in_json(
        group.told("body"), lambda name: name in served.model.featuriser.fields, rest
    )
    return _table(
        served,
        {
            "request_id": group.told("request_id"),
            "time": (np.array(group.told("time")) // 1000).astype("datetime64[us]"),
            "route": "/predict",
            **{name: group.told(name) for name in ("prediction", "low", "high", "outside")},
            "weight": np.full(rows, weight),
        },
        group.orders(),
        {name: keys.kept(name, values, secret, rest) for name, values in found.items()},
        secret,
        beside,
        rest,
    )


def of_drawn(
    drawn: Drawn,
    keys: RowKeys,
    secret: Secret | None,
    beside: Beside = lambda *_: {},
    rest: Rest = lambda: None,
) -> pa.Table:
    """Return the table of what was drawn of a request; `rest` as in `of_group`."""
    rows = len(drawn.numbers)
    outside = drawn.outside
    return _table(
        drawn.served,
        {
            "request_id": request_ids.of_rows(drawn.request_id, drawn.numbers.tolist()),
            "time": np.full(rows, np.datetime64(drawn.at // 1000, "us")),
            "route": drawn.route,
            "prediction": drawn.predictions,
            "low": drawn.low,
            "high": drawn.high,
            "outside": np.zeros(rows, bool) if outside is None else outside,
            "weight": np.full(rows, drawn.weight),
        },
        drawn.orders,
        {name: keys.kept(name, values, secret, rest) for name, values in drawn.keys.items()},
        secret,
        beside,
        rest,
    )


def _table(
    served: Served,
    told: Mapping[str, Any],
    orders: Orders,
    keys: Mapping[str, list[str | None]],
    secret: Secret | None,
    beside: Beside,
    rest: Rest,
) -> pa.Table:
    rows = len(told["request_id"])
    signed = {
        "alias": served.alias,
        "version": int(served.entry["version"]),
        "content_hash": served.model.content_hash,
    }
    columns: dict[str, pa.Array] = {}
    for each in SCHEMA:
        values = signed.get(each.name, told.get(each.name))
        if values is None:
            columns[each.name] = pa.nulls(rows, each.type)
        elif isinstance(values, str | int):  # the same of every row
            columns[each.name] = pa.repeat(pa.scalar(values, each.type), rows)
        elif each.name == "time":
            columns[each.name] = pa.array(values).cast(pa.timestamp("us")).cast(TIME)
        else:
            columns[each.name] = pa.array(values, each.type)
        rest()
    columns |= beside(served, orders)
    for name, values in keys.items():
        columns[f"{row_keys.PREFIX}{name}"] = pa.array(values, pa.string())
    for name in (*served.model.featuriser.fields, *served.schema.parts):
        if name in orders:
            column = _field(name, orders[name], served, secret, rest)
            if column is not None:
                columns[f"{FIELD}{name}"] = column
            rest()
    return pa.table(columns)


def _field(
    name: str, values: Any, served: Served, secret: Secret | None, rest: Rest
) -> pa.Array | None:
    """Return a field as it is kept: of a private one the hash of its text, and of no number."""
    fields = served.model.featuriser.fields
    if name not in fields:  # a part of the date, in its place
        [date] = served.schema.dates
        private, role = fields[date].private, "numeric"
    else:
        private, role = fields[name].private, fields[name].role
    if role in TYPES:
        if private:
            return None
        kind = TYPES[role]
        if role == "date":
            return pa.array(np.asarray(values, "datetime64[ms]")).cast(kind)
        return pa.array(np.asarray(values, np.float64), kind, from_pandas=True)
    texts = pa.array(values, from_pandas=True).cast(pa.string())
    if private:
        return pa.array(row_keys.hashed(name, texts.to_pylist(), secret, rest), pa.string())
    return texts
