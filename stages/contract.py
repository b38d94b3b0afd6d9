"""Drafts params.yaml for a file that nobody has described: `make contract FILE=... TARGET=...`.

    python -m stages.contract --target=price houses.csv

Not a DVC stage: it writes what the stages read. A draft is a file beside; only with --apply does
it take the place of params.yaml, which is kept, and the file goes where ingest finds it.
"""

import argparse
import datetime
import shutil
from pathlib import Path
from typing import Any

import yaml

from sales import files, params
from sales.data import sources
from sales.data.incoming import HowParams, IngestParams
from sales.data.sources import Source
from sales.drafting import draft, layout, page
from sales.drafting.draft import Draft
from sales.errors import PipelineError, run
from sales.models.state import state_folder

PARAMS = Path("params.yaml")
INCOMING = Path("data/incoming")
NO_DATA = "README.md"


def main() -> None:
    """Draft, print the page, and write the draft; with --apply take it."""
    parser = argparse.ArgumentParser(prog="python -m stages.contract", description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--target", default="")
    parser.add_argument("--sheet", default="")
    parser.add_argument("--apply", action="store_true")
    given = parser.parse_args()
    if not given.file:
        raise PipelineError("name the file: make contract FILE=houses.csv TARGET=price")
    text, base = _today()
    source = _source(given.file, given.sheet)
    if given.apply:
        _refuse_others(source)
    found = draft.of(source, given.target, base, None if _local(source) else given.file)
    print(page.of(found, datetime.datetime.now(datetime.UTC).date()), end="")
    drafted = _written(text, found)
    folder = state_folder() / "contract"
    folder.mkdir(parents=True, exist_ok=True)
    if not given.apply:
        if (before := _kept(folder / PARAMS, folder, drafted)) is not None:
            print(f"\nan earlier draft is {before} now")
        _write(folder / PARAMS, drafted)
        print(
            f"\nThe draft is {folder / PARAMS}: read it, then the same line with APPLY=1 takes it"
        )
        return
    _bring(source)
    kept = _kept(PARAMS, folder, drafted)
    _write(PARAMS, drafted)
    if kept:
        print(f"\nparams.yaml is the draft now; what it was is {kept}")
    print("next: make repro, then make serve")


def _today() -> tuple[str, dict[str, Any]]:
    """Return params.yaml as text, and as what it says. Raises PipelineError where it is broken."""
    params.read("ingest", IngestParams, PARAMS)
    try:
        text = PARAMS.read_text(encoding="utf-8")
        base = files.read_yaml(PARAMS)
    except (OSError, yaml.YAMLError) as error:
        raise PipelineError(f"{PARAMS}: {' '.join(str(error).split())}") from None
    for name in ("contract", "prepare", "featurize", "train", "evaluate", "gate", "register"):
        if not isinstance(base.get(name), dict):
            raise PipelineError(f"{PARAMS}: group '{name}' is missing: git checkout {PARAMS}")
    return text, base


def _source(address: str, sheet: str) -> Source:
    """Return the file, or the Parquet data set."""
    how = HowParams(sheet=sheet or None)
    found = sources.find(address, how)
    if len(found) != 1:
        held = ", ".join(each.name for each in found[:5]) or "none"
        raise PipelineError(f"{address}: one file is drafted at a time, and there are: {held}")
    return found[0]


def _local(source: Source) -> bool:
    return source.filesystem.type_name == "local"


def _refuse_others(source: Source) -> None:
    """Raise PipelineError where ingest would read other files too, or lose one that is there."""
    if not _local(source) or not INCOMING.is_dir():
        return
    there = [each for each in INCOMING.iterdir() if _counts(each)]
    for each in there:
        if each.resolve() == Path(source.root).resolve():
            continue
        if each.name != source.name:
            raise PipelineError(
                f"{INCOMING} holds {each.name}, which would be read beside it: move it away"
            )
        if _hash(each) != _hash(Path(source.root)):
            raise PipelineError(
                f"{INCOMING} holds another {each.name}: move it away, nothing is written over"
            )


def _counts(path: Path) -> bool:
    return path.name != NO_DATA and not path.name.startswith(".")


def _hash(path: Path) -> str:
    return files.content_hash(path)


def _bring(source: Source) -> None:
    """Copy a local file to where ingest finds it, unless it lies there."""
    if not _local(source):
        return
    into = INCOMING / source.name
    if into.exists():
        return
    with files.replacing(into) as beside:
        if Path(source.root).is_dir():
            shutil.copytree(source.root, beside)
        else:
            shutil.copyfile(source.root, beside)
    print(f"\ncopied: {into}")


def _written(text: str, found: Draft) -> str:
    """Return params.yaml with the drafted groups, and see that it says what it should."""
    groups = {
        name: layout.group(name, each.tree, {**_documented(text, name), **each.comments})
        for name, each in found.groups.items()
    }
    return layout.replaced(text, groups)


def _documented(text: str, name: str) -> dict[tuple[str, ...], str]:
    return {} if name in ("contract",) else layout.comments(text, name)


def _kept(path: Path, folder: Path, text: str) -> Path | None:
    """Keep a file that is to be replaced, under a number of its own; return where.

    None where there is none, or nothing will change.
    """
    if not path.is_file() or (content := path.read_bytes()) == text.encode():
        return None
    number = 1
    while (kept := folder / f"params.before.{number}.yaml").exists():
        if kept.read_bytes() == content:
            return kept
        number += 1
    with files.replacing(kept) as beside:
        beside.write_bytes(content)
    return kept


def _write(path: Path, text: str) -> None:
    with files.replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
