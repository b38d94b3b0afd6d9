"""The order form, made from the schema of the model that answers: no list is typed twice."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st

from sales.contract import Column
from ui.amounts import from_percent, in_percent, is_share, plain, words

Order = dict[str, Any]
NOTHING, MAY_BE_EMPTY = "not known", "may be left empty"  # of a field that a row may lack
FORM, FIELD = "order", "field"  # the keys of the form's containers, by which page.css finds them
# What the calendar offers: a day that the model never learnt is answered too, with a warning.
EARLIEST, LATEST = date(1, 1, 1), date(9999, 12, 31)


@dataclass(frozen=True)
class Filled:
    """The form as it stands: the order, and what is wrong with a field that holds no value."""

    order: Order
    problems: dict[str, str]


def fields_of(schema: dict[str, Any]) -> dict[str, Column]:
    """Return the columns that an order must bring, as the contract has them."""
    return {name: Column(**column) for name, column in schema["fields"].items()}


def order_form(schema: dict[str, Any]) -> Filled:
    """Draw a control for each field, holding the schema's example at first; return what it holds.

    What is wrong with a field is said beneath it.
    """
    fields = fields_of(schema)
    order: Order = {}
    problems: dict[str, str] = {}
    with st.container(key=FORM):
        for place, name in enumerate(_drawn(fields)):
            with st.container(key=f"{FIELD}_{place}", gap="xxsmall"):
                order[name], problem = _control(name, fields[name], schema, order)
                if problem:
                    problems[name] = problem
                    st.markdown(f":small[:red[{plain(problem)}]]")
    return Filled({name: order[name] for name in fields}, problems)


def fill(schema: dict[str, Any], order: Order) -> None:
    """Let the form hold these fields of an order; to be called before it is drawn."""
    for name, column in fields_of(schema).items():
        if name in order:
            st.session_state[_key(name)] = _held(column, order[name])


def _key(name: str) -> str:
    return f"order_{name}"


def _held(column: Column, value: Any) -> Any:
    """Return what a field's control holds for a value that is sent."""
    if column.role == "numeric":
        if value is None:
            return None
        return in_percent(value) if is_share(column) else float(value)
    if column.role == "date":
        return value and date.fromisoformat(value[:10])
    if column.role == "boolean" and value is not None:
        return "yes" if value else "no"
    return NOTHING if value is None else value


def bad_fields(schema: dict[str, Any], filled: Filled) -> list[str]:
    """Return the keys of the containers of the fields that hold no value."""
    drawn = _drawn(fields_of(schema))
    return [f"{FIELD}_{drawn.index(name)}" for name in filled.problems]


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


def _control(name: str, column: Column, schema: dict[str, Any], order: Order) -> tuple[Any, str]:
    """Draw a field's control; return its value, and what is wrong with it, empty for nothing."""
    draw = _DRAW[column.role]
    unit = "%" if is_share(column) else column.unit
    label = plain(words(name)) + (f" ({unit})" if unit else "")
    return draw(name, label, column, schema, order)


def _number(
    name: str, label: str, column: Column, schema: dict[str, Any], _: Order
) -> tuple[float | None, str]:
    given, key = schema["example"].get(name), _key(name)
    share = is_share(column)
    example = None if given is None else in_percent(float(given)) if share else float(given)
    step = in_percent(_step(column)) if share else _step(column)
    st.session_state.setdefault(key, example)
    # Without bounds of its own and with no default, which would answer for what is out of range
    # and for what is empty: the control then keeps the value that was there before.
    shown = st.number_input(
        label,
        value=None,
        step=1.0 if column.integer else step,
        format="%g" if column.integer or share else f"%.{_digits(example or 0.0, step)}f",
        key=key,
        help=_help(ends(column).capitalize(), column),
        placeholder=NOTHING if column.optional else None,
        persist_state="session",
    )
    value = from_percent(shown) if share and shown is not None else shown
    if value is None and column.optional:
        return None, ""
    if value is None or not _allowed(value, column):
        return None, f"Enter a {'whole ' if column.integer else ''}number {ends(column)}".rstrip()
    return int(value) if column.integer else value, ""


def _help(text: str, column: Column) -> str | None:
    return "; ".join(filter(None, (text, MAY_BE_EMPTY if column.optional else ""))) or None


def _allowed(value: float, column: Column) -> bool:
    low, high = (None if bound is None else float(bound) for bound in (column.min, column.max))
    if column.integer and value % 1:
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def ends(column: Column) -> str:
    """Return the range of a column as people read it: `from 0 to 100 %` for a share."""
    if is_share(column):
        return "from 0 to 100 %"
    found = (("from", column.min), ("to", column.max))
    return " ".join(f"{word} {_bound(bound)}" for word, bound in found if bound is not None)


def _bound(bound: float | str) -> str:
    return bound if isinstance(bound, str) else f"{bound:,.12g}"


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


def _date(
    name: str, label: str, column: Column, schema: dict[str, Any], _: Order
) -> tuple[str | None, str]:
    key = _key(name)
    example = schema["example"].get(name)
    st.session_state.setdefault(key, example and date.fromisoformat(example[:10]))
    known = [str(bound)[:10] for bound in (column.min, column.max) if bound]
    chosen = st.date_input(
        label,
        None,
        EARLIEST,
        LATEST,
        key=key,
        help=_help(
            f"The model learnt from {known[0]} to {known[1]}" if len(known) == 2 else "", column
        ),
        format="YYYY-MM-DD",
        persist_state="session",
    )
    if not isinstance(chosen, date):
        return None, "" if column.optional else "Enter a day"
    return chosen.isoformat(), ""


def _choice(
    name: str, label: str, column: Column, schema: dict[str, Any], order: Order
) -> tuple[str | None, str]:
    example = schema["example"].get(name)
    known = column.values or schema["levels"].get(name) or ([] if example is None else [example])
    choices = [*([NOTHING] if column.optional else []), *known]
    for leader, leads in (column.follows or {}).items():
        led = leads.get(order.get(leader) or "")
        if led is not None:  # a control of its own for each: Streamlit keeps a control's value
            st.selectbox(
                label,
                [led],
                key=f"{_key(name)}_{led}",
                disabled=True,
                help=plain(f"{words(leader)} decides it"),
            )
            return led, ""
    if choices:
        st.session_state.setdefault(_key(name), example if example in choices else choices[0])
    chosen = st.selectbox(
        label,
        choices,
        key=_key(name),
        accept_new_options=True,
        help="Pick one, or type another: the model answers it, with a warning",
        persist_state="session",
    )
    return None if column.optional and chosen == NOTHING else str(chosen), ""


def _said(
    name: str, label: str, column: Column, schema: dict[str, Any], _: Order
) -> tuple[bool | None, str]:
    example = schema["example"].get(name)
    choices = ["yes", "no", *([NOTHING] if column.optional else [])]
    first = NOTHING if example is None and column.optional else "yes" if example else "no"
    st.session_state.setdefault(_key(name), first)
    chosen = st.selectbox(label, choices, key=_key(name), persist_state="session")
    return None if chosen == NOTHING else chosen == "yes", ""


_PLACE = {"numeric": 0, "date": 1, "boolean": 2, "categorical": 2}
_DRAW: dict[str, Callable[..., tuple[Any, str]]] = {
    "numeric": _number,
    "date": _date,
    "boolean": _said,
    "categorical": _choice,
}
