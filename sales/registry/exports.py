"""The promoted models as the service finds them: a folder an alias, and promoted.json."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sales import files
from sales.serving.on_trial import FILE, NOTHING, Told, written

PROMOTED, DATA, EVALUATION = "promoted.json", "data.json", "evaluation"  # as serving.py reads them
REFERENCE = "reference"  # what a model's rows were like, by alias: for whoever watches
SERVED = "served.json"  # an artifact of the run: of an export's entry the metrics and golden order
CARDS, FORMATS = "cards", ("md", "html")  # for people: <alias>.md and <alias>.html


@dataclass(frozen=True)
class Export:
    """A model's folder and what is told of it; what an older model lacks is None, or not there.

    `entry` has the keys model, version, run_id, content_hash, metrics and golden; `card` is the
    model card by format.
    """

    folder: Path
    entry: dict[str, Any]
    evaluation: dict[str, Any] | None
    card: Mapping[str, str]
    reference: dict[str, Any] | None = None


def read(folder: Path) -> dict[str, Export]:
    """Return the exports by alias; those that are not whole, to the last bit, are left out."""
    path = folder / PROMOTED
    entries = files.read_json(path) if path.is_file() else {}
    found = {}
    for alias, entry in entries.items():
        here, told = folder / alias, folder / EVALUATION / f"{alias}.json"
        if not isinstance(entry, dict) or not here.is_dir():
            continue
        if files.content_hash(here) == entry["content_hash"]:
            evaluation = files.read_json(told) if told.is_file() else None
            cards = {kind: folder / CARDS / f"{alias}.{kind}" for kind in FORMATS}
            card = {
                k: path.read_text(encoding="utf-8") for k, path in cards.items() if path.is_file()
            }
            known = folder / REFERENCE / f"{alias}.json"
            reference = files.read_json(known) if known.is_file() else None
            found[alias] = Export(here, entry, evaluation, card, reference)
    return found


def write(
    folder: Path,
    model_name: str,
    exports: Mapping[str, Export | None],
    data: dict[str, Any] | None,
    told: Told = NOTHING,
) -> None:
    """Replace all that is exported; an export may come from the very folder.

    `told` is which of the models are on trial.
    """
    with files.replacing(folder) as beside:
        beside.mkdir()
        for alias, export in exports.items():
            if export:
                shutil.copytree(export.folder, beside / alias)
                if export.evaluation:
                    files.write_json(beside / EVALUATION / f"{alias}.json", export.evaluation)
                if export.reference:
                    files.write_json(beside / REFERENCE / f"{alias}.json", export.reference)
            for kind, text in (export.card if export else {}).items():
                path = beside / CARDS / f"{alias}.{kind}"
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
        entries = {alias: export.entry if export else None for alias, export in exports.items()}
        if data:
            files.write_json(beside / DATA, data)
        if text := written(told):
            (beside / FILE).write_text(text, encoding="utf-8")
        files.write_json(beside / PROMOTED, {"model_name": model_name, **entries})
