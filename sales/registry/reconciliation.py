"""Reconciles the registry with today's gate: what is missing is done, what stands is left alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from sales import files, params
from sales.contract import Contract
from sales.data.incoming import IngestParams
from sales.data.spans import Span
from sales.errors import PipelineError
from sales.registry import (
    candidates,
    data_history,
    history,
    incumbent,
    promotion,
    proposals,
    set_aside,
    trials,
)
from sales.registry.candidates import candidate
from sales.registry.exports import Export
from sales.registry.history import Event, Who
from sales.registry.standing import Standing
from sales.registry.today import CONTRACT, Today, picture


def reconcile(now: Standing, today: Today, runs: Mapping[str, str]) -> dict[str, Any]:
    """Bring history, aliases and exports to what the rule gives; return the record of it.

    `runs` are the ids of today's runs by model; at least one model must have passed the gate.
    Raises PipelineError where a person has barred all of them and there is no champion.
    """
    bars = history.barred(now.events)
    names = promotion.contenders(today.ranking, today.hashes, bars, now.settings.top_k)
    found = [candidates.registered(now, name, today, runs[name]) for name in names]
    by_hash = {export.entry["content_hash"]: export for export in found}
    _tell_of_a_bar(now, today, bars)
    _end_what_lapsed(now)

    came = data_history.today(params.read("ingest", IngestParams))
    new = data_history.in_a_line(data_history.since_champion(now.events, came))
    chosen = candidate(names[0], today) if names else None
    stands, scored = incumbent.judged(now, chosen)
    least, overruled = now.settings.min_improvement_pct, history.overruled(now.events)
    decision = (
        promotion.decide(chosen, stands, least, overruled)
        if chosen
        else promotion.without_candidate(stands)
    )
    decision = proposals.held(decision, stands, now.settings.approval)
    figures = promotion.figures(chosen, stands, decision)
    ranked = [_who(export) for export in found]
    tried = trials.holds_challenger(now.events) and not decision.promote
    for move in promotion.moves(decision, ranked, now.champion, now.challenger):
        if tried and move.challenger != now.challenger:
            continue  # it stays challenger as long as it is on trial
        now.champion, now.challenger = move.champion, move.challenger
        facts: dict[str, Any] = {} if move.what == "challenger" else {**figures, "data": new}
        if move.what == "proposed":
            if proposals.known(now.events, move):
                continue
            facts["until"] = proposals.end(now.settings.proposal_days)
        now.record(move.what, to=move.to, from_=move.from_, reason=move.reason, **facts)

    told = {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "candidate": chosen.name if chosen else None,
        "incumbent": stands.name if stands else None,
        **figures,
        "min_improvement_pct": least,
        "data": new,
    }
    first, second = now.champion, now.challenger
    if first is None:
        raise PipelineError("there is no champion")
    champion = by_hash.get(first.content_hash) or scored or now.export_of(first)
    challenger = (by_hash.get(second.content_hash) or now.export_of(second)) if second else None
    return now.settle(champion, challenger, _data(now, came), told)


def _data(now: Standing, came: Sequence[Span]) -> dict[str, Any]:
    """Return the picture of today's data as it is exported.

    No run in MLflow holds the rows that were set aside: they are somebody's, and it keeps them.
    """
    contract = Contract(**files.read_json(CONTRACT))
    bad = set_aside.told(contract, now.settings.quarantine_rows)
    shown = {"quarantine": bad} if bad and bad["rows"] else {}
    return {**picture(), **data_history.told(now.events, came), **shown}


def _tell_of_a_bar(now: Standing, today: Today, bars: Mapping[str, Event]) -> None:
    """Record that a person has barred today's best model, if so."""
    bar = bars.get(today.hashes[today.ranking[0]])
    if bar:
        why = f"barred since {bar.when}: {bar.reason}; `make lift VERSION=…` ends it"
        now.record("refused", to=bar.from_, from_=now.champion, reason=why)


def _end_what_lapsed(now: Standing) -> None:
    """Record that the time of a proposal is over; today's run may propose the same model again."""
    lapsed = proposals.lapsed(now.events)
    if lapsed:
        why = f"nobody approved it until {lapsed.until}"
        now.record("expired", to=lapsed.to, from_=now.champion, reason=why)


def _who(export: Export) -> Who:
    return Who(**{key: export.entry[key] for key in ("model", "version", "content_hash")})
