"""Writes that are whole or not there: beside the target first, then renamed onto it."""

import copy
import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` when the block succeeds.

    Works for a file and for a folder. If the block raises, `path` is untouched and nothing stays;
    what a killed process has left there is swept away by the next one, and what a killed worker
    left unfinished within the folder when the block ends.

    >>> path = Path("metrics/gate.txt")
    >>> with replacing(path) as beside:
    ...     _ = beside.write_text("passed")
    >>> with replacing(path) as beside:
    ...     _ = beside.write_text("half of ")
    ...     raise OSError("the disk is full")
    Traceback (most recent call last):
    OSError: the disk is full
    >>> path.read_text(), list(path.parent.iterdir()) == [path]
    ('passed', True)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        for unfinished in [*beside.rglob(".*.part")]:
            _remove(unfinished)
        if beside.is_dir() and path.exists():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            beside.rename(path)
            shutil.rmtree(old)
        else:
            beside.replace(path)
    finally:
        _remove(beside)


def _sweep(path: Path) -> None:
    """Remove what was written beside `path` by processes that are no more."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        number, _, kind = left.name.removeprefix(f".{path.name}.").partition(".")
        if kind in ("part", "old") and number.isdigit() and not _runs(int(number)):
            _remove(left)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is another user's
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON in the given order of keys; NaN and infinity are refused.

    >>> path = Path("metrics/xgboost.json")
    >>> write_json(path, {"test": {"rmse": 2.25}})
    >>> read_json(path)
    {'test': {'rmse': 2.25}}
    >>> write_json(path, {"test": {"rmse": float("nan")}})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: Out of range float values are not JSON compliant...
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote.

    >>> write_json(Path("rows.json"), [{"Price": 5, "City": "Québec"}])
    >>> read_json(Path("rows.json"))
    [{'Price': 5, 'City': 'Québec'}]
    """
    return json.loads(path.read_text(encoding="utf-8"))


def read_yaml(path: Path) -> Any:
    """Return a YAML file's content, by libyaml where PyYAML has it: ten times as fast.

    `1e5` is a number, as it is to DVC, which reads YAML 1.2. Raises yaml.YAMLError where it is no
    YAML.

    >>> path = Path("small.yaml")
    >>> _ = path.write_text("train: {xgboost: {gain: 1e-5}}")
    >>> read_yaml(path)
    {'train': {'xgboost': {'gain': 1e-05}}}
    """
    return copy.deepcopy(_parsed(path.read_text(encoding="utf-8")))


@lru_cache(maxsize=8)
def _parsed(text: str) -> Any:  # a stage reads params.yaml group by group
    return yaml.load(text, Loader=_Loader)  # noqa: S506


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader to which a number may have an exponent without a point or a sign."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their relative names, in order.

    Python's bytecode does not count: it comes and goes without the folder having changed.

    >>> folder = Path("models/xgboost")
    >>> write_json(folder / "model.json", {"name": "xgboost"})
    >>> before = content_hash(folder)
    >>> before[:12]
    'c03407f46691'
    >>> write_json(folder / "intervals.json", {"coverage": 0.9})
    >>> content_hash(folder) == before
    False
    """
    if path.is_file():
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    return content_hashes(path)["."]


def content_hashes(folder: Path) -> dict[str, str]:
    """Return `content_hash` of a folder, by the name ".", and of all that stands right within it.

    Every file is read once.
    """
    found = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc")
    digests: dict[str, str] = {}
    lines: dict[Path, list[tuple[Path, str]]] = {folder: []}
    with ThreadPoolExecutor() as threads:  # a forest comes in large files
        for file, digest in zip(found, threads.map(content_hash, found), strict=True):
            lines[folder].append((file, digest))
            entry = folder / file.relative_to(folder).parts[0]
            if entry == file:
                digests[entry.name] = digest
            else:
                lines.setdefault(entry, []).append((file, digest))
    for entry, listed in lines.items():
        text = "".join(
            f"{digest}  {file.relative_to(entry).as_posix()}\n" for file, digest in listed
        )
        digests[entry.relative_to(folder).name or "."] = hashlib.sha256(text.encode()).hexdigest()
    return digests
