"""One hash of all that the registry's state follows from, and of that state itself.

Where it is what it was after the last success, there is nothing to reconcile: register then ends
before it imports MLflow, whose start takes three seconds of every `dvc repro`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sales import estimators, files
from sales.registry import history, proposals, standing
from sales.registry.today import CARDS, METRICS, PREPARED
from sales.registry.tracking import DATABASE

FILE = "settled"  # in the standing's folder


def matches(folder: Path, hashes: Mapping[str, str]) -> bool:
    """Return whether nothing has changed since `keep`, and the links into the folder stand.

    Time changes one thing: a proposal expires.

    `hashes` are today's models' content hashes.
    """
    path = folder / FILE
    links = {standing.PROMOTED: standing.EXPORTS, standing.REGISTRY_RECORD: standing.RECORD}
    linked = all(
        link.is_symlink() and link.resolve() == (folder / to).resolve()
        for link, to in links.items()
    )
    same = linked and path.is_file() and path.read_text() == _of(folder, hashes)
    return same and not proposals.lapsed(history.read(folder / standing.HISTORY))


def keep(folder: Path, hashes: Mapping[str, str]) -> None:
    """Write down how everything stands."""
    with files.replacing(folder / FILE) as beside:
        beside.write_text(_of(folder, hashes))


def _of(folder: Path, hashes: Mapping[str, str]) -> str:
    behind_the_link = (DATABASE, standing.HISTORY, standing.EXPORTS, standing.RECORD)
    theirs = [Path("params.yaml"), PREPARED, Path("sales"), Path("stages"), METRICS / "data.json"]
    theirs += [
        CARDS,
        *(METRICS / f"{name}.json" for name in ("gate", *estimators.evaluated(METRICS))),
    ]
    ours = [folder / name for name in behind_the_link]
    found = [files.content_hash(path) for path in (*ours, *theirs)]
    found.append(str((standing.state_folder() / standing.ARTIFACTS).resolve()))  # MLflow names it
    return hashlib.sha256("".join((*found, *hashes.values())).encode()).hexdigest()
