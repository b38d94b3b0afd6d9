"""Histories made up for tests: events at a day of 2027, of models that are a number."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sales.registry.history import Event, What, Who

START = datetime(2027, 1, 1, 3, tzinfo=UTC)


def day(number: float) -> datetime:
    """Return the time so many days after the first of January."""
    return START + timedelta(days=number)


def who(number: int) -> Who:
    """Return a model."""
    return Who(model="xgboost", version=number, content_hash=f"hash{number}")


def event(
    what: What, to: int | None = None, from_: int | None = None, on: float = 0, **facts: Any
) -> Event:
    """Return an event of that day."""
    of: dict[str, Any] = {"to": who(to) if to else None, "from": who(from_) if from_ else None}
    return Event(when=day(on).isoformat(timespec="seconds"), what=what, **of, **facts)
