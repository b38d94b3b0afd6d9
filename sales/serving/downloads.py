"""What a registry holds, downloaded: a folder of exports that changes as a whole.

It lies as `register` writes models/promoted, and is followed as that is: each change is made
beside, tried, and takes effect when a link is renamed. So whoever reads it sees all of the old or
all of the new, and a server that starts while the registry is away finds what was there before.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from sales import files
from sales.errors import PipelineError
from sales.serving import loading_check, on_trial
from sales.serving.answering import ALIASES, DATA
from sales.serving.mlflow_server import CARDS, EVALUATION, REFERENCE, SERVED, AwayError, Version

PROMOTED, LINK = "promoted.json", "promoted"
NAMED = ("version", "run_id", "model", "content_hash")  # of a version, in an export's entry
BESIDE = "told.json"  # among the texts of an export: what the version's tags told


class Source(Protocol):
    """A registered model, as mlflow_server.py asks a server for it."""

    name: str
    on_trial: str  # what the exports tell of a trial, as it was when the holders were asked for

    def holders(self) -> dict[str, Version]:
        """Return who holds which alias."""

    def model(self, of: Version, into: Path) -> Path:
        """Download a version's folder to within a folder."""

    def texts(self, of: Version) -> dict[str, str]:
        """Return the texts of a version's run by name."""


class Downloads:
    """The downloads of one registered model: generations of exports, and a link to the last one.

    Several servers may share the folder: one downloads, the others find it done.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.link = folder, folder / LINK

    def held(self) -> dict[str, Version]:
        """Return whose exports are there, by alias: those that are whole, to the last bit."""
        found = {}
        for alias, version in _told(self.link).items():
            with contextlib.suppress(OSError, ValueError):
                files.read_json(_texts(self.link / alias))
                if files.content_hash(self.link / alias) == version.content_hash:
                    found[alias] = version
        return found

    def bring(self, source: Source, wanted: Mapping[str, Version]) -> list[str]:
        """Bring the folder to what is wanted, by alias; return what of it could not be had.

        A champion that cannot be had, or does not answer as it was evaluated, changes nothing and
        raises PipelineError; a challenger or fallback that cannot is left out. Raises AwayError
        where the registry goes away meanwhile, and OSError as the disk does.
        """
        with self._locked():
            held = self.held()
            if held == dict(wanted) and _trial_of(self.link) == source.on_trial:
                return []
            beside = self.folder / f"{self._number() + 1:06d}-{secrets.token_hex(4)}"
            have = {one.untold: self.link.resolve() / alias for alias, one in held.items()}
            try:
                complaints = self._write(beside, source, wanted, have)
                if _told(beside) != held or _trial_of(beside) != _trial_of(self.link):
                    waiting = self.folder / f".{LINK}.next"
                    waiting.unlink(missing_ok=True)
                    waiting.symlink_to(beside.name)
                    waiting.replace(self.link)
            finally:
                self._sweep()
            return complaints

    def _write(
        self,
        beside: Path,
        source: Source,
        wanted: Mapping[str, Version],
        have: Mapping[Version, Path],
    ) -> list[str]:
        """Write a generation; return what it lacks. What is there already lies where `have` says.

        That was tried when it came.
        """
        beside.mkdir(parents=True)
        near = dict(have)
        complaints: dict[str, str] = {}
        promoted: dict[str, Any] = {"model_name": source.name, **dict.fromkeys(ALIASES)}
        for alias, version in wanted.items():
            try:
                promoted[alias] = _export(beside / alias, version, source, near.get(version.untold))
                near[version.untold] = beside / alias
            except PipelineError as error:
                if alias == "champion" or isinstance(error, AwayError):
                    raise
                complaints[alias] = str(error)
        files.write_json(beside / PROMOTED, promoted)
        try:
            on_trial.parsed(source.on_trial)
            _put(beside / on_trial.FILE, source.on_trial)
        except PipelineError as error:
            complaints["trial"] = str(error)
        new = [a for a, version in wanted.items() if promoted[a] and version.untold not in have]
        failed = loading_check.failing(beside, new)
        if "champion" in failed:
            raise PipelineError(failed["champion"])
        if failed:
            files.write_json(beside / PROMOTED, {**promoted, **dict.fromkeys(failed)})
        return [f"no {alias}: {why}" for alias, why in (complaints | failed).items()]

    def _number(self) -> int:
        """Return the number of the last generation."""
        return max((int(one.name[:6]) for one in self.folder.glob("??????-*")), default=0)

    def _sweep(self) -> None:
        """Remove what no link will name again, but the last one, which others may be reading."""
        now = self.link.resolve().name if self.link.is_symlink() else ""
        before = sorted(one.name for one in self.folder.glob("??????-*") if one.name < now)
        for one in self.folder.glob("??????-*"):
            if one.name != now and one.name not in before[-1:]:
                shutil.rmtree(one, ignore_errors=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait until no other server changes the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _export(at: Path, version: Version, source: Source, near: Path | None) -> dict[str, Any]:
    """Write the export of a version, from one that is near or from the registry; return its entry.

    Raises PipelineError where it brings too little, or other files than were registered.
    """
    named = f"version {version.version} of '{source.name}'"
    if not version.content_hash:
        raise PipelineError(f"{named} has no tag content_hash: `register` did not make it")
    texts = files.read_json(_texts(near)) if near else source.texts(version)
    try:
        told = {name: json.loads(text) for name, text in texts.items() if name.endswith(".json")}
        served = {key: told[SERVED][key] for key in ("metrics", "golden")}
    except (KeyError, TypeError):
        raise PipelineError(
            f"{named} brings no {SERVED}, with the order on which to try it: it was not registered "
            "by `register` of this release"
        ) from None
    except ValueError as error:
        raise PipelineError(f"what {named} tells of itself is no JSON: {error}") from None
    if near:
        shutil.copytree(near, at, copy_function=_link)
    else:
        with tempfile.TemporaryDirectory(dir=at.parent) as scratch:
            source.model(version, Path(scratch)).rename(at)
    if files.content_hash(at) != version.content_hash:
        raise PipelineError(f"{named} is not what was registered: its content hash differs")
    texts[BESIDE] = version.told or "{}"
    beside = json.loads(texts[BESIDE])
    files.write_json(_texts(at), texts)
    if EVALUATION in texts:
        text = _with(
            texts[EVALUATION], {key: beside[key] for key in ("decision",) if beside.get(key)}
        )
        _put(at.parent / "evaluation" / f"{at.name}.json", text)
    if REFERENCE in texts:
        _put(at.parent / "reference" / f"{at.name}.json", texts[REFERENCE])
    for card in CARDS:
        if card in texts:
            _put(at.parent / "cards" / f"{at.name}{Path(card).suffix}", texts[card])
    if at.name == "champion" and DATA in texts:
        _put(at.parent / DATA, _with(texts[DATA], _came(beside.get("spans"))))
    return {**_entry(version), **served}


def _entry(version: Version) -> dict[str, Any]:
    return {name: its for name, its in vars(version).items() if name != "told"}


def _came(spans: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Return what the champion's files tell as the service tells it: they are all its own."""
    if spans is None:
        return {}
    told = [{**span, "since_champion": "known"} for span in spans]
    return {"spans": told, "rows_since_champion": 0}


def _with(text: str, more: Mapping[str, Any]) -> str:
    """Return a JSON object with more in it; word for word where there is nothing more."""
    return json.dumps({**json.loads(text), **more}) if more else text


def _texts(export: Path) -> Path:
    """Return where all texts of an export's run are kept: another alias may need them."""
    return export.parent / "texts" / f"{export.name}.json"


def _told(folder: Path) -> dict[str, Version]:
    """Return whose exports a folder tells that it holds, none where it cannot be read."""
    try:
        promoted = files.read_json(folder / PROMOTED)
        return {
            alias: Version(
                **{key: promoted[alias][key] for key in NAMED}, told=_beside(folder, alias)
            )
            for alias in ALIASES
            if promoted.get(alias)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _beside(folder: Path, alias: str) -> str:
    """Return what the tags of an export's version told when it came."""
    try:
        told = str(files.read_json(_texts(folder / alias)).get(BESIDE, ""))
    except (OSError, ValueError, AttributeError):  # spoilt: `held` does not hold it
        return ""
    return "" if told == "{}" else told


def _trial_of(folder: Path) -> str:
    """Return what a folder tells of a trial, as text; empty where it tells of none."""
    path = folder / on_trial.FILE
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _link(source: str, target: str) -> None:
    """Let a file be there twice; copy it where the disk can not."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
