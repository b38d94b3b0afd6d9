"""The triggers of a retraining: what each one sees, whether it fires, and why, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from sales.params import Group
from sales.registry import clock
from sales.registry.history import Who
from sales.retraining.course import Learnt
from sales.retraining.findings import Finding, Findings

DAY = 86_400.0


class RetrainParams(Group):
    """See `retrain` in params.yaml."""

    new_rows: int | None = Field(ge=1)
    new_rows_pct: float | None = Field(gt=0)
    age_days: float | None = Field(gt=0, le=36_500)
    drift: float | None = Field(gt=0)
    live_error: float | None = Field(gt=0)
    cooldown_days: float = Field(ge=0, le=3650)
    max_hours: float = Field(gt=0, le=8760)


@dataclass(frozen=True)
class Seen:
    """What the triggers look at: the champion, what was learnt last, and what is there now."""

    moment: datetime
    champion: Who | None
    learnt: Learnt | None
    rows: int
    where: str
    findings: Findings | None


class Trigger(NamedTuple):
    """One trigger as it stands."""

    name: str
    fires: bool
    why: str

    @property
    def line(self) -> str:
        """What is told of it at a terminal."""
        return f"{self.name}: {'fires: ' if self.fires else ''}{self.why}"


def looked_at(settings: RetrainParams, seen: Seen) -> list[Trigger]:
    """Return all triggers. Where there is no champion, that alone fires."""
    if seen.champion is None:
        return [Trigger("champion", True, "there is none yet")]
    drift = seen.findings.drift if seen.findings else None
    error = seen.findings.live_error if seen.findings else None
    return [
        _new_rows(settings.new_rows, seen),
        _new_rows_pct(settings.new_rows_pct, seen),
        _age(settings.age_days, seen),
        _found("drift", settings.drift, seen, drift, ""),
        _found("live_error", settings.live_error, seen, error, " %"),
    ]


def _new_rows(asked: int | None, seen: Seen) -> Trigger:
    name = "new_rows"
    if asked is None:
        return Trigger(name, False, "not asked for")
    told, new = _news(seen)
    if new is None:
        return Trigger(name, False, told)
    return Trigger(name, new >= asked, f"{told}; {asked:,} are asked for")


def _new_rows_pct(asked: float | None, seen: Seen) -> Trigger:
    name = "new_rows_pct"
    if asked is None:
        return Trigger(name, False, "not asked for")
    told, new = _news(seen)
    if new is None or seen.learnt is None or not seen.learnt.rows:
        return Trigger(name, False, told)
    share = 100 * new / seen.learnt.rows
    return Trigger(name, share >= asked, f"{told}, {share:.2f} %; {asked:g} % are asked for")


def _news(seen: Seen) -> tuple[str, int | None]:
    """Return in words what has come since, and how many rows; None where nobody knows."""
    there = f"{seen.rows:,} rows {seen.where}"
    if seen.learnt is None or seen.learnt.rows is None:
        return f"{there}; how many were learnt from is not told of a run of before", None
    then = f"the {seen.learnt.rows:,} of {_day(seen.learnt.when)}"
    new = seen.rows - seen.learnt.rows
    if new < 0:
        return f"{there}, {-new:,} fewer than {then}", 0
    return f"{there}, {new:,} more than {then}", new


def _age(asked: float | None, seen: Seen) -> Trigger:
    name = "age_days"
    if asked is None:
        return Trigger(name, False, "not asked for")
    if seen.learnt is None:
        return Trigger(name, False, "the history tells of no run")
    age = (seen.moment - seen.learnt.when).total_seconds() / DAY
    told = f"the last run was {age:.1f} days ago, on {_day(seen.learnt.when)}"
    return Trigger(name, age >= asked, f"{told}; {asked:g} are asked for")


def _found(
    name: str, asked: float | None, seen: Seen, finding: Finding | None, unit: str
) -> Trigger:
    if asked is None:
        return Trigger(name, False, "not asked for")
    if seen.findings is None or finding is None:
        return Trigger(name, False, "not watched")
    if seen.champion and seen.findings.content_hash != seen.champion.content_hash:
        return Trigger(name, False, f"not watched of {seen.champion}: of another one")
    when = clock.of(seen.findings.when, "a finding's time")
    if seen.learnt and when < seen.learnt.when:
        return Trigger(name, False, f"not watched since the last run; before, on {_day(when)}")
    what = f" ({finding.what})" if finding.what else ""
    told = f"{finding.value:g}{unit}{what} on {_day(when)}; {asked:g}{unit} are asked for"
    return Trigger(name, finding.value >= asked, told)


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d}"
