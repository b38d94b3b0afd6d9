"""Each column of the data in a line: kind, values seen, what the contract allows, holes, drift."""

from typing import Any

import pandas as pd

from sales.contract import Column
from ui import form, watched
from ui.amounts import is_share, percent, plain, small, words
from ui.told import Told

MOST_LEVELS = 30  # the picture holds no more of a column: it cannot tell how many rows have another
KINDS = {"numeric": "number", "date": "date", "boolean": "yes or no", "categorical": "text"}


def table(known: Told, picture: dict[str, Any], found: dict[str, Any] | None) -> pd.DataFrame:
    """Return Column, Kind, Seen, Allowed, Empty and, where it was watched, Drift."""
    names = dict.fromkeys([*known.fields, *picture["numeric"], *picture["categorical"]])
    moved = _drift(found)
    rows = []
    for name in names:
        column = known.fields.get(name)
        cells = [words(name), _kind(name, column, picture), _seen(name, column, picture)]
        cells += [_allowed(column), _empty(name, picture)]
        rows.append([*cells, moved.get(name, "")] if moved else cells)
    last = ["Drift since training"] if moved else []
    columns = ["Column", "Kind", "Seen", "Allowed", "Empty", *last]
    return pd.DataFrame(rows, columns=columns).map(plain)


def _kind(name: str, column: Column | None, picture: dict[str, Any]) -> str:
    if column is None:
        return "number" if name in picture["numeric"] else "text"
    return "whole number" if column.integer else KINDS.get(column.role, column.role)


def _seen(name: str, column: Column | None, picture: dict[str, Any]) -> str:
    if bins := picture["numeric"].get(name):
        if not bins["rows"]:
            return ""
        low, high = bins["bin_start"][0], bins["bin_end"][-1]
        if column is not None and is_share(column):
            return f"{percent(low)} to {percent(high)}"
        return f"{low:,.6g} to {high:,.6g}"
    if levels := picture["categorical"].get(name):
        count = len(levels["value"])
        more = " or more" if count >= MOST_LEVELS else ""
        return f"{count}{more} value{'s'[: count != 1]}"
    return ""


def _allowed(column: Column | None) -> str:
    if column is None:
        return ""
    if column.values:
        return f"{len(column.values)} values"
    return form.ends(column) or "any"


def _empty(name: str, picture: dict[str, Any]) -> str:
    """Return how many of the accepted rows have no value; nothing where it is not told."""
    found = picture["numeric"].get(name) or picture["categorical"].get(name)
    if not found or (name in picture["categorical"] and len(found["value"]) >= MOST_LEVELS):
        return ""
    accepted = picture["rows_accepted"]
    holes = accepted - sum(found["rows"])
    if holes <= 0:
        return "none"
    return f"{holes:,} ({small(100 * holes / accepted)} %)"


def _drift(found: dict[str, Any] | None) -> dict[str, str]:
    """Return what the last judged window says of each field's drift."""
    window = watched.last(found) if found else None
    if window is None:
        return {}
    return {one["field"]: watched.level(one) for one in window["drift"]}
