"""Aliases and tags in MLflow: a shadow of the history, cast anew after each change."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sales.registry import history, learnt_from, proposals, published, trials
from sales.registry.history import Event
from sales.registry.promotion import CHALLENGER, CHAMPION, FALLBACK, FIGURES
from sales.serving import version_tags
from sales.serving.mlflow_server import TRIAL
from sales.serving.on_trial import written

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from sales.registry.tracking import Registry

DECISIONS = ("promoted", "refused", "proposed")


def tags(events: Sequence[Event]) -> dict[str, dict[str, str]]:
    """Return what the history says of each version, as its tags, by content hash.

    That is the last decision of the rule on it, with figures and reason, whether it waits for
    approval and until when, whether a person has barred it, and how the rows were split that it
    learnt from.
    """
    told: dict[str, dict[str, str]] = {}
    waiting: Event | None = None
    for event in events:
        before, waiting = waiting, proposals.following(waiting, event)
        if before and before.to and waiting is not before:
            of = told[before.to.content_hash]
            of.update({"proposed": "", "proposed_until": ""})
            if event.what == "promoted" and event.to == before.to:
                of.update({"decision": "approved", "reason": event.reason})
        if event.what == "rolled back" and event.from_:
            bar = {"barred": event.when, "bar_reason": event.reason}
            told.setdefault(event.from_.content_hash, {}).update(bar)
        if event.to is None:
            continue
        of = told.setdefault(event.to.content_hash, {})
        if event.what == "registered" and "learnt_from" in (entry := event.entry or {}):
            rows = entry["learnt_from"]
            of["split"] = learnt_from.in_words(rows)
            of["train_rows_sha256"] = rows["train_rows_sha256"]
        if event.what == "lifted":
            of.update({"barred": "", "bar_reason": ""})
        elif event.by == "rule" and event.what in DECISIONS:
            figures = {key: getattr(event, key) for key in FIGURES}
            if figures["candidate_test_rmse"] is not None:  # of a barred one nothing was compared
                new = "replaced" if event.from_ else "first"
                decision = {"refused": "kept", "proposed": "proposed"}.get(event.what, new)
                of.update({"decision": decision, "reason": event.reason})
                of.update({k: str(v) for k, v in figures.items() if v is not None})
        if event.what == "proposed":
            of.update({"proposed": event.when, "proposed_until": event.until or ""})
    return told


def cast(
    registry: "Registry", events: Sequence[Event], versions: "Mapping[str, ModelVersion]"
) -> None:
    """Give aliases and tags as the history has them; write nothing that stands so already."""
    given = {
        CHAMPION: history.champion,
        CHALLENGER: history.challenger,
        FALLBACK: history.previous,  # a service may follow it
    }
    told: dict[str, str] = {}  # by content hash, of who may be followed
    for alias, of in given.items():
        who = of(events)
        registry.give(alias, versions.get(who.content_hash) if who else None)
        if who:
            told[who.content_hash] = published.text(events, who.content_hash)
    of_all = {}
    if any(event.trial or event.what == trials.WATCH for event in events):
        of_all = {TRIAL: written(trials.told(events))}  # for services that follow it
    for content_hash, facts in tags(events).items():
        version = versions.get(content_hash)
        if version:
            there = version.tags
            if content_hash in told:
                facts |= version_tags.apart(told[content_hash], there)
            registry.tag(version, {k: v for k, v in facts.items() if there.get(k, "") != v})
    registry.tell({**of_all, **published.edition(told.values())})
