"""Who holds which alias: registry, exports and history, changed as one or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sales import files
from sales.errors import PipelineError
from sales.registry import exports, generations, history, provenance, relocation
from sales.registry.exports import Export
from sales.registry.history import Event, What, Who
from sales.registry.promotion import CHALLENGER, CHAMPION
from sales.registry.tracking import DATABASE, RegisterParams, Registry

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

LINK, ARTIFACTS = "registry", "artifacts"  # in state/: what changes as one; files
HISTORY, EXPORTS, RECORD = "history.jsonl", "promoted", "registry.json"  # behind the link
FALLBACK = "fallback"  # the export of the champion before this one
EVALUATION = "evaluation.json"  # a run's artifact: its model's evaluation, as the service tells it
PROMOTED = Path("models/promoted")
REGISTRY_RECORD = Path("metrics/registry.json")
DATA = Path("metrics/data.json")


def state_folder() -> Path:
    """Return where all state is kept: SALES_STATE, or state/ of the repo.

    A queued or --temp experiment runs in a copy of the folder, but DVC_ROOT still names the repo:
    tracked there, its runs outlive the copy.
    """
    root = Path(os.environ.get("DVC_ROOT", "."))
    return root / os.environ.get("SALES_STATE", "state")


class Standing:
    """The next generation of the state, while it is being made.

    `champion` and `challenger` are who holds the aliases; what is recorded takes effect, with all
    the rest, when the block of `changing` ends.
    """

    def __init__(self, folder: Path, artifacts: Path, settings: RegisterParams) -> None:
        self.folder, self.settings = folder, settings
        self.events = history.of(history.read(folder / HISTORY), settings.model_name)
        self.champion = history.champion(self.events)
        self.challenger = history.challenger(self.events)
        self.exports = exports.read(folder / EXPORTS)
        self.registry = Registry(folder, artifacts, settings)
        self._recorded = len(self.events)
        self._origin = {
            "model_name": settings.model_name,
            "git_commit": provenance.git_commit(),
            "data_hash": files.read_json(DATA)["sha256"] if DATA.is_file() else "",
        }

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

    def version(self, who: Who) -> "ModelVersion":
        """Return a model's version in the registry. Raises PipelineError where it has none."""
        found = self.registry.versions().get(who.content_hash)
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
        folder = self.registry.folder(version)
        if files.content_hash(folder) != who.content_hash:
            raise PipelineError(f"{who} is damaged in {folder}")
        told = self.registry.text(version.run_id or "", EVALUATION)
        entry = history.registered(self.events)[who.content_hash].entry or {}
        entry = {**entry, **describe(version)}
        card = {k: self.registry.text(version.run_id or "", f"card.{k}") for k in exports.FORMATS}
        known = {kind: text for kind, text in card.items() if text}
        return Export(folder, entry, json.loads(told) if told else None, known)

    def settle(
        self,
        champion: Export,
        challenger: Export | None,
        data: dict[str, Any] | None,
        decision: dict[str, Any],
    ) -> dict[str, Any]:
        """Write the exports, try them as the service would, give the aliases; return the record.

        Raises PipelineError where one of them does not answer as when it was evaluated.
        """
        from sales.serving import answering

        for fallback in (self._fallback(), None):
            chosen = {CHAMPION: champion, CHALLENGER: challenger, FALLBACK: fallback}
            exports.write(self.folder / EXPORTS, self.settings.model_name, chosen, data)
            try:
                answering.load(self.folder / EXPORTS)
                break
            except PipelineError:
                if fallback is None:
                    raise
        self.registry.give(CHAMPION, self.version(self.champion) if self.champion else None)
        self.registry.give(CHALLENGER, self.version(self.challenger) if self.challenger else None)
        before = history.previous(self.events) if fallback else None  # a service may follow it
        self.registry.give(FALLBACK, self.version(before) if before else None)
        record = {
            "model_name": self.settings.model_name,
            CHAMPION: _named(champion),
            CHALLENGER: _named(challenger) if challenger else None,
            "decision": decision,
        }
        files.write_json(self.folder / RECORD, record)
        return record

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

    def save(self) -> None:
        """Write what was recorded to the history's end."""
        history.append(self.folder / HISTORY, self.events[self._recorded :])
        self._recorded = len(self.events)


@contextmanager
def changing(settings: RegisterParams) -> Iterator[Standing]:
    """Yield the standing, to change; all of it takes effect at once when the block succeeds.

    The registry's lock must be held.
    """
    state = state_folder()
    with generations.changing(state / LINK) as folder:
        relocation.follow(folder / DATABASE, state / ARTIFACTS)
        standing = Standing(folder, state / ARTIFACTS, settings)
        yield standing
        standing.save()
        if (folder / RECORD).is_file():
            generations.linked(PROMOTED, state / LINK / EXPORTS)
            generations.linked(REGISTRY_RECORD, state / LINK / RECORD)


def events(model_name: str | None = None) -> list[Event]:
    """Return the history as it stands; of one registered model, where it is named."""
    told = history.read(state_folder() / LINK / HISTORY)
    return told if model_name is None else history.of(told, model_name)


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
