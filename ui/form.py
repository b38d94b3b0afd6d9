"""The order form, made from the schema of the model that answers: no list is typed twice."""

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st

from sales.contract import Column
from ui.amounts import plain, words

Order = dict[str, Any]
EARLIEST = date(1900, 1, 1)  # that the calendar offers where the contract gives no first day
ACROSS = 3  # controls side by side where there is room


def fields_of(schema: dict[str, Any]) -> dict[str, Column]:
    """Return the columns that an order must bring, as the contract has them."""
    return {name: Column(**column) for name, column in schema["fields"].items()}


def order_form(schema: dict[str, Any]) -> Order:
    """Draw a control for each field, holding the schema's example at first; return the order."""
    fields = fields_of(schema)
    drawn = _drawn(fields)
    order: Order = {}
    for start in range(0, len(drawn), ACROSS):
        row = st.columns(ACROSS)
        for name, place in zip(drawn[start : start + ACROSS], row, strict=False):
            with place:
                order[name] = _control(name, fields[name], schema, order)
    return {name: order[name] for name in fields}


def _drawn(fields: dict[str, Column]) -> list[str]:
    """Return the fields as they stand in the form: amounts first, they make the price.

    What another choice decides stands after that choice.
    """
    leader_of = {n: next(iter(c.follows)) for n, c in fields.items() if c.follows}
    leaders = [n for n in fields if leader_of.get(n) not in fields]
    placed = sorted(leaders, key=lambda name: _PLACE[fields[name].role])
    return [n for leader in placed for n in (leader, *_led_by(leader, leader_of, fields))]


def _led_by(leader: str, leader_of: dict[str, str], fields: dict[str, Column]) -> list[str]:
    return [name for name in fields if leader_of.get(name) == leader]


def _control(name: str, column: Column, schema: dict[str, Any], order: Order) -> Any:
    draw = _DRAW[column.role]
    label = plain(words(name)) + (f" ({column.unit})" if column.unit else "")
    return draw(name, label, column, schema, order)


def _number(name: str, label: str, column: Column, schema: dict[str, Any], _: Order) -> float:
    kind: Callable[[Any], Any] = int if column.integer else float
    example = kind(schema["example"][name])
    low, high = (None if bound is None else kind(bound) for bound in (column.min, column.max))
    ends = [
        f"{word} {bound:,}" for word, bound in (("from", low), ("to", high)) if bound is not None
    ]
    value = st.number_input(
        label,
        low,
        high,
        example,
        step=1 if column.integer else _step(column),
        format="%d" if column.integer else f"%.{_digits(example, _step(column))}f",
        key=f"order_{name}",
        help=" ".join(ends).capitalize() or None,
        persist_state="session",
    )
    return kind(value if value is not None else example)


def _step(column: Column) -> float:
    """Return what a click adds: a twentieth of the range's power of ten, 1 at most."""
    if column.min is None or column.max is None or column.high <= column.low:
        return 1.0
    return min(1.0, 0.05 * 10.0 ** math.floor(math.log10(column.high - column.low)))


def _digits(*values: float) -> int:
    """Return the decimals that show the values, six digits that count of each; two at least."""
    needed = [-int(Decimal(repr(value)).as_tuple().exponent) for value in values]
    telling = [5 - math.floor(math.log10(abs(value))) if value else 0 for value in values]
    return max(2, *map(min, needed, telling))


def _date(name: str, label: str, column: Column, schema: dict[str, Any], _: Order) -> str:
    example = date.fromisoformat(schema["example"][name][:10])
    first = date.fromisoformat(str(column.min)[:10]) if column.min else min(example, EARLIEST)
    last = date.fromisoformat(str(column.max)[:10]) if column.max else example
    learnt = f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}" if column.min and column.max else ""
    chosen = st.date_input(
        label,
        example,
        first,
        max(last, date.today()),
        key=f"order_{name}",
        help=f"The model learnt {learnt}" if learnt else None,
        format="YYYY-MM-DD",
        persist_state="session",
    )
    return (chosen if isinstance(chosen, date) else example).isoformat()


def _choice(name: str, label: str, column: Column, schema: dict[str, Any], order: Order) -> str:
    example = schema["example"][name]
    choices = list(column.values or schema["levels"].get(name, [example]))
    for leader, leads in (column.follows or {}).items():
        led = leads.get(order.get(leader, ""))
        if led is not None:  # a control of its own for each: Streamlit keeps a control's value
            st.selectbox(
                label,
                [led],
                key=f"order_{name}_{led}",
                disabled=True,
                help=plain(f"{leader} decides it"),
            )
            return led
    chosen = st.selectbox(
        label,
        choices,
        choices.index(example) if example in choices else 0,
        key=f"order_{name}",
        accept_new_options=True,
        help="Pick one, or type another: the model answers it, with a warning",
        persist_state="session",
    )
    return str(chosen)


_PLACE = {"numeric": 0, "date": 1, "categorical": 2}
_DRAW: dict[str, Callable[..., Any]] = {"numeric": _number, "date": _date, "categorical": _choice}
