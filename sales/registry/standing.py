"""Who holds which alias, while it is being changed: registry, exports and history."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sales import files
from sales.errors import PipelineError
from sales.models.state import state_folder as state_folder
from sales.registry import exports, history, provenance, published, trials
from sales.registry.exports import Export
from sales.registry.history import Event, What, Who
from sales.registry.promotion import CHALLENGER, CHAMPION, FALLBACK
from sales.registry.tracking import RegisterParams, Registry

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

LINK, ARTIFACTS = "registry", "artifacts"  # in state/: what changes as one; files
HISTORY, EXPORTS, RECORD = "history.jsonl", "promoted", "registry.json"  # behind the link
JOURNAL, FETCHED = "journal.jsonl", ".fetched"  # of a server: its history as read; models
EVALUATION = "evaluation.json"  # a run's artifact: its model's evaluation, as the service tells it
REFERENCE = "reference.json"  # likewise: what its rows were like
PROMOTED = Path("models/promoted")
REGISTRY_RECORD = Path("metrics/registry.json")
DATA = Path("metrics/data.json")


class Standing:
    """The next generation of the state, while it is being made.

    `champion` and `challenger` are who holds the aliases; what is recorded takes effect, with all
    the rest, when the block of `changing` ends.
    """

    def __init__(
        self, folder: Path, registry: Registry, settings: RegisterParams, told: list[Event]
    ) -> None:
        self.folder, self.settings, self.registry = folder, settings, registry
        self.events = told
        self.champion = history.champion(self.events)
        self.challenger = history.challenger(self.events)
        self.exports = exports.read(folder / EXPORTS)
        self.settled: Mapping[str, str] | None = None  # today's models, where all is done
        self._known = len(self.events)
        data = files.read_json(DATA) if DATA.is_file() else {}
        self._origin = {
            "model_name": settings.model_name,
            "git_commit": provenance.git_commit(),
            "data_hash": data.get("sha256", ""),
            "data_rows": provenance.rows_in(data),
        }

    @property
    def recorded(self) -> list[Event]:
        """What was recorded in this change."""
        return self.events[self._known :]

    def record(self, what: What, **facts: Any) -> None:
        """Add an event to the history; a refusal that was told just so before is not told again."""
        event = Event(
            when=history.now(),
            what=what,
            champion=self.champion,
            challenger=self.challenger,
            **{**self._origin, **facts},
        )
        if what == "refused" and history.told_before(event, self.events):
            return
        self.events.append(event)

    def versions(self) -> "dict[str, ModelVersion]":
        """Return the registered version of each content hash."""
        known = history.registered(self.events)
        return self.registry.versions({h: e.to.version for h, e in known.items() if e.to})

    def version(self, who: Who) -> "ModelVersion":
        """Return a model's version in the registry. Raises PipelineError where it has none."""
        found = self.versions().get(who.content_hash)
        if found is None:
            raise PipelineError(
                f"{who} is no longer in the registry: `make rebuild` brings it back"
            )
        return found

    def export_of(self, who: Who) -> Export:
        """Return a model as it is exported: from where it is now, else from MLflow.

        Raises PipelineError where its files are lost or damaged.
        """
        for export in self.exports.values():
            if export.entry["content_hash"] == who.content_hash:
                return export
        version = self.version(who)
        fetched = self.folder / FETCHED / who.content_hash if self.registry.store.shared else None
        folder = self.registry.folder(version, fetched)
        if files.content_hash(folder) != who.content_hash:
            raise PipelineError(f"{who} is damaged in {folder}")
        told = self.registry.text(version.run_id or "", EVALUATION)
        entry = history.registered(self.events)[who.content_hash].entry or {}
        entry = {**entry, **describe(version)}
        card = {k: self.registry.text(version.run_id or "", f"card.{k}") for k in exports.FORMATS}
        known = {kind: text for kind, text in card.items() if text}
        reference = self.registry.text(version.run_id or "", REFERENCE)
        return Export(
            folder,
            entry,
            json.loads(told) if told else None,
            known,
            json.loads(reference) if reference else None,
        )

    def settle(
        self,
        champion: Export,
        challenger: Export | None,
        data: dict[str, Any] | None,
        decision: dict[str, Any],
    ) -> dict[str, Any]:
        """Write the exports and try them as the service would; return the record of the decision.

        Raises PipelineError where one of them does not answer as when it was evaluated.
        """
        from sales.serving import answering

        for fallback in (self._fallback(), None):
            held = {CHAMPION: champion, CHALLENGER: challenger, FALLBACK: fallback}
            chosen = {
                alias: export and self._with_decision(export) for alias, export in held.items()
            }
            exports.write(
                *(self.folder / EXPORTS, self.settings.model_name, chosen, data),
                trials.told(self.events),
            )
            try:
                answering.load(self.folder / EXPORTS)
                break
            except PipelineError:
                if fallback is None:
                    raise
        record = {
            "model_name": self.settings.model_name,
            CHAMPION: _named(champion),
            CHALLENGER: _named(challenger) if challenger else None,
            "decision": decision,
        }
        files.write_json(self.folder / RECORD, record)
        return record

    def _with_decision(self, export: Export) -> Export:
        """Return an export that tells what the rule last decided of its model, and why."""
        from sales.judging import card

        told = published.decision(self.events, export.entry["content_hash"])
        if told is None:
            return export
        evaluation = {**export.evaluation, "decision": told} if export.evaluation else None
        text = card.decided(export.card["md"], told) if "md" in export.card else ""
        cards = {"md": text, "html": card.html(text)} if text else export.card
        return replace(export, evaluation=evaluation, card=cards)

    def _fallback(self) -> Export | None:
        """Return the champion before this one, if it can still be had."""
        before = history.previous(self.events)
        try:
            return self.export_of(before) if before else None
        except PipelineError:
            return None

    def data(self) -> dict[str, Any] | None:
        """Return the picture of the data that is exported now."""
        path = self.folder / EXPORTS / exports.DATA
        return files.read_json(path) if path.is_file() else None


def who(version: "ModelVersion") -> Who:
    """Return a registered version by its name in the history."""
    tags = version.tags
    return Who(model=tags["model"], version=int(version.version), content_hash=tags["content_hash"])


def describe(version: "ModelVersion") -> dict[str, Any]:
    """Return what an export's entry says of the version itself."""
    return {
        "model": version.tags["model"],
        "version": int(version.version),
        "run_id": version.run_id,
        "content_hash": version.tags["content_hash"],
    }


def _named(export: Export) -> dict[str, Any]:
    return {key: export.entry[key] for key in ("model", "version", "run_id", "content_hash")}
