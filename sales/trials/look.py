"""One look at a trial or a watch: what the truths say by now, in words and for the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sales.judging import improvement
from sales.registry import trials
from sales.registry.history import Event, Who
from sales.registry.trials import Trial
from sales.trials import evidence, losses, verdict
from sales.trials.evidence import Evidence, Pair
from sales.trials.verdict import Rules, Verdict

FOREVER = "the margin lies where the truth seems to be: more truths may not tell"


@dataclass(frozen=True)
class Look:
    """What was found: the rows, what they say, and by which rules."""

    found: Evidence
    rules: Rules
    verdict: Verdict

    @property
    def score(self) -> str:
        """By what the models are compared."""
        return losses.SCORES[self.rules.loss]

    @property
    def lines(self) -> list[str]:
        """What it says, for a person."""
        seen, found = self.verdict, self.found
        rows = f"{seen.rows:,} truths of {seen.units:,} customers or requests"
        open_ = f"{found.waiting:,} rows wait for theirs"
        alone = f", {found.alone:,} have no prediction of the other model" if found.alone else ""
        return [f"{rows}; {open_}{alone}", self.said]

    @property
    def said(self) -> str:
        """What the verdict rests on, in a line."""
        seen = self.verdict
        if seen.units < 2:
            return f"{seen.what}: about {seen.rows_needed:,} more truths are needed to begin with"
        ends = improvement.between(seen.low_pct, seen.high_pct)
        sure = f"{100 * (1 - self.rules.alpha):g} % sure at any time"
        told = f"{self.score} {improvement.told(seen.improvement_pct)} ({ends}, {sure})"
        if seen.what != "not yet":
            return f"{told}, {seen.rows:,} truths"
        needed = FOREVER if seen.rows_needed is None else f"about {seen.rows_needed:,} more truths"
        return f"not yet: {told}; {needed}"


def at(address: str, pair: Pair, rules: Rules) -> Look:
    """Look at what is kept at an address about a pair."""
    found = evidence.of(address, pair)
    return Look(found, rules, verdict.of(found.sums(rules), rules))


def rules(terms: Mapping[str, Any]) -> Rules:
    """Return the rules that a trial's terms are."""
    return Rules(
        alpha=terms["alpha"],
        margin_pct=terms["margin_pct"],
        least_units=terms["least_rows"],
        tightest_at=terms["tightest_at"],
        loss=terms["loss"],
        bound=terms["bound"],
    )


def outcome(trial: Trial, look: Look, moment: datetime) -> tuple[str, str] | None:
    """Return how a trial ends by what was seen, and why; None: it goes on."""
    if look.verdict.what != "not yet":
        return look.verdict.what, look.said
    most = trial.terms["most_rows"]
    if look.verdict.rows >= most:
        return trials.UNDECIDED, f"after {look.verdict.rows:,} truths: {look.said}"
    if moment >= trial.over:
        return trials.UNDECIDED, f"after {trial.terms['most_days']:g} days: {look.said}"
    return None


def told(trial: Trial, look: Look, moment: datetime) -> dict[str, Any]:
    """Return what GET /trial tells: docs/trials.md has the meaning of each."""
    seen = look.verdict
    return {
        "name": trial.name,
        "champion": trial.champion.model_dump(),
        "challenger": trial.challenger.model_dump(),
        "begun": trial.begun.isoformat(timespec="seconds"),
        "looked": moment.isoformat(timespec="seconds"),
        "runs": trial.runs,
        "outcome": trial.outcome or None,
        "reason": trial.reason or None,
        "share_pct": trial.share_pct if trial.runs else 0.0,
        "terms": dict(trial.terms),
        "score": look.score,
        "verdict": seen.what,
        "rows": seen.rows,
        "units": seen.units,
        "waiting": look.found.waiting,
        "alone": look.found.alone,
        "improvement_pct": evidence.finite(seen.improvement_pct),
        "low_pct": evidence.finite(seen.low_pct),
        "high_pct": evidence.finite(seen.high_pct),
        "rows_needed": seen.rows_needed,
        "points": look.found.course(look.rules),
    }


def pair(trial: Trial, id_column: str | None) -> Pair:
    """Return whose answers a trial compares; without a column the id tells customers apart."""
    customer = trial.terms["customer"] or id_column
    hashes = trial.champion.content_hash, trial.challenger.content_hash
    return Pair(*hashes, trial.begun, customer)


def watched(event: Event, begun: datetime, customer: str | None) -> Pair | None:
    """Return whose answers a watch compares: the champion's, and those of the one before."""
    now, before = event.to, event.from_
    if not isinstance(now, Who) or not isinstance(before, Who):
        return None
    return Pair(now.content_hash, before.content_hash, begun, customer)
