"""An order to take elsewhere: the link that opens it on this page, and the line of curl that asks.

A link holds the order itself, each field as the API takes it; nothing is kept on the server.
"""

import json
import math
import shlex
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from sales.contract import Column
from ui.amounts import words
from ui.form import Order

SAID = {"true": True, "false": False}


class Opened(NamedTuple):
    """What a link says: the fields that can be used, and what is wrong with the others."""

    order: Order
    problems: list[str]


def to(page: str, order: Order) -> str:
    """Return the link that opens an order at the page's address; what holds nothing is empty.

    >>> to("http://127.0.0.1:8501/?old=1", {"Brand": "A & B", "Gift": True, "Tax": None})
    'http://127.0.0.1:8501/?Brand=A+%26+B&Gift=true&Tax='
    """
    scheme, host, path, *_ = urlsplit(page)
    return urlunsplit((scheme, host, path or "/", urlencode(query(order)), ""))


def query(order: Order) -> dict[str, str]:
    """Return the parameters by which a link says an order."""
    return {name: _text(value) for name, value in order.items()}


def read(query: Mapping[str, str], fields: Mapping[str, Column]) -> Opened:
    """Return the order that a link's parameters say; those that are no field are left alone."""
    order: Order = {}
    problems = []
    for name, column in fields.items():
        if name not in query:
            continue
        try:
            order[name] = _value(query[name], column)
        except ValueError as error:
            problems.append(f"{words(name)}: {error}")
    return Opened(order, problems)


def curl(service: str, order: Order) -> str:
    r"""Return the line that asks the service for the order's prediction, for a shell.

    >>> print(curl("http://127.0.0.1:3000", {"Brand": "A & B", "Quantity": 2}))
    curl -s http://127.0.0.1:3000/predict -H 'Content-Type: application/json' -d \
    '{"Brand": "A & B", "Quantity": 2}'
    """
    address = shlex.quote(f"{service}/predict")
    body = shlex.quote(json.dumps(order, ensure_ascii=False))
    return f"curl -s {address} -H 'Content-Type: application/json' -d \\\n{body}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(text: str, column: Column) -> Any:
    """Return what a parameter means for a column. Raises ValueError, saying what is wrong."""
    if not text:
        return None
    if column.role == "numeric":
        return _number(text, column)
    if column.role == "boolean":
        if text not in SAID:
            raise ValueError(f"'{text}' is neither true nor false")
        return SAID[text]
    if column.role == "date":
        try:
            return date.fromisoformat(text[:10]).isoformat()
        except ValueError:
            raise ValueError(f"'{text}' is not a day, such as 2024-06-30") from None
    return text


def _number(text: str, column: Column) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is not a number")
    return int(value) if column.integer and value == int(value) else value
