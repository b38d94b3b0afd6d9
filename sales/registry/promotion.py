"""Who is champion: a pure decision from today's best candidate and the champion that stands."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sales.errors import PipelineError
from sales.judging import evidence, improvement
from sales.registry.history import What, Who

CHAMPION, CHALLENGER = "champion", "challenger"
FALLBACK = "fallback"  # the champion before this one
FIGURES = (  # what a decision rests on
    *("candidate_test_rmse", "incumbent_test_rmse"),
    *("improvement_pct", "improvement_low", "improvement_high", "compared_rows"),
)


@dataclass(frozen=True)
class Candidate:
    """The best of the models that passed today's gate."""

    name: str
    content_hash: str
    test_rmse: float
    request_fields: frozenset[str]
    target: str = ""


@dataclass(frozen=True)
class Compared:
    """Candidate and incumbent on the same test rows of today.

    `low` and `high` are between what the candidate's RMSE is lower, in percent, 95 times of a
    hundred. `on` says which rows these are; `unseen` is false where the incumbent may have learnt
    from some of them.
    """

    candidate_rmse: float
    incumbent_rmse: float
    low: float
    high: float
    rows: int
    on: str
    unseen: bool = True

    @property
    def improvement_pct(self) -> float:
        """How much lower the candidate's RMSE is, in percent of the incumbent's."""
        return improvement_pct(self.candidate_rmse, self.incumbent_rmse)

    def __str__(self) -> str:
        scores = f"test RMSE {self.candidate_rmse:g} against {self.incumbent_rmse:g}"
        sure = f"{improvement.between(self.low, self.high)}, 95 % sure"
        return f"{scores} ({sure}) on {self.on}"


@dataclass(frozen=True)
class Incumbent:
    """The champion that stands, judged by today's gate, and compared with the candidate.

    `unloadable` says why it could not be loaded; nothing else is known of it then. `compared` is
    None where it gives no finite answers.
    """

    name: str
    content_hash: str
    compared: Compared | None = None
    request_fields: frozenset[str] = frozenset()
    target: str = ""
    failed_rules: tuple[str, ...] = ()
    unloadable: str = ""


@dataclass(frozen=True)
class Decision:
    """Whether the candidate becomes champion, and why, in words for a person.

    `compared` is what it rests on, where it rests on scores.
    """

    promote: bool
    outcome: str  # first, unchanged, replaced, kept, or proposed (proposals.py)
    reason: str
    compared: Compared | None = None


class Move(NamedTuple):
    """One step of the aliases, as an event of the history tells it: they are what it leaves."""

    what: What
    to: Who | None
    from_: Who | None
    champion: Who | None
    challenger: Who | None
    reason: str


def contenders(
    ranking: Sequence[str], hashes: Mapping[str, str], barred: Collection[str], top_k: int
) -> list[str]:
    """Return the names of the models that may hold an alias, the best first.

    They are the first `top_k` of those that passed, without those whose content hash is barred.
    """
    return [name for name in ranking if hashes[name] not in barred][:top_k]


def decide(
    candidate: Candidate,
    incumbent: Incumbent | None,
    min_improvement_pct: float,
    overruled: Mapping[str, str] = {},
) -> Decision:
    """Return the decision of the promotion rule.

    An incumbent loses only to a candidate that is better by `min_improvement_pct`, and by more than
    chance, or when it can no longer serve: it does not load, fails today's gate, predicts another
    target, or asks for other fields than today's feature set. `overruled` tells who chose the
    incumbent over which content hash.
    """
    if incumbent is None:
        return Decision(True, "first", f"{candidate.name} is the first champion")
    if incumbent.content_hash == candidate.content_hash:
        return Decision(False, "unchanged", f"today's best, {candidate.name}, is champion already")
    if incumbent.unloadable:
        return Decision(True, "replaced", f"the champion cannot be loaded: {incumbent.unloadable}")
    if incumbent.target != candidate.target:
        differ = f"{incumbent.target}, not {candidate.target}"
        return Decision(True, "replaced", f"the champion predicts {differ}")
    if incumbent.request_fields != candidate.request_fields:
        differ = ", ".join(sorted(incumbent.request_fields ^ candidate.request_fields))
        return Decision(True, "replaced", f"the champion asks for other fields: {differ}")
    if incumbent.failed_rules:
        rules = ", ".join(incumbent.failed_rules)
        return Decision(True, "replaced", f"the champion fails today's gate: {rules}")
    found = incumbent.compared
    if found is None:
        return Decision(True, "replaced", "the champion has no score on today's test rows")
    better = found.improvement_pct
    if candidate.content_hash in overruled:
        by = overruled[candidate.content_hash]
        chosen = f"{by} promoted {incumbent.name} over {candidate.name}"
        return Decision(False, "kept", f"{chosen}: {found}", found)
    if found.candidate_rmse >= found.incumbent_rmse:
        return Decision(False, "kept", f"{candidate.name} is no better: {found}", found)
    if better < min_improvement_pct:
        few = f"only {better:.2f} % better, {min_improvement_pct:g} % are asked for"
        return Decision(False, "kept", f"{candidate.name} is {few}: {found}", found)
    if not found.low > 0:
        chance = f"{better:.2f} % better, which may be chance"
        told = f"{candidate.name} is {chance}: {found}{_what_it_takes(found)}"
        return Decision(False, "kept", told, found)
    return Decision(True, "replaced", f"{candidate.name} is {better:.2f} % better: {found}", found)


def improvement_pct(candidate_rmse: float, incumbent_rmse: float) -> float:
    """Return how much lower the candidate's RMSE is, in percent of the incumbent's."""
    return 100 * (1 - candidate_rmse / incumbent_rmse) if incumbent_rmse else 0.0


def _what_it_takes(found: Compared) -> str:
    """Return what the rows can tell from chance, and how many it takes for what was seen."""
    least, pct = evidence.least_found(found.low, found.high), found.improvement_pct
    if not least or least < 0:
        return ""
    tell = f"; such rows tell {least:.1f} % from chance 19 times of 20"
    if not 0.01 <= pct < 100:
        return tell
    rows = found.rows * (math.log1p(-least / 100) / math.log1p(-pct / 100)) ** 2
    some = round(rows, 1 - math.floor(math.log10(rows))) if rows > 1 else 1
    return f"{tell}, {pct:.2f} % takes some {some:,.0f}"


def without_candidate(incumbent: Incumbent | None) -> Decision:
    """Return the decision where every model that passed is barred: the incumbent stays.

    Raises PipelineError where there is none, or none that loads.
    """
    reason = "every model that passed is barred"
    if incumbent is None or incumbent.unloadable:
        raise PipelineError(f"{reason}, and there is no champion: `make lift VERSION=…`")
    return Decision(False, "kept", reason)


def figures(
    candidate: Candidate | None, incumbent: Incumbent | None, decision: Decision
) -> dict[str, float | None]:
    """Return what a decision rests on, as history, the version's tags and the record name it.

    Of a candidate that was compared with nobody the test RMSE is that of today's test rows. An end
    of an interval that is not finite, as of one row, is None.
    """
    found = incumbent.compared if incumbent else None
    alone = candidate.test_rmse if candidate else None
    told = decision.compared
    ends = [told.low, told.high] if told else [math.nan, math.nan]
    low, high = (end if math.isfinite(end) else None for end in ends)
    values = (
        found.candidate_rmse if found else alone,
        found.incumbent_rmse if found else None,
        told.improvement_pct if told else None,
        low,
        high,
        told.rows if told else None,
    )
    return dict(zip(FIGURES, values, strict=True))


def moves(
    decision: Decision, ranked: Sequence[Who], champion: Who | None, challenger: Who | None
) -> list[Move]:
    """Return what a decision does to the aliases, given who holds them, step by step.

    `ranked` are the contenders, the best first: the candidate, if there is one, leads them. The
    best of them that is not champion is challenger.
    """
    told = []
    candidate, before = (ranked[0] if ranked else None), champion
    if decision.promote:
        champion = candidate
        challenger = None if challenger == candidate else challenger
        told.append(Move("promoted", candidate, before, champion, challenger, decision.reason))
    elif decision.outcome == "proposed" and candidate:
        told.append(Move("proposed", candidate, before, champion, challenger, decision.reason))
    elif decision.outcome == "kept" and candidate:
        told.append(Move("refused", candidate, before, champion, challenger, decision.reason))
    held = champion.content_hash if champion else ""
    second = next((who for who in ranked if who.content_hash != held), None)
    if challenger != second:
        reason = "the best after it"
        told.append(Move("challenger", second, champion, champion, second, reason))
    return told


def nobody_passed(gate: Mapping[str, Any]) -> str:
    """Return why nothing is promoted: what each model failed of the gate."""
    reasons = [
        f"{name}: {'; '.join(judged['rules'][rule]['why'] for rule in judged['failed'])}"
        for name, judged in gate["models"].items()
    ]
    return f"no model passed the gate, nothing is promoted. {'. '.join(reasons)}"


def as_text(record: Mapping[str, Any]) -> str:
    """Return the record's champion, decision, challenger and what is new, for a person."""
    champion, challenger = record[CHAMPION], record[CHALLENGER]
    decision = record["decision"]
    proposed = decision["outcome"] == "proposed"
    how = "make approve takes the proposal" if proposed else decision["outcome"]
    second = f"{challenger['model']}, version {challenger['version']}" if challenger else "none"
    told = record["decision"].get("data")
    new = f"\ndata: {told}" if told else ""
    return (
        f"champion: {champion['model']}, version {champion['version']} "
        f"({how}: {decision['reason']})\n"
        f"challenger: {second}"
        f"{new}"
    )
