"""Answered rows as a table: the columns of the log, whose meaning docs/served.md tells."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
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

# What another model would have answered: columns, from the model that did, what it read, and how
# many rows each request had.
Beside = Callable[[Served, Orders, np.ndarray], dict[str, pa.Array]]

MOST_ALIKE = 5_000  # rows of several requests that become one table: no column of it takes long
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

    `weight` is how many answered rows each of them stands for. Texts are Arrow's: the many small
    objects of a list, when they go later, leave Python's heap in pieces, and all that is answered
    takes longer from then on.
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
    keys: dict[str, pa.StringArray]

    def like(self) -> tuple[Any, ...]:
        """Return what those have in common that can stand in one table, one under the other."""
        kinds = (
            id(self) if isinstance(values, pd.Categorical) else getattr(values, "dtype", None)
            for values in self.orders.values()
        )
        told = id(self.served), self.route, self.low is None, tuple(self.keys)
        return *told, *zip(self.orders, kinds, strict=True)


def alike(drawn: Sequence[Drawn], most: int = MOST_ALIKE) -> Iterator[list[Drawn]]:
    """Yield them by what they have in common, as many at once as have so many rows together.

    A column costs as much for a few rows as for some thousand.
    """
    found: dict[tuple[Any, ...], list[Drawn]] = {}
    counts: Counter[tuple[Any, ...]] = Counter()
    for one in drawn:
        like, rows = one.like(), len(one.numbers)
        if like in found and counts[like] + rows > most:
            yield found.pop(like)
            del counts[like]
        found.setdefault(like, []).append(one)
        counts[like] += rows
    yield from found.values()


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
    orders = _packed({name: taken(values, chosen) for name, values in rows.orders.items()})
    texts = {name: row_keys.texts(values) for name, values in found.items()}
    told = np.asarray(taken(rows.predictions, chosen))
    return Drawn(
        *(time.time_ns(), route, request_id, served, chosen, weight),
        *(orders, told, low, high, outside, texts),
    )


def _packed(orders: Orders) -> Orders:
    """Return columns whose texts are Arrow's: of one array, as each takes a small list time."""
    lists = {name: values for name, values in orders.items() if isinstance(values, list | tuple)}
    whole = pa.array([*chain.from_iterable(lists.values())], from_pandas=True).cast(pa.string())
    rows = len(whole) // max(len(lists), 1)
    cut = {name: whole.slice(at * rows, rows) for at, name in enumerate(lists)}
    return {**orders, **cut}


def of_group(
    group: Group,
    weight: float,
    keys: RowKeys,
    secret: Secret | None,
    beside: Beside = lambda *_: {},
    rest: Rest = lambda: None,
) -> pa.Table:
    """Return the table of answers to single rows.

    `rest` is called between steps that take long, so that who answers has his turn: of these rows
    those that look for a key or hash one.
    """
    served, rows = group.served, group.rows
    found = keys.in_json(group.bodies, lambda name: name in served.model.featuriser.fields, rest)
    return _table(
        served,
        np.ones(rows, int),
        {
            "request_id": group.request_ids,
            "time": (group.time // 1000).astype("datetime64[us]"),
            "route": "/predict",
            **{name: getattr(group, name) for name in ("prediction", "low", "high", "outside")},
            "weight": np.full(rows, weight),
        },
        group.orders,
        {
            name: keys.kept(name, row_keys.texts(values, rest), secret, rest)
            for name, values in found.items()
        },
        secret,
        beside,
        rest,
        between=lambda: None,
    )


def of_drawn(
    drawn: Sequence[Drawn],
    keys: RowKeys,
    secret: Secret | None,
    beside: Beside = lambda *_: {},
    rest: Rest = lambda: None,
) -> pa.Table:
    """Return the table of what was drawn of requests that are `alike`.

    `rest` as in `of_group`, and between two columns: of a list some are Python's own objects.
    """
    first, counts = drawn[0], np.array([len(one.numbers) for one in drawn])
    ids = (request_ids.of_rows(one.request_id, one.numbers.tolist()) for one in drawn)
    found = {name: _joined([one.keys[name] for one in drawn]) for name in first.keys}
    outside = [one.outside for one in drawn]
    return _table(
        first.served,
        counts,
        {
            "request_id": [*chain.from_iterable(ids)],
            "time": np.repeat([np.datetime64(one.at // 1000, "us") for one in drawn], counts),
            "route": first.route,
            "prediction": _joined([one.predictions for one in drawn]),
            "low": _joined([one.low for one in drawn]),
            "high": _joined([one.high for one in drawn]),
            "outside": _joined(
                [
                    np.zeros(rows, bool) if each is None else each
                    for each, rows in zip(outside, counts.tolist(), strict=True)
                ]
            ),
            "weight": np.repeat([one.weight for one in drawn], counts),
        },
        {name: _joined([one.orders[name] for one in drawn]) for name in first.orders},
        {name: keys.kept(name, texts, secret, rest) for name, texts in found.items()},
        secret,
        beside,
        rest,
        between=rest,
    )


def _joined(columns: Sequence[Any]) -> Any:
    """Return columns of one kind, one under the other; None where they are not there."""
    if len(columns) == 1 or columns[0] is None:
        return columns[0]
    if isinstance(columns[0], pa.Array):
        return pa.concat_arrays(columns)
    return np.concatenate(columns)


def _table(
    served: Served,
    counts: np.ndarray,
    told: Mapping[str, Any],
    orders: Orders,
    keys: Mapping[str, pa.StringArray],
    secret: Secret | None,
    beside: Beside,
    rest: Rest,
    *,
    between: Rest,
) -> pa.Table:
    rows = int(counts.sum())
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
        elif isinstance(values, pa.Array):
            columns[each.name] = values
        elif each.name == "time":
            columns[each.name] = pa.array(values).cast(pa.timestamp("us")).cast(TIME)
        else:
            columns[each.name] = pa.array(values, each.type)
        between()
    columns |= beside(served, orders, counts)
    columns |= {f"{row_keys.PREFIX}{name}": texts for name, texts in keys.items()}
    for name in (*served.model.featuriser.fields, *served.schema.parts):
        if name in orders:
            column = _field(name, orders[name], served, secret, rest)
            if column is not None:
                columns[f"{FIELD}{name}"] = column
            between()
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
    arrow = isinstance(values, pa.Array)
    texts = values if arrow else pa.array(values, from_pandas=True).cast(pa.string())
    return row_keys.hashed(name, texts, secret, rest) if private else texts
