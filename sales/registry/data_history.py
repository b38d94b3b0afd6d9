"""Which data came when: what each version knew, and what is new since the champion's."""

from collections.abc import Iterable, Sequence
from typing import Any

from sales import files
from sales.contract import Contract
from sales.data import spans
from sales.data.incoming import IngestParams
from sales.data.spans import Changed, Span
from sales.data.split import PARTS
from sales.registry import history
from sales.registry.history import Event
from sales.registry.today import CONTRACT, METRICS, PREPARED

MOST = 10  # files that a line names


def today(settings: IngestParams) -> list[Span]:
    """Return the spans of today's run, as its stages left them."""
    contract = Contract(**files.read_json(CONTRACT))
    days = spans.dates(PREPARED, contract.date, PARTS)
    return spans.of(files.read_json(METRICS / "data.json"), settings.source, days)


def of(events: Sequence[Event], content_hash: str) -> list[Span] | None:
    """Return the spans that a registered model knew; None of before that was noted."""
    told = history.registered(events).get(content_hash)
    found = (told.entry or {}).get("data") if told else None
    return None if found is None else spans.read(found)


def since_champion(events: Sequence[Event], now: Iterable[Span]) -> list[Changed] | None:
    """Return what became of the data since the champion's; None where that is not known."""
    champion = history.champion(events)
    then = of(events, champion.content_hash) if champion else None
    return None if then is None else spans.since(then, now)


def first_seen(events: Iterable[Event]) -> dict[str, str]:
    """Return when each span, by content hash, was first among the data of a registered model."""
    found: dict[str, str] = {}
    for event in events:
        for span in (event.entry or {}).get("data", ()) if event.what == "registered" else ():
            found.setdefault(span["sha256"], event.when)
    return found


def in_a_line(changes: Sequence[Changed] | None) -> str:
    """Return what is new since the champion's data, and what is no longer as it was.

    >>> then, now = [Span("may.csv", "a1", 100)], [Span("june.csv", "b2", 1500)]
    >>> in_a_line(spans.since(then, now))
    "since the champion's data 1,400 rows more: june.csv is new, may.csv is gone"
    >>> in_a_line(spans.since(now, now))
    "the champion's data"
    """
    if changes is None:
        return ""
    words = {"new": "is new", "changed": "has changed", "gone": "is gone"}
    told = [f"{each.span.name} {words[each.change]}" for each in changes if each.change in words]
    if not told:
        return "the champion's data"
    more = spans.new_rows(changes)
    rows = f"{abs(more):,} rows {'more' if more > 0 else 'fewer'}" if more else "as many rows"
    few = ", ".join(told[:MOST]) + (f" and {len(told) - MOST} more" if len(told) > MOST else "")
    return f"since the champion's data {rows}: {few}"


def told(events: Sequence[Event], now: Sequence[Span]) -> dict[str, Any]:
    """Return today's spans as the service tells them, with what is new since the champion's."""
    changes, seen = since_champion(events, now), first_seen(events)
    known = changes if changes is not None else [Changed(span, "known") for span in now]
    return {
        "spans": [
            {
                **each.span._asdict(),
                "first_seen": seen.get(each.span.sha256),
                "since_champion": each.change if changes is not None else None,
            }
            for each in known
        ],
        "rows_since_champion": None if changes is None else spans.new_rows(changes),
    }
