"""What the history tells of retrainings: what was learnt last, what is under way, how one ended.

A retraining is an event before the pipeline runs, `retraining`, and one after it, `retrained`. What
register does in between stands between the two. So one that was cut is seen, and whether it had
decided already: then it has ended, and nothing is trained a second time for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sales.registry import clock
from sales.registry.history import Event

PROMOTED, PROPOSED, KEPT = "promoted", "proposed", "kept"
REFUSED, FAILED = "refused", "failed"
BEGUN, ENDED = "retraining", "retrained"


@dataclass(frozen=True)
class Learnt:
    """The last run of the pipeline that ended with a decision: when, and on how many rows.

    `rows` is None where the history does not tell, as that of before it was noted.
    """

    when: datetime
    rows: int | None


@dataclass(frozen=True)
class Attempt:
    """The last retraining that was begun, and what happened since."""

    event: Event
    since: tuple[Event, ...]

    @property
    def when(self) -> datetime:
        """When it was begun."""
        return clock.of(self.event.when, "an event's time")

    @property
    def ended(self) -> Event | None:
        """The event that tells how it ended."""
        return next((event for event in self.since if event.what == ENDED), None)


def learnt(events: Sequence[Event], rows: Mapping[str, int]) -> Learnt | None:
    """Return what was learnt last; `rows` are the numbers of rows by the hash of their data.

    What the rule said of a run counts, and only where it said nothing how the retraining ended: a
    run that was cut may be told of from another folder, with other data in it.
    """
    unsaid: Event | None = None
    for event in reversed(events):
        if event.by == "rule" and event.what in (PROMOTED, PROPOSED, "refused"):
            return _learnt(event, rows)
        if event.what == BEGUN and unsaid:
            return _learnt(unsaid, rows)
        if event.what == ENDED and event.outcome != FAILED:
            unsaid = unsaid or event
    return None


def _learnt(event: Event, rows: Mapping[str, int]) -> Learnt:
    known = rows.get(event.data_hash) if event.data_rows is None else event.data_rows
    return Learnt(clock.of(event.when, "an event's time"), known)


def last(events: Sequence[Event]) -> Attempt | None:
    """Return the last retraining that was begun."""
    for at in range(len(events) - 1, -1, -1):
        if events[at].what == BEGUN:
            return Attempt(events[at], tuple(events[at + 1 :]))
    return None


def cools_until(events: Sequence[Event], days: float) -> datetime | None:
    """Return until when no other retraining may begin, counted from when the last one began.

    Only one that has decided counts: what failed, or was cut, may be tried again at once.
    """
    for at in range(len(events) - 1, -1, -1):
        if events[at].what == BEGUN:
            attempt = Attempt(events[at], tuple(events[at + 1 :]))
            if outcome(attempt, succeeded=False)[0] != FAILED:
                return attempt.when + timedelta(days=days)
    return None


def outcome(attempt: Attempt, *, succeeded: bool) -> tuple[str, str]:
    """Return how a retraining ended, and why; `succeeded` says whether the pipeline did.

    The rule's own decision tells, if there was one; it says nothing where all is as it was.
    """
    found: dict[str, str] = {}
    for event in attempt.since:
        if event.what == BEGUN:
            break
        if event.what == ENDED:
            return event.outcome or KEPT, event.reason
        if event.by == "rule" and event.what in (PROMOTED, PROPOSED):
            found[event.what] = f"{event.to}: {event.reason}"
        elif event.what == "refused":  # a barred one is told of before the decision on the next
            found[KEPT if event.to else REFUSED] = event.reason
    for ending in (PROMOTED, PROPOSED, REFUSED, KEPT):
        if ending in found:
            return ending, found[ending]
    if succeeded:
        return KEPT, "the run has changed nothing: today's best is known already"
    return FAILED, "the pipeline did not come to a decision"
