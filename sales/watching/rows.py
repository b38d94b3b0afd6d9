"""Answered rows as a table: the columns of the log, whose meaning docs/served.md tells."""

import time
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sales.serving import request_ids
from sales.serving.answering import Answer, Served
from sales.serving.keeping import Many
from sales.serving.request import Orders
from sales.watching import row_keys
from sales.watching.row_keys import RowKeys
from sales.watching.secret import Secret
from sales.watching.shadow import taken

# What another model would have answered: columns, from the model that did and what it read.
Beside = Callable[[Served, Orders], dict[str, pa.Array]]

FIRST = itemgetter(0)
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


class One(NamedTuple):
    """An answer to a single row, as it waits to be kept: flat, as each request leaves one."""

    at: int  # nanoseconds since 1970
    request_id: str
    served: Served
    names: tuple[str, ...]  # of what was read
    values: list[Any]
    prediction: float
    low: float | None
    high: float | None
    outside: bool
    body: bytes


def one(request_id: str, served: Served, answer: Answer, body: bytes) -> One:
    """Return an answer as it waits; called in the loop that answers."""
    told, orders = answer.told, answer.orders
    bounds = told.get("prediction_interval")
    low, high = (bounds["low"], bounds["high"]) if bounds else (None, None)
    return One(
        *(time.time_ns(), request_id, served, tuple(orders), [*map(FIRST, orders.values())]),
        *(told[served.answer_key], low, high, answer.outside is not None, body),
    )


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
        found = keys.in_list(rows.source, chosen, reads)
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


def of_ones(
    ones: Sequence[One],
    keys: RowKeys,
    secret: Secret | None,
    weight: float,
    beside: Beside = lambda *_: {},
) -> list[pa.Table]:
    """Return tables of single answers: one for each model, and set of fields that rows had."""
    groups: dict[Any, list[One]] = {}
    for one in ones:
        groups.setdefault((id(one.served), one.names), []).append(one)
    return [_of_group(group, keys, secret, weight, beside) for group in groups.values()]


def _of_group(
    group: Sequence[One], keys: RowKeys, secret: Secret | None, weight: float, beside: Beside
) -> pa.Table:
    served = group[0].served
    at, ids, _, _, values, predictions, low, high, outside, bodies = zip(*group, strict=True)
    orders = dict(zip(group[0].names, map(list, zip(*values, strict=True)), strict=True))
    found = keys.in_json(bodies, lambda name: name in served.model.featuriser.fields)
    return _table(
        served,
        {
            "request_id": ids,
            "time": (np.array(at) // 1000).astype("datetime64[us]"),
            "route": ["/predict"] * len(group),
            "prediction": predictions,
            "low": low,
            "high": high,
            "outside": outside,
            "weight": np.full(len(group), weight),
        },
        orders,
        {name: keys.kept(name, values, secret) for name, values in found.items()},
        secret,
        beside,
    )


def of_drawn(
    drawn: Drawn, keys: RowKeys, secret: Secret | None, beside: Beside = lambda *_: {}
) -> pa.Table:
    """Return the table of what was drawn of a request."""
    rows = len(drawn.numbers)
    outside = drawn.outside
    return _table(
        drawn.served,
        {
            "request_id": request_ids.of_rows(drawn.request_id, drawn.numbers.tolist()),
            "time": np.full(rows, np.datetime64(drawn.at // 1000, "us")),
            "route": [drawn.route] * rows,
            "prediction": drawn.predictions,
            "low": drawn.low,
            "high": drawn.high,
            "outside": np.zeros(rows, bool) if outside is None else outside,
            "weight": np.full(rows, drawn.weight),
        },
        drawn.orders,
        {name: keys.kept(name, values, secret) for name, values in drawn.keys.items()},
        secret,
        beside,
    )


def _table(
    served: Served,
    told: Mapping[str, Any],
    orders: Orders,
    keys: Mapping[str, list[str | None]],
    secret: Secret | None,
    beside: Beside,
) -> pa.Table:
    rows = len(told["request_id"])
    signed = {
        "alias": [served.alias] * rows,
        "version": [int(served.entry["version"])] * rows,
        "content_hash": [served.model.content_hash] * rows,
    }
    columns: dict[str, pa.Array] = {}
    for each in SCHEMA:
        values = signed.get(each.name, told.get(each.name))
        if values is None:
            columns[each.name] = pa.nulls(rows, each.type)
        elif each.name == "time":
            columns[each.name] = pa.array(values).cast(pa.timestamp("us")).cast(TIME)
        else:
            columns[each.name] = pa.array(values, each.type)
    columns |= beside(served, orders)
    for name, values in keys.items():
        columns[f"{row_keys.PREFIX}{name}"] = pa.array(values, pa.string())
    for name in (*served.model.featuriser.fields, *served.schema.parts):
        if name in orders:
            column = _field(name, orders[name], served, secret)
            if column is not None:
                columns[f"{FIELD}{name}"] = column
    return pa.table(columns)


def _field(name: str, values: Any, served: Served, secret: Secret | None) -> pa.Array | None:
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
        return pa.array(row_keys.hashed(name, texts.to_pylist(), secret), pa.string())
    return texts
