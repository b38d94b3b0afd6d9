"""Which results of this tree are another one's to the bit: `python -m bench.same_bits ../before`.

Both trees must have run (`make repro`), under the settings that are to be compared. Each output of
dvc.lock is told as same, new, gone or other; of a folder that is other, each of its files; of a
JSON file that is other, the keys that are new, gone or changed, so that a new key can be told from
another result; of a CSV file, whether each of the other tree's lines is still there.

    git worktree add ../before 21884f7 && make -C ../before repro
    git clone . ../now && sed -i 's/^  split: hash$/  split: random/' ../now/params.yaml
    make -C ../now repro && cd ../now && python -m bench.same_bits ../before
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sales import files

ROOT = Path(__file__).resolve().parents[1]
SHOWN = 60  # letters of a changed value


def outputs(tree: Path) -> dict[str, str]:
    """Return the hash of each output in a tree's dvc.lock, by its path."""
    stages = files.read_yaml(tree / "dvc.lock")["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}


def told(there: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, str]:
    """Return what became of each name: same, new, gone or other.

    >>> told({"a": 1, "b": 2, "c": 3}, {"b": 2, "c": 4, "d": 5})
    {'a': 'gone', 'b': 'same', 'c': 'other', 'd': 'new'}
    """
    became = {
        **{name: "same" if here.get(name) == value else "other" for name, value in there.items()},
        **dict.fromkeys(there.keys() - here.keys(), "gone"),
        **dict.fromkeys(here.keys() - there.keys(), "new"),
    }
    return dict(sorted(became.items()))


def keys(there: Any, here: Any, at: str = "") -> Iterator[str]:
    """Yield what differs between two JSON values, by the keys that lead to it.

    >>> list(keys({"a": {"b": 1, "c": [1]}}, {"a": {"b": 2, "d": 0, "c": [1]}}))
    ['changed: a.b 1 -> 2', 'new: a.d']
    """
    if isinstance(there, dict) and isinstance(here, dict):
        for name, what in told(there, here).items():
            if what == "other":
                yield from keys(there[name], here[name], f"{at}{name}.")
            elif what != "same":
                yield f"{what}: {at}{name}"
    else:
        was, now = (str(value)[:SHOWN] for value in (there, here))
        yield f"changed: {at.rstrip('.')} {was} -> {now}"


def lines(there: Path, here: Path) -> Iterator[str]:
    """Yield what differs between two files, or the files of two folders, indented by depth."""
    if there.is_dir():
        found = [
            {
                str(file.relative_to(folder)): file.read_bytes()
                for file in folder.rglob("*")
                if file.is_file()
            }
            for folder in (there, here)
        ]
        for name, what in told(*found).items():
            yield f"{what:6} {name}"
            if what == "other":
                yield from (f"       {line}" for line in lines(there / name, here / name))
    elif there.suffix == ".json":
        yield from keys(files.read_json(there), files.read_json(here))
    elif there.suffix == ".csv":
        was, now = (file.read_text(encoding="utf-8").splitlines() for file in (there, here))
        gone = len(set(was) - set(now))
        yield f"{gone} of its {len(was)} lines are gone, {len(now)} are there now"


def main() -> None:
    """Print what became of each output, and how many are what."""
    if len(sys.argv) != 2:
        raise SystemExit("error: name the other tree: python -m bench.same_bits ../before")
    before = Path(sys.argv[1]).resolve()
    found = told(outputs(before), outputs(ROOT))
    for path, what in found.items():
        print(f"{what:6} {path}")
        if what == "other":
            for line in lines(before / path, ROOT / path):
                print(f"       {line}")
    counted = {what: list(found.values()).count(what) for what in ("same", "other", "new", "gone")}
    print(", ".join(f"{count} {what}" for what, count in counted.items()))


if __name__ == "__main__":
    main()
