"""How the value is read by which a row is known: the contract's id, or another column's."""

import json
from typing import Any

import orjson

LONGEST = 200  # characters; what is longer is no key


def text(value: Any) -> str | None:
    """Return a key as text: 17 and 17.0 are the same one, as files and JSON may say either.

    >>> [text(value) for value in ("A7", 17, 17.0, "", None, True, ["A7"])]
    ['A7', '17', '17', None, None, None, None]
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    said = str(value) if isinstance(value, str | int | float) else ""
    return said if 0 < len(said) <= LONGEST else None


def marks(name: str) -> set[bytes]:
    """Return as what a column's name may occur in JSON."""
    return {orjson.dumps(name), json.dumps(name).encode()}


def in_object(body: bytes, name: str) -> str | None:
    """Return a JSON object's key of that name; None where it has none.

    >>> in_object(b'{"OrderID": "ORD7"}', "OrderID"), in_object(b"[]", "OrderID")
    ('ORD7', None)
    """
    return text(parsed(body).get(name)) if any(mark in body for mark in marks(name)) else None


def parsed(body: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for what is none."""
    try:
        found = orjson.loads(body)
    except ValueError:  # NaN, say, which pydantic reads
        return {}
    return found if isinstance(found, dict) else {}
