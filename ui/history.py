"""What a person has asked in this session: each answer once, to compare with, to open, to keep.

It lives in the session alone, and goes with the tab.
"""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from sales.serving import request_ids
from sales.serving.request import added_columns
from ui.amounts import amount
from ui.asked import Asked

HISTORY = "history"
MOST = 200  # answers; the oldest go
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # by what a spreadsheet knows one


@dataclass(frozen=True)
class Entry:
    """An answer, its number in the session and when it was given, in UTC."""

    number: int
    at: datetime
    asked: Asked


def add(asked: Asked) -> None:
    """Remember an answer."""
    known = entries()
    number = known[-1].number + 1 if known else 1
    st.session_state[HISTORY] = [*known, Entry(number, datetime.now(UTC), asked)][-MOST:]


def entries() -> list[Entry]:
    """Return the session's answers, the oldest first."""
    found: list[Entry] = st.session_state.get(HISTORY, [])
    return found


def number_of(asked: Asked) -> int | None:
    """Return an answer's number; None for one that has gone from the history."""
    return next((one.number for one in entries() if one.asked is asked), None)


def label(entry: Entry, answer_key: str, unit: str | None, zone: tzinfo = UTC) -> str:
    """Return how an answer is called where one is picked: `2, at 14:03:12: $593.97`."""
    when = entry.at.astimezone(zone)
    return f"{entry.number}, at {when:%H:%M:%S}: {amount(entry.asked.answer[answer_key], unit)}"


def zone() -> tzinfo:
    """Return the time zone of the person's browser, UTC where it does not tell."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def table(known: list[Entry], target: str, answer_key: str) -> bytes:
    """Return the session as CSV: a row an answer, its fields as a file to be scored has them.

    With the request ids, so that true amounts can be filled in and sent as truths. Fields that
    another model did not ask for are empty.
    """
    fields = list(dict.fromkeys(name for one in known for name in one.asked.order))
    predicted, low, high = added_columns(target)
    last = [request_ids.column(target), predicted, low, high, "AnsweredAt", "Alias", "Version"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*fields, *last])
    for one in known:
        order, answer, model = one.asked.order, one.asked.answer, one.asked.model
        within = answer.get("prediction_interval", {})
        told = [answer.get("request_id"), answer[answer_key], within.get("low"), within.get("high")]
        signed = [one.at.isoformat(timespec="seconds"), model["alias"], model["version"]]
        writer.writerow([_cell(cell) for cell in (*map(order.get, fields), *told, *signed)])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Return a cell as it is written: text that a spreadsheet would take for a formula, as text."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    if isinstance(value, bool):
        return str(value).lower()
    return value
