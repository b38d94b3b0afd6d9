"""What came in since the champion, and when each file was first seen, by the history."""

import pytest

from sales.data import spans
from sales.data.spans import Span
from sales.registry import data_history
from sales.registry.history import Event, Who

ONE, TWO = (Who(model="xgboost", version=n, content_hash=f"h{n}") for n in (1, 2))
MAY, JUNE = Span("may.csv", "a1", 100), Span("june.csv", "b2", 1_500)


def registered(who, when, known):
    entry = None if known is None else {"data": [span._asdict() for span in known]}
    return Event(when=when, what="registered", to=who, champion=ONE, entry=entry)


def test_of_the_champion_not_of_the_last_version():
    events = [registered(ONE, "t1", [MAY]), registered(TWO, "t2", [MAY, JUNE])]
    changes = data_history.since_champion(events, [MAY, JUNE])
    assert [each.change for each in changes] == ["known", "new"]
    assert data_history.first_seen(events) == {"a1": "t1", "b2": "t2"}
    told = data_history.told(events, [MAY, JUNE])
    assert told["rows_since_champion"] == 1_500
    assert [(s["name"], s["first_seen"], s["since_champion"]) for s in told["spans"]] == [
        ("may.csv", "t1", "known"),
        ("june.csv", "t2", "new"),
    ]


@pytest.mark.parametrize("events", [[], [registered(ONE, "t1", None)]])
def test_before_that_was_noted_nothing_is_said(events):
    assert data_history.since_champion(events, [MAY]) is None
    assert data_history.in_a_line(None) == ""
    told = data_history.told(events, [MAY])
    assert told["rows_since_champion"] is None
    [span] = told["spans"]
    assert (span["first_seen"], span["since_champion"]) == (None, None)


def test_a_line_names_some_files_and_counts_the_others():
    now = [Span(f"{n}.csv", f"{n}", 1) for n in range(14)]
    line = data_history.in_a_line(spans.since([MAY], now))
    assert line.startswith("since the champion's data 86 rows fewer: 0.csv is new, 1.csv is new")
    assert line.endswith("9.csv is new and 5 more")
