"""Trials in the history: which one runs, on what terms, and how each ended. A fold of events.

A trial begins with an event that holds its terms, which stay what they are whatever params.yaml
says later; its share may be changed; it ends with an outcome. Another champion or challenger,
whoever decided that, ends it as well: it was about these two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import Field

from sales.params import Group
from sales.registry import clock, history
from sales.registry.history import Event, Who
from sales.serving.on_trial import OnTrial, Told, Watch

BEGUN: Final = "trial begun"
CHANGED: Final = "trial changed"
ENDED: Final = "trial ended"
WATCH: Final = "watch begun"
BETTER, WORSE, EQUAL, UNDECIDED = "better", "worse", "equal", "undecided"
STOPPED, OVERTAKEN = "stopped", "overtaken"  # by a person; by another champion or challenger


class TrialParams(Group):
    """See `trial` in params.yaml."""

    share_pct: float = Field(0.0, ge=0, le=100)
    alpha: float = Field(0.05, gt=0, le=0.5)
    least_rows: int = Field(300, ge=2)
    tightest_at: int = Field(2_000, ge=10)
    most_rows: int = Field(100_000, ge=10)
    most_days: float = Field(30.0, gt=0, le=3650)
    loss: Literal["squared", "absolute"] = "squared"
    bound: float | None = Field(None, gt=0)
    customer: str | None = Field(None, min_length=1)
    rollback: Literal["auto"] | None = None
    watch_days: float = Field(7.0, gt=0, le=3650)
    cooldown_days: float = Field(1.0, ge=0, le=3650)
    most_refused_pct: float | None = Field(5.0, ge=0, le=100)
    most_not_finite_pct: float | None = Field(0.0, ge=0, le=100)
    most_p99_ms: float | None = Field(None, gt=0)


TERMS = (  # of a trial, fixed when it begins
    *("alpha", "least_rows", "tightest_at", "most_rows", "most_days", "loss", "bound", "customer"),
)


@dataclass(frozen=True)
class Trial:
    """A trial as the history has it; `outcome` is empty as long as it runs."""

    name: str
    champion: Who
    challenger: Who
    begun: datetime
    terms: dict[str, Any]
    share_pct: float
    outcome: str = ""
    reason: str = ""

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return not self.outcome

    @property
    def over(self) -> datetime:
        """When its days are over."""
        return self.begun + timedelta(days=self.terms["most_days"])


def all_of(events: Sequence[Event]) -> list[Trial]:
    """Return all trials, the last one last: only that one may run."""
    found: list[Trial] = []
    for event in events:
        now = found[-1] if found and found[-1].runs else None
        if now and event.what == CHANGED and event.trial:
            found[-1] = replace(now, share_pct=event.trial["share_pct"])
        elif now and event.what == ENDED:
            found[-1] = replace(now, outcome=event.outcome or STOPPED, reason=event.reason)
        elif event.what == BEGUN and event.trial and event.from_ and event.to:
            terms = {name: event.trial[name] for name in (*TERMS, "margin_pct")}
            begun = clock.of(event.when, "an event's time")
            told = event.trial["name"], event.from_, event.to, begun, terms
            found.append(Trial(*told, event.trial["share_pct"]))
        elif now and (event.champion, event.challenger) != (now.champion, now.challenger):
            why = f"{event.what} {event.to or ''}".strip()
            found[-1] = replace(now, outcome=OVERTAKEN, reason=why)
    return found


def running(events: Sequence[Event]) -> Trial | None:
    """Return the trial that runs."""
    found = all_of(events)
    return found[-1] if found and found[-1].runs else None


def of_model(events: Sequence[Event], content_hash: str) -> list[str]:
    """Return the trials that a model was in, and how one came back by itself, a line each."""
    lines = []
    for one in all_of(events):
        if content_hash in (one.champion.content_hash, one.challenger.content_hash):
            both = f"{one.challenger} on trial against {one.champion}"
            since = f"since {one.begun:%Y-%m-%d}: '{one.name}', {one.share_pct:g} % of the requests"
            lines.append(f"{both} {since}" if one.runs else f"{both}, {one.outcome}: {one.reason}")
    for event in events:
        if event.what != "rolled back" or event.by != "rule":
            continue
        if content_hash in [one.content_hash for one in (event.to, event.from_) if one]:
            lines.append(f"{event.from_} went by itself, {event.to} came back: {event.reason}")
    return lines


def holds_challenger(events: Sequence[Event]) -> bool:
    """Return whether the challenger is on trial, so that a better second one has to wait."""
    return running(events) is not None


def watched(events: Sequence[Event]) -> Event | None:
    """Return the watch over the champion that stands: whether it is over, `until` tells."""
    now = history.champion(events)
    for event in reversed(events):
        if event.what == WATCH:
            return event if event.to == now else None
    return None


def promoted(events: Sequence[Event]) -> Event | None:
    """Return how the champion that stands came to be it, by a promotion with one before it."""
    for event in reversed(events):
        if event.what in ("promoted", "rolled back"):
            return event if event.what == "promoted" and event.from_ else None
    return None


def rolled_back_until(events: Sequence[Event], days: float) -> datetime | None:
    """Return until when no other rollback may follow by itself, after the last that did."""
    for event in reversed(events):
        if event.what == "rolled back" and event.by == "rule":
            return clock.of(event.when, "an event's time") + timedelta(days=days)
    return None


def told(events: Sequence[Event]) -> Told:
    """Return what the exports tell of the last trial and of the watch."""
    found, watch = all_of(events), watched(events)
    trial = None
    if found:
        last = found[-1]
        trial = OnTrial(
            last.name,
            last.champion.content_hash,
            last.challenger.content_hash,
            last.share_pct if last.runs else 0.0,
            last.terms["customer"],
            last.outcome,
        )
    over = None
    if watch and watch.to and watch.from_ and watch.until:
        over = Watch(watch.to.content_hash, watch.from_.content_hash, watch.until)
    return Told(trial, over)
