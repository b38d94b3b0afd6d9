"""Who is champion: a pure decision from today's best candidate and the champion that stands."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """The best of the models that passed today's gate."""

    name: str
    content_hash: str
    test_rmse: float
    request_fields: frozenset[str]
    target: str = ""


@dataclass(frozen=True)
class Incumbent:
    """The champion that stands, scored on today's test rows and judged by today's gate.

    `unloadable` says why it could not be loaded; nothing else is known of it then.
    """

    name: str
    content_hash: str
    test_rmse: float | None = None
    request_fields: frozenset[str] = frozenset()
    target: str = ""
    failed_rules: tuple[str, ...] = ()
    unloadable: str = ""


@dataclass(frozen=True)
class Decision:
    """Whether the candidate becomes champion, and why, in words for a person.

    `improvement_pct` is how much lower the candidate's test RMSE is, where both are known.
    """

    promote: bool
    outcome: str  # first, unchanged, replaced or kept
    reason: str
    improvement_pct: float | None = None


def decide(
    candidate: Candidate,
    incumbent: Incumbent | None,
    min_improvement_pct: float,
    overruled: Collection[str] = (),
) -> Decision:
    """Return the decision of the promotion rule (DESIGN, section 4).

    An incumbent loses only to a clearly better candidate, or when it can no longer serve: it does
    not load, fails today's gate, predicts another target, or asks for other fields than today's
    feature set. `overruled` holds the content hashes over which a person chose the incumbent.
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
    if incumbent.test_rmse is None:
        return Decision(True, "replaced", "the champion has no score on today's test rows")
    scores = f"test RMSE {candidate.test_rmse:g} against {incumbent.test_rmse:g}"
    better = improvement_pct(candidate.test_rmse, incumbent.test_rmse)
    if candidate.content_hash in overruled:
        chosen = f"a person promoted {incumbent.name} over {candidate.name}"
        return Decision(False, "kept", f"{chosen}: {scores}", better)
    if candidate.test_rmse >= incumbent.test_rmse:
        return Decision(False, "kept", f"{candidate.name} is no better: {scores}", better)
    if better < min_improvement_pct:
        few = f"only {better:.2f} % better, {min_improvement_pct:g} % are asked for"
        return Decision(False, "kept", f"{candidate.name} is {few}: {scores}", better)
    return Decision(
        True, "replaced", f"{candidate.name} is {better:.2f} % better: {scores}", better
    )


def improvement_pct(candidate_rmse: float, incumbent_rmse: float) -> float:
    """Return how much lower the candidate's RMSE is, in percent of the incumbent's."""
    return 100 * (1 - candidate_rmse / incumbent_rmse) if incumbent_rmse else 0.0
