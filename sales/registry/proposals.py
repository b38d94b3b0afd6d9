"""Proposals: a promotion that the rule would make, and that waits until a person approves it.

With `register.approval: manual` the best candidate does not take the champion's place: it becomes
challenger, and the history says until when it may be approved. One proposal waits at a time. It
ends when a newer one comes, when there is another champion (approved or not), when the rule sees
the same model on newer rows and refuses it, and by time.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sales.registry import clock
from sales.registry.history import Event, Who
from sales.registry.promotion import Decision, Incumbent, Move

AUTO, MANUAL = "auto", "manual"
PROPOSED = "proposed"


def held(decision: Decision, incumbent: Incumbent | None, approval: str) -> Decision:
    """Return the decision as it takes effect: where a person approves, a promotion is proposed.

    Not where nobody could answer meanwhile: there is no champion yet, or it cannot be loaded.
    """
    if approval == AUTO or not decision.promote or incumbent is None or incumbent.unloadable:
        return decision
    return replace(decision, promote=False, outcome=PROPOSED)


def following(waiting: Event | None, event: Event) -> Event | None:
    """Return the proposal that waits after an event, given the one that waited before it."""
    if event.what == PROPOSED:
        return event
    if waiting is None or event.what in ("promoted", "rolled back", "expired"):
        return None
    again = event.to and waiting.to and event.to.content_hash == waiting.to.content_hash
    return None if event.what == "refused" and again else waiting


def waiting(events: Sequence[Event]) -> Event | None:
    """Return the proposal that waits; whether its time is over, `expired` tells."""
    found: Event | None = None
    for event in events:
        found = following(found, event)
    return found


def expired(proposal: Event, moment: datetime) -> bool:
    """Return whether a proposal's time is over."""
    return proposal.until is not None and clock.of(proposal.until, "a proposal's end") <= moment


def lapsed(events: Sequence[Event]) -> Event | None:
    """Return the proposal whose time is over and whose end the history does not tell yet."""
    found = waiting(events)
    return found if found and expired(found, clock.now()) else None


def known(events: Sequence[Event], move: Move) -> bool:
    """Return whether the very same proposal waits already: it is not made twice."""
    found = waiting(events)
    return found is not None and _same(found.to, move.to) and _same(found.from_, move.from_)


def end(days: float) -> str:
    """Return until when a proposal that is made now may be approved."""
    return (clock.now() + timedelta(days=days)).isoformat(timespec="seconds")


def _same(one: Who | None, other: Who | None) -> bool:
    return (one and one.content_hash) == (other and other.content_hash)
