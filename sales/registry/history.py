"""The history: an append-only record of all that was decided, by the rule, a person or a schedule.

A JSON object a line. It is what the registry and the exports are made from, not the other way
round: who is champion, whom a person has barred and what the champions before were all follow
from it, so that it outlives the registry's database.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sales.errors import PipelineError, printable
from sales.judging import improvement
from sales.registry import clock

Promoting = Literal["registered", "promoted", "challenger", "refused", "rolled back", "lifted"]
Proposing = Literal["proposed", "expired"]
Retraining = Literal["not due", "waiting", "retraining", "retrained"]
Trying = Literal["trial begun", "trial changed", "trial ended", "watch begun"]
Watching = Literal["alarm"]
What = Promoting | Proposing | Retraining | Trying | Watching
HEADER = (
    "when",
    "what",
    "to",
    "from",
    "test RMSE",
    "against",
    "compared",
    "commit",
    "data",
    "reason",
)


class Who(BaseModel):
    """A model, by the name of its stage, its version in the registry and its content hash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    version: int
    content_hash: str

    def __str__(self) -> str:
        return f"{self.model}, version {self.version}"


class Event(BaseModel):
    """One line of the history: what happened to whom.

    `to` is the model that it is about: registered, promoted, refused, gone back to, or free of its
    bar; None where a gate refused them all. `from` is the champion at that time. `champion` and
    `challenger` hold the aliases afterwards. `data` says what came in since that champion learnt.
    `entry`, of a registered model, is what the service tells of it, with what it learnt from, and
    `dvc_md5` DVC's name for its files. `model_name` is `register.model_name`, of
    which all this is told; events of before it was noted have none, and count for any.

    `data_rows` is how many rows came in, of the data named by `data_hash`. `until` is when a
    proposal expires. A retraining tells which triggers were `due`, `at` which machine and folder it
    runs, and once it has ended its `outcome`. `trial` holds the terms of a trial that begins (to is
    the challenger), and the name of the one that an event is about.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    when: str
    what: What
    by: Literal["rule", "person"] = "rule"
    to: Who | None = None
    from_: Who | None = Field(default=None, alias="from")
    champion: Who | None = None
    challenger: Who | None = None
    candidate_test_rmse: float | None = None
    incumbent_test_rmse: float | None = None
    improvement_pct: float | None = None
    improvement_low: float | None = None
    improvement_high: float | None = None
    compared_rows: int | None = None
    data: str = ""
    reason: str = ""
    model_name: str = ""
    git_commit: str = ""
    data_hash: str = ""
    dvc_md5: str | None = None
    entry: dict[str, Any] | None = None
    data_rows: int | None = None
    until: str | None = None
    due: tuple[str, ...] | None = None
    at: str | None = None
    outcome: str | None = None
    trial: dict[str, Any] | None = None


def as_line(typed: str) -> str:
    r"""Return what a person typed as one line of text, as the history and its table need it.

    Line breaks and the like become spaces, what would steer a terminal is spelled, and bytes that
    are not UTF-8 are taken for Latin-1.

    >>> as_line("too low\n  in Texas\x1b[2K")
    'too low in Texas\\x1b[2K'
    """
    raw = os.fsencode(typed)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return printable(" ".join(text.split()))


def now() -> str:
    """Return the time of an event: UTC, to the second."""
    return clock.now().astimezone(UTC).isoformat(timespec="seconds")


def read(path: Path) -> list[Event]:
    """Return the events, oldest first; none where there is no file yet.

    Raises PipelineError that names a damaged line.
    """
    if not path.is_file():
        return []
    events = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            events.append(Event.model_validate_json(line))
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise PipelineError(f"{path}, line {number} is damaged: {reason}") from None
    return events


def of(events: Iterable[Event], model_name: str) -> list[Event]:
    """Return the events of one registered model: another problem has champions of its own."""
    return [event for event in events if event.model_name in (model_name, "")]


def append(path: Path, events: Iterable[Event]) -> None:
    """Write the events behind those that stand there."""
    with path.open("a", encoding="utf-8") as file:
        for event in events:
            file.write(event.model_dump_json(by_alias=True, exclude_none=True) + "\n")


def champion(events: Sequence[Event]) -> Who | None:
    """Return who is champion."""
    return events[-1].champion if events else None


def challenger(events: Sequence[Event]) -> Who | None:
    """Return who is challenger."""
    return events[-1].challenger if events else None


def registered(events: Sequence[Event]) -> dict[str, Event]:
    """Return how each model was registered, by content hash; the last time counts."""
    return {
        event.to.content_hash: event for event in events if event.what == "registered" and event.to
    }


def decision(events: Sequence[Event], content_hash: str) -> Event | None:
    """Return what the rule last decided of a model that it looked at, not of a barred one."""
    for event in reversed(events):
        judged = event.by == "rule" and event.candidate_test_rmse is not None
        if judged and event.to and event.to.content_hash == content_hash:
            return event
    return None


def lineage(events: Sequence[Event]) -> list[Who]:
    """Return the champions, the present one last: a promotion adds one, a rollback takes one away.

    Nobody is in it twice: who came back stands where they came back.
    """
    line: list[Who] = []
    for event in events:
        if event.to and event.what == "promoted":
            line = [who for who in line if who.content_hash != event.to.content_hash] + [event.to]
        elif event.to and event.what == "rolled back":
            while line and line[-1].content_hash != event.to.content_hash:
                line.pop()
    return line


def barred(events: Sequence[Event]) -> dict[str, Event]:
    """Return the rollbacks by the content hash that each of them barred, but for lifted bars."""
    bars: dict[str, Event] = {}
    for event in events:
        if event.what == "rolled back" and event.from_:
            bars[event.from_.content_hash] = event
        elif event.what == "lifted" and event.to:
            bars.pop(event.to.content_hash, None)
    return bars


def previous(events: Sequence[Event]) -> Who | None:
    """Return whom a rollback brings back: the last champion before this one that is not barred."""
    bars = barred(events)
    return next((w for w in reversed(lineage(events)[:-1]) if w.content_hash not in bars), None)


def overruled(events: Sequence[Event]) -> dict[str, str]:
    """Return the content hash of the champion that another was promoted over, and by whom.

    That is a person, or a trial, who know more than today's test rows. As long as that choice
    stands, the rule does not bring the other one back.
    """
    for event in reversed(events):
        if event.what in ("promoted", "rolled back"):
            by = "a person" if event.by == "person" else ""
            by = f"the trial '{event.trial['name']}'" if event.trial else by
            chosen = event.from_ if event.what == "promoted" and by else None
            return {chosen.content_hash: by} if chosen else {}
    return {}


def told_before(event: Event, events: Sequence[Event]) -> bool:
    """Return whether the last event of its kind tells of the same thing, at another time."""
    aside = {"when", "git_commit", "challenger"}
    for earlier in reversed(events):
        if earlier.what == event.what:
            return earlier.model_dump(exclude=aside) == event.model_dump(exclude=aside)
    return False


def table(events: Iterable[Event]) -> list[tuple[str, ...]]:
    """Return a row of text an event, as HEADER names its cells: each a line that steers nothing."""
    rows = [
        (
            event.when.replace("T", " ").replace("+00:00", ""),
            event.what,
            str(event.to or ""),
            str(event.from_ or ""),
            _number(event.candidate_test_rmse, ",.4f"),
            _number(event.incumbent_test_rmse, ",.4f"),
            _improvement(event),
            event.git_commit[:7],
            event.data_hash[:7],
            ": ".join(part for part in (event.outcome, event.reason) if part),
        )
        for event in events
    ]
    return [tuple(map(printable, row)) for row in rows]


def as_text(events: Iterable[Event]) -> str:
    """Return the history for a terminal, oldest first: a row an event, columns aligned."""
    rows = [HEADER, *table(events)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _improvement(event: Event) -> str:
    """Return by how much the candidate was better, and between what, 95 times of a hundred."""
    pct, low, high = event.improvement_pct, event.improvement_low, event.improvement_high
    if pct is None:
        return ""
    told = improvement.told(pct)
    if low is None or high is None:  # of before there was an interval, or nothing bounds it
        return told
    return f"{told} ({improvement.between(low, high)})"


def _number(value: float | None, style: str) -> str:
    return "" if value is None else format(value, style)
