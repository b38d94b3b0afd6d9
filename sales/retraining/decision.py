"""Whether to retrain now: a pure decision from the triggers, the history and the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sales.registry.history import Event
from sales.retraining import course
from sales.retraining.triggers import RetrainParams, Trigger

QUIET = ("not due", "waiting")  # told once, until something about it changes


@dataclass(frozen=True)
class Decision:
    """What is done now and why; `due` names the triggers that fire.

    `retraining` runs the pipeline; `retrained` only tells how the last one ended, which was cut
    before it could; `under way` leaves it to another machine.
    """

    what: Literal["not due", "waiting", "under way", "retraining", "retrained"]
    reason: str
    due: tuple[str, ...] = ()
    outcome: str | None = None


def decide(
    settings: RetrainParams,
    triggers: Sequence[Trigger],
    events: Sequence[Event],
    moment: datetime,
    here: str,
) -> Decision:
    """Return the decision; `here` is this machine and folder, as its own retrainings name it."""
    attempt = course.last(events)
    if attempt and attempt.ended is None:
        return _cut(attempt, settings, moment, here)
    due = tuple(trigger.name for trigger in triggers if trigger.fires)
    if not due:
        return Decision("not due", "no trigger fires")
    why = "; ".join(trigger.line for trigger in triggers if trigger.fires)
    cools = course.cools_until(events, settings.cooldown_days)
    if cools and moment < cools:
        return Decision("waiting", f"not before {cools.isoformat(timespec='seconds')}; {why}", due)
    return Decision("retraining", why, due)


def _cut(attempt: course.Attempt, settings: RetrainParams, moment: datetime, here: str) -> Decision:
    """Return what becomes of a retraining of which nobody knows how it ended."""
    begun, due = attempt.event, attempt.event.due or ()
    outcome, why = course.outcome(attempt, succeeded=False)
    if outcome != course.FAILED:
        return Decision("retrained", f"{why} (cut short after that)", due, outcome)
    if begun.at != here and moment < attempt.when + timedelta(hours=settings.max_hours):
        return Decision("under way", f"at {begun.at} since {begun.when}", due)
    return Decision("retraining", f"goes on with that of {begun.when}, which was cut short", due)


def told_before(decision: Decision, events: Sequence[Event]) -> bool:
    """Return whether the last thing that was told of a retraining is the same, and changes nothing.

    Else an hourly schedule would fill the history with it.
    """
    if decision.what not in QUIET:
        return False
    about = (*QUIET, course.BEGUN, course.ENDED)
    before = next((event for event in reversed(events) if event.what in about), None)
    return before is not None and (before.what, before.due or ()) == (decision.what, decision.due)
