"""What a person decides: rollback, promotion, approval, the end of a bar, the registry rebuilt."""

from typing import Literal

from sales.errors import PipelineError
from sales.registry import clock, history, mlflow_aliases, proposals
from sales.registry.exports import Export
from sales.registry.history import Event, Who
from sales.registry.standing import Standing


def rollback(now: Standing, reason: str, by: Literal["person", "rule"] = "person") -> str:
    """Make the champion before this one champion again; bar this one. Return what was done."""
    replaced = _champion(now)
    back = history.previous(now.events)
    if back is None:
        raise PipelineError(f"there is no champion before {replaced} to go back to")
    champion = now.export_of(back)
    now.champion = back
    now.challenger = None if now.challenger == back else now.challenger
    now.record("rolled back", by=by, to=back, from_=replaced, reason=reason)
    settle(now, champion, "rolled back", reason)
    return f"champion: {back}\nbarred: {replaced}, until `make lift VERSION={replaced.version}`"


def promote(now: Standing, alias: str, reason: str) -> str:
    """Let champion and challenger change places. Return what was done."""
    replaced = _champion(now)
    if alias == "champion":
        raise PipelineError(f"{replaced} is champion already")
    if alias == "fallback":
        raise PipelineError("`make rollback` goes back to the champion before, and bars this one")
    if alias != "challenger":
        raise PipelineError(f"'{alias}' is no alias that can be promoted: ALIAS=challenger")
    if now.challenger is None:
        raise PipelineError("there is no challenger")
    chosen = now.challenger
    champion = now.export_of(chosen)
    now.champion, now.challenger = chosen, replaced
    now.record("promoted", by="person", to=chosen, from_=replaced, reason=reason)
    settle(now, champion, "promoted", reason)
    return f"champion: {chosen}\nchallenger: {replaced}"


def approve(now: Standing, version: int | None, reason: str) -> str:
    """Make the model that the rule has proposed champion. Return what was done.

    `version` is what the person has looked at, where they say so. Raises PipelineError where none
    is proposed, or another one, or no longer.
    """
    replaced = _champion(now)
    proposal = proposals.waiting(now.events)
    chosen = _approvable(now, proposal, version)
    champion = now.export_of(chosen)
    now.champion, now.challenger = chosen, replaced
    figures = {name: getattr(proposal, name) for name in mlflow_aliases.FIGURES}
    now.record("promoted", by="person", to=chosen, from_=replaced, reason=reason, **figures)
    settle(now, champion, "approved", reason)
    return f"champion: {chosen}\nchallenger: {replaced}"


def _approvable(now: Standing, proposal: Event | None, version: int | None) -> Who:
    if proposal is None or proposal.to is None:
        raise PipelineError("nothing waits for approval: `make history` tells what was decided")
    chosen = proposal.to
    if version not in (None, chosen.version):
        raise PipelineError(f"version {version} is not proposed: {chosen} is")
    if chosen.content_hash in history.barred(now.events):
        raise PipelineError(f"{chosen} is barred: `make lift VERSION={chosen.version}` ends it")
    if proposals.expired(proposal, clock.now()):
        raise PipelineError(
            f"the proposal of {chosen} has expired on {proposal.until}: `make repro` compares it "
            "with the champion again, and proposes it anew if it is still better"
        )
    return chosen


def lift(now: Standing, version: int, reason: str) -> str:
    """End the bar of a version, so that the rule may promote it again. Return what was done."""
    bars = history.barred(now.events)
    chosen = next((e.from_ for e in bars.values() if e.from_ and e.from_.version == version), None)
    if chosen is None:
        barred = ", ".join(str(event.from_) for event in bars.values()) or "none"
        raise PipelineError(f"version {version} is not barred; barred: {barred}")
    now.record("lifted", by="person", to=chosen, from_=now.champion, reason=reason)
    return f"{chosen} is barred no longer; `make repro` lets the rule judge it again"


def rebuild(now: Standing) -> str:
    """Bring the registry back from the history and DVC's cache. Return what was done."""
    from sales.registry import restoration  # it loads models: the others need not wait for that

    if not now.events:
        raise PipelineError("there is no history to rebuild the registry from: `make repro`")
    done = restoration.restore(now)
    champion = _champion(now)
    settle(now, now.export_of(champion), "rebuilt", "the registry's database was lost")
    return "\n".join([*done, f"champion: {champion}", f"challenger: {now.challenger or 'none'}"])


def _champion(now: Standing) -> Who:
    if now.champion is None:
        raise PipelineError("there is no champion yet: `make repro`")
    return now.champion


def settle(now: Standing, champion: Export, outcome: str, reason: str) -> None:
    """Write the exports, and the record of what was decided."""
    challenger = now.export_of(now.challenger) if now.challenger else None
    decision = {"outcome": outcome, "reason": reason, "candidate": None, "incumbent": None}
    now.settle(champion, challenger, now.data(), decision)
