"""The steps of a trial, as changes of the standing: each takes effect whole, or not at all.

A process that is killed on the way leaves the state of before. The verdict and what follows from
it, a promotion or a proposal, are one change.
"""

from datetime import timedelta
from typing import Any

from sales import files
from sales.errors import PipelineError
from sales.registry import by_hand, clock, history, proposals, trials
from sales.registry.history import Who
from sales.registry.standing import RECORD, Standing, who
from sales.registry.trials import Trial, TrialParams


def begin(now: Standing, name: str, wanted: str, settings: TrialParams) -> str:
    """Begin a trial of the challenger, or of another version, which becomes challenger.

    Return what was done. Raises PipelineError where another one runs, the name was used, or there
    is nobody to be tried.
    """
    champion = _champion(now)
    known = trials.all_of(now.events)
    if known and known[-1].runs:
        raise PipelineError(
            f"the trial '{known[-1].name}' runs: one at a time (make trial END=1 ends it)"
        )
    if any(one.name == name for one in known):
        raise PipelineError(f"there was a trial '{name}' already: take another name")
    challenger = _wanted(now, wanted)
    if challenger == champion:
        raise PipelineError(f"{challenger} is champion: it cannot be tried against itself")
    if challenger.content_hash in history.barred(now.events):
        version = challenger.version
        raise PipelineError(f"{challenger} is barred: `make lift VERSION={version}` ends it")
    now.challenger = challenger
    terms = {key: getattr(settings, key) for key in (*trials.TERMS, "share_pct")}
    terms |= {"name": name, "margin_pct": now.settings.min_improvement_pct}
    reason = f"'{name}', {settings.share_pct:g} % of the requests"
    now.record(trials.BEGUN, by="person", to=challenger, from_=champion, reason=reason, trial=terms)
    _settle(now)
    return f"trial '{name}' has begun: {challenger} against {champion}"


def share(now: Standing, name: str, percent: float) -> str:
    """Change the share that the challenger answers. Return what was done."""
    trial = _running(now, name)
    reason = f"'{trial.name}', {percent:g} % of the requests"
    told = {"name": trial.name, "share_pct": percent}
    now.record(
        trials.CHANGED,
        by="person",
        to=trial.challenger,
        from_=trial.champion,
        reason=reason,
        trial=told,
    )
    _settle(now)
    return f"trial '{trial.name}': the challenger answers {percent:g} % of the requests"


def stop(now: Standing, reason: str) -> str:
    """End the trial, as a person wants it. Return what was done."""
    trial = _running(now)
    _end(now, trial, trials.STOPPED, reason, "person")
    _settle(now)
    return f"trial '{trial.name}' is stopped: {trial.champion} stays champion"


def conclude(now: Standing, name: str, outcome: str, reason: str) -> str:
    """End the trial with its outcome, and do what follows from it. Return what was done.

    One that is over meanwhile, or another, is left alone.
    """
    trial = trials.running(now.events)
    if trial is None or trial.name != name:
        return f"trial '{name}' has ended meanwhile: make history tells how"
    champion, challenger = trial.champion, trial.challenger
    _end(now, trial, outcome, reason, "rule")
    if outcome != trials.BETTER:
        _settle(now)
        return f"{outcome}: {champion} stays champion"
    if now.settings.approval == proposals.MANUAL:
        until = proposals.end(now.settings.proposal_days)
        facts: dict[str, Any] = {"reason": reason, "until": until, "trial": {"name": name}}
        now.record("proposed", to=challenger, from_=champion, **facts)
        _settle(now)
        return f"{outcome}: {challenger} is proposed, make approve takes it"
    export = now.export_of(challenger)
    now.champion, now.challenger = challenger, champion
    facts = {"reason": reason, "trial": {"name": name}}
    now.record("promoted", to=challenger, from_=champion, **facts)
    by_hand.settle(now, export, "promoted", reason)
    return f"{outcome}: champion: {challenger}\nchallenger: {champion}"


def watch(now: Standing, settings: TrialParams) -> Who | None:
    """Begin to watch over a champion that was promoted. Return who it was before; None: nobody."""
    event = trials.promoted(now.events)
    before = history.previous(now.events)
    if event is None or event.to is None or before is None or trials.watched(now.events):
        return None
    began = clock.of(event.when, "an event's time")
    until = began + timedelta(days=settings.watch_days)
    if until <= clock.now():
        return None
    reason = f"{before} answers in the shadow for {settings.watch_days:g} days"
    told = until.isoformat(timespec="seconds")
    now.record(trials.WATCH, to=event.to, from_=before, until=told, reason=reason)
    _settle(now)
    return before


def _end(now: Standing, trial: Trial, outcome: str, reason: str, by: str) -> None:
    now.record(
        trials.ENDED,
        by=by,
        to=trial.challenger,
        from_=trial.champion,
        outcome=outcome,
        reason=f"'{trial.name}', {reason}",
        trial={"name": trial.name},
    )


def _running(now: Standing, name: str = "") -> Trial:
    trial = trials.running(now.events)
    if trial is None or name not in ("", trial.name):
        raise PipelineError("no such trial runs: make trial tells of the last one")
    return trial


def _champion(now: Standing) -> Who:
    if now.champion is None:
        raise PipelineError("there is no champion yet: `make repro`")
    return now.champion


def _wanted(now: Standing, wanted: str) -> Who:
    if wanted == "challenger":
        if now.challenger is None:
            raise PipelineError("there is no challenger to try: MODEL=3 names another version")
        return now.challenger
    if not wanted.isdigit():
        raise PipelineError(f"MODEL={wanted}: challenger, or the number of a version")
    for version in now.versions().values():
        if int(version.version) == int(wanted):
            return who(version)
    raise PipelineError(f"there is no version {wanted}: make history tells of all")


def _settle(now: Standing) -> None:
    """Write the exports; what the record tells of the last decision stays."""
    record = now.folder / RECORD
    decision = files.read_json(record).get("decision", {}) if record.is_file() else {}
    challenger = now.export_of(now.challenger) if now.challenger else None
    now.settle(now.export_of(_champion(now)), challenger, now.data(), decision)
