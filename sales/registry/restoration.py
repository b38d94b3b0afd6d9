"""Brings back what the registry's database has lost, from the history and DVC's cache."""

import json
import tempfile
from pathlib import Path
from typing import Any

from sales import estimators, files
from sales.models import saved
from sales.models.saved import Model
from sales.registry import exports, history, provenance
from sales.registry.history import Event
from sales.registry.runs import Run
from sales.registry.standing import PROMOTED, Standing

MODELS = Path("models")


def restore(standing: Standing) -> list[str]:
    """Register anew what history knows and the registry does not; return a line on each model.

    Version numbers stay as they were. A model whose files are neither in the working folder, nor
    exported, nor in DVC's cache stays lost, and its number unused.
    """
    known = standing.versions()
    lost = [e for h, e in history.registered(standing.events).items() if h not in known]
    if not lost:
        return []
    told = []
    cache = provenance.cache_folder() if any(event.dvc_md5 for event in lost) else None
    with tempfile.TemporaryDirectory() as scratch:
        for event in sorted(lost, key=lambda e: e.to.version if e.to else 0):
            folder = _files(event, standing, Path(scratch), cache)
            if folder is None:
                told.append(f"lost: {event.to}; `dvc fetch --all-commits` may bring its files back")
                continue
            run_id = standing.registry.track(_run(event, saved.load(folder), folder))
            version = standing.registry.register(run_id, _hash(event), number=_number(event))
            told.append(f"restored: {event.to}, from {folder}")
            standing.registry.tag(version, {"restored": history.now()})
            if event.to and int(version.version) != event.to.version:  # another one has its number
                to = event.to.model_copy(update={"version": int(version.version)})
                standing.record("registered", to=to, dvc_md5=event.dvc_md5, entry=event.entry)
    return told


def _hash(event: Event) -> str:
    return event.to.content_hash if event.to else ""


def _number(event: Event) -> int:
    return event.to.version if event.to else 0


def _files(event: Event, standing: Standing, scratch: Path, cache: Path | None) -> Path | None:
    """Return a folder that holds the very files of a registered model."""
    near = [export.folder for export in standing.exports.values()]
    near += [PROMOTED / alias for alias in exports.read(PROMOTED)]  # of another registry, perhaps
    near += [MODELS / name for name in (*estimators.NAMES, estimators.ENSEMBLE)]
    for folder in near:
        if folder.is_dir() and files.content_hash(folder) == _hash(event):
            return folder
    restored = scratch / _hash(event)
    if not cache or not event.dvc_md5 or not provenance.restore(event.dvc_md5, restored, cache):
        return None
    return restored if files.content_hash(restored) == _hash(event) else None


def _run(event: Event, loaded: Model, folder: Path) -> Run:
    """Return what is still known of the run that made a model."""
    import pandas as pd

    entry: dict[str, Any] = event.entry or {}
    order = pd.DataFrame([entry["golden"]["order"]])
    for name, column in loaded.featuriser.fields.items():
        if column.role == "date":
            order[name] = pd.to_datetime(order[name])
    tags = {
        "model": loaded.name,
        "content_hash": loaded.content_hash,
        "git_commit": event.git_commit,
        "data_hash": event.data_hash,
        "restored": history.now(),
    }
    settings = {"model": loaded.name, "feature_set": loaded.about["feature_set"]}
    settings |= loaded.about.get("params", {})
    served = {key: entry[key] for key in ("metrics", "golden")}
    return Run(
        *(loaded.name, folder, settings, entry["metrics"], tags, order, event.data_hash),
        texts={exports.SERVED: json.dumps(served)},
    )
