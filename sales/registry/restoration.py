"""Brings back what the registry's database has lost, from the history and DVC's cache."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from sales import estimators, files
from sales.contract import Contract
from sales.models import saved
from sales.models.saved import Model
from sales.registry import exports, history, learnt_from, provenance
from sales.registry.history import Event
from sales.registry.runs import Run
from sales.registry.standing import ARTIFACTS, PROMOTED, Standing, describe, state_folder
from sales.registry.today import CONTRACT, PREPARED

MODELS = Path("models")
UNKNOWN = (
    "; which rows it learnt from is lost: unless both are of one hash split, it is compared on all "
    "test rows"
)


def restore(standing: Standing) -> list[str]:
    """Register anew what history knows and the registry does not; return a line on each model.

    Version numbers stay as they were. A model whose files are neither in the working folder, nor
    exported, nor in DVC's cache stays lost, and its number unused. The record of the rows that it
    learnt from comes back from where its run kept it, or is made anew of those rows.
    """
    known = standing.versions()
    lost = [e for h, e in history.registered(standing.events).items() if h not in known]
    if not lost:
        return []
    told = []
    cached = any(event.dvc_md5 or _rows(event).get("dvc_md5") for event in lost)
    cache = provenance.cache_folder() if cached else None
    records = Records(standing, cache)
    with tempfile.TemporaryDirectory() as scratch:
        for event in sorted(lost, key=lambda e: e.to.version if e.to else 0):
            folder = _files(event, standing, Path(scratch), cache)
            if folder is None:
                told.append(f"lost: {event.to}; `dvc fetch --all-commits` may bring its files back")
                continue
            record = records.of(event)
            run_id = standing.registry.track(_run(event, saved.load(folder), folder, record))
            version = standing.registry.register(run_id, _hash(event), number=_number(event))
            told.append(f"restored: {event.to}, from {folder}{'' if record else UNKNOWN}")
            for alias, export in standing.exports.items():
                if export.entry["content_hash"] == _hash(event):  # its run is another one now
                    entry = {**export.entry, **describe(version)}
                    standing.exports[alias] = replace(export, entry=entry)
            standing.registry.tag(version, {"restored": history.now()})
            if event.to and int(version.version) != event.to.version:  # another one has its number
                to = event.to.model_copy(update={"version": int(version.version)})
                standing.record("registered", to=to, dvc_md5=event.dvc_md5, entry=event.entry)
    return told


def _rows(event: Event) -> dict[str, Any]:
    """Return what is noted of the rows that a model learnt from; nothing of before it was."""
    return (event.entry or {}).get("learnt_from") or {}


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


class Records:
    """The records of the rows that lost models learnt from, wherever one can still be had."""

    def __init__(self, standing: Standing, cache: Path | None) -> None:
        self._registry, self._cache = standing.registry, cache
        self._made: dict[tuple[str, ...], bytes | None] = {}  # by the rows' own hashes

    def of(self, event: Event) -> bytes | None:
        """Return the record of a model; None where it is lost, and its rows are."""
        run_id, rows = (event.entry or {}).get("run_id", ""), _rows(event)
        kept = self._registry.artifact(run_id, learnt_from.RECORD) if run_id else None
        if kept is None and run_id and not self._registry.store.shared:
            # Its database has lost the run, the folder may still have its files.
            place = state_folder() / ARTIFACTS / run_id / "artifacts" / learnt_from.RECORD
            kept = place.read_bytes() if place.is_file() else None
        if kept is not None or not rows:
            return kept
        hashes = tuple(rows[f"{part}_rows_sha256"] for part in learnt_from.PARTS)
        if hashes not in self._made:
            self._made[hashes] = self._made_anew(rows, hashes)
        return self._made[hashes]

    def _made_anew(self, rows: dict[str, Any], hashes: tuple[str, ...]) -> bytes | None:
        """Return the record made of the very rows: today's, or those that DVC's cache has."""
        if not CONTRACT.is_file():
            return None
        contract = Contract(**files.read_json(CONTRACT))
        if rows["key"] != learnt_from.key(contract):
            return None
        if _are(PREPARED, hashes):
            return learnt_from.packed(learnt_from.fingerprints(PREPARED, contract))
        md5 = rows.get("dvc_md5")
        if not self._cache or not md5:
            return None
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / PREPARED.name
            if not provenance.restore(md5, folder, self._cache) or not _are(folder, hashes):
                return None
            return learnt_from.packed(learnt_from.fingerprints(folder, contract))


def _are(prepared: Path, hashes: tuple[str, ...]) -> bool:
    """Return whether a folder holds those very train and valid rows."""
    tables = [prepared / f"{part}.parquet" for part in learnt_from.PARTS]
    return all(table.exists() for table in tables) and hashes == tuple(
        map(files.content_hash, tables)
    )


def _run(event: Event, loaded: Model, folder: Path, record: bytes | None) -> Run:
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
        files={learnt_from.RECORD: record} if record else {},
    )
