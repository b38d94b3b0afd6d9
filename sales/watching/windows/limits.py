"""The limits of chance, simulated once for each reference and size, and kept in a folder."""

import hashlib
from pathlib import Path
from typing import Any

import orjson

from sales import files
from sales.judging.reference import Reference
from sales.watching.windows import chance, live_error
from sales.watching.windows.chance import Limits
from sales.watching.windows.live_error import ErrorLimits

RELEASE = 2  # of how they are simulated: another one asks for new ones


class Simulated:
    """Limits by reference and size; those that are not in the folder yet are simulated."""

    def __init__(self, folder: Path | None, false_alarm_pct: float) -> None:
        self._folder, self._pct = folder, false_alarm_pct
        self._known: dict[str, dict[str, Any]] = {}

    def fields(self, reference: Reference, rows: float) -> Limits:
        """Return what chance makes of the fields of so many rows."""
        size = chance.size(rows)
        name = f"fields-{size}-{self._pct:g}"
        told = self._of(reference).get(name)
        if told is None:
            found = chance.simulate(reference.fields, size, chance.DRIFT * self._pct)
            told = self._keep(reference, name, found.told())
        return chance.read(told)

    def errors(self, reference: Reference, truths: float) -> ErrorLimits:
        """Return what chance makes of the errors of so many truths."""
        name = f"errors-{chance.size(truths)}-{self._pct:g}"
        told = self._of(reference).get(name)
        if told is None:
            found = live_error.limits(reference, truths, self._pct)
            told = self._keep(reference, name, vars(found))
        return ErrorLimits(**told)

    def _path(self, reference: Reference) -> Path | None:
        if self._folder is None:
            return None
        told = orjson.dumps([RELEASE, reference.told()])
        return self._folder / f"{hashlib.sha256(told).hexdigest()[:16]}.json"

    def _of(self, reference: Reference) -> dict[str, Any]:
        key = reference.content_hash
        if key not in self._known:
            path = self._path(reference)
            try:
                self._known[key] = files.read_json(path) if path else {}
            except (FileNotFoundError, ValueError):  # none yet, or damaged: they are made again
                self._known[key] = {}
        return self._known[key]

    def _keep(self, reference: Reference, name: str, told: dict[str, Any]) -> dict[str, Any]:
        known = self._of(reference)
        known[name] = told
        if path := self._path(reference):
            files.write_json(path, known)
        return told
