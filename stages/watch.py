"""Looks whether what is served has changed, and whether predictions come true: `make watch`.

    python -m stages.watch

Not a DVC stage: what is served is no function of the data. A schedule calls it. It exits with 0
where nothing is wrong, with 1 where there is an alarm, and with 2 where it could not tell.
"""

import os
import re
import sys
import time
import traceback
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from sales import engine, files, params
from sales.contract import Called, Contract
from sales.errors import PipelineError, printable, refused_by_disk, run
from sales.judging import reference
from sales.judging.reference import Reference
from sales.models.state import state_folder
from sales.registry import changing, clock, exports, history, homes, references
from sales.registry.history import Event, Who
from sales.registry.lock import locked
from sales.registry.standing import PROMOTED, Standing
from sales.registry.tracking import RegisterParams
from sales.serving.settings import kept_somewhere
from sales.watching.windows import cuts, findings, page, reading, report, webhook
from sales.watching.windows.limits import Simulated
from sales.watching.windows.settings import WatchParams

FOLDER = "watch"  # in the state folder, with what follows
METRICS, FINDINGS, PAGE = "metrics.json", "findings.json", "index.html"
TOLD = "told.json"  # alarms by id: when first found, whether they are in the history and posted
REFERENCES, LIMITS = "references", "limits"
CODES = {report.OK: 0, report.ALARM: 1, report.UNKNOWN: 2}


class Watch:
    """One look: what it was asked for, and what it knows."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.settings = params.read("watch", WatchParams)
        self.register = params.read("register", RegisterParams)
        self.address = kept_somewhere(environ).address
        self.window = cuts.asked(environ.get("WINDOW") or self.settings.window)
        self.since = _day(environ.get("SINCE", ""))
        self.alert = webhook.checked(url) if (url := environ.get("ALERT_URL", "")) else ""
        self.folder = state_folder() / FOLDER
        self.now = int(clock.now().timestamp() * cuts.SECOND)
        told = self.folder / TOLD
        self.told: dict[str, dict[str, Any]] = files.read_json(told) if told.is_file() else {}

    def looks(self) -> dict[str, Any]:
        """Return what was found, as GET /watch tells it."""
        events = changing.events(self.register)
        champion, promoted = self._promoted(events)
        names = promoted | {one.content_hash: one.model_dump() for one in _known(events)}
        known = self._references(names, promoted, events)
        log = reading.Log(self.address, self.since, time.time_ns())
        with engine.started() as on:
            cut, sketches = reading.windows(log, self.window, known, on)
            refused = reading.refused(log, cut, on)
        called, unit = _called()
        asked = report.Asked(
            self.now,
            self.since or None,
            champion,
            called,
            unit,
            known,
            names,
            _changes(events),
            {name: told["when"] for name, told in self.told.items()},
            self.settings,
            refused,
        )
        simulated = Simulated(self.folder / LIMITS, self.settings.false_alarm_pct)
        return report.document(cut, sketches, asked, simulated)

    def _promoted(
        self, events: Sequence[Event]
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Return who is champion, and who is promoted, by content hash.

        On a team's server its history says so: what is exported here may be older, or not there.
        """
        if homes.server():
            champion = history.champion(events)
            if champion is None:
                raise PipelineError("no promoted model on the server yet: make repro")
            held = champion, history.challenger(events), history.previous(events)
            held_by = {one.content_hash: one.model_dump() for one in held if one}
            return held_by[champion.content_hash], held_by
        path = PROMOTED / exports.PROMOTED
        if not path.is_file():
            raise PipelineError("no promoted model yet: make repro")
        told = {alias: entry for alias, entry in files.read_json(path).items() if entry}
        entries = [entry for entry in told.values() if isinstance(entry, dict)]
        who = {
            entry["content_hash"]: {key: entry[key] for key in Who.model_fields}
            for entry in entries
        }
        return who[told["champion"]["content_hash"]], who

    def _references(
        self, hashes: Collection[str], promoted: Collection[str], events: Sequence[Event]
    ) -> dict[str, Reference]:
        """Return the references of all models that have one; those that are exported are kept.

        So that windows of an earlier champion can be judged when it is no longer exported. Of what
        is promoted and not exported here a team's server is asked.
        """
        own = self.folder / REFERENCES
        found: dict[str, Reference] = {}
        exported = sorted((PROMOTED / exports.REFERENCE).glob("*.json"))
        for path in (*exported, *sorted(own.glob("*.json"))):
            one = reference.read(path)
            if one and one.content_hash not in found:
                found[one.content_hash] = one
                if path.parent != own:
                    files.write_json(own / f"{one.content_hash}.json", one.told())
        for told in references.fetched(self.register, events, {*promoted} - found.keys()):
            path = own / f"{told['content_hash']}.json"
            files.write_json(path, told)
            if one := reference.read(path):
                found[one.content_hash] = one
        return {name: one for name, one in found.items() if name in hashes}

    def writes(self, document: dict[str, Any]) -> None:
        """Leave what was found for the service, for people and for `make retrain`."""
        for alarm in document["alarms"]:
            self.told.setdefault(alarm["id"], {"when": alarm["when"]})
        files.write_json(self.folder / TOLD, self.told)
        with files.replacing(self.folder / PAGE) as beside:
            beside.write_text(page.of(document), encoding="utf-8")
        files.write_json(self.folder / FINDINGS, findings.told(document, self.settings))
        files.write_json(self.folder / METRICS, document)

    def records(self, document: dict[str, Any]) -> None:
        """Put alarms that are new into the history, an event a window."""
        waiting = self._waiting(document, "recorded")
        if not waiting:
            return
        windows: dict[str, list[dict[str, Any]]] = {}
        for alarm in reversed(waiting):
            windows.setdefault(alarm["start"], []).append(alarm)

        def work(now: Standing) -> None:
            for start, own in windows.items():
                reason = "; ".join(alarm["what"] for alarm in own)
                now.record("alarm", to=Who(**own[0]["model"]), reason=f"{start[:10]}: {reason}")

        with locked(state_folder()):
            changing.changed(self.register, work, tell=print)
        self._done(waiting, "recorded")

    def posts(self, document: dict[str, Any]) -> str:
        """Post alarms that nobody took yet; return why nobody does, empty where all is well."""
        waiting = self._waiting(document, "posted") if self.alert else []
        if not waiting:
            return ""
        why = webhook.post(self.alert, webhook.content(document, waiting))
        if not why:
            self._done(waiting, "posted")
        return why

    def _waiting(self, document: dict[str, Any], what: str) -> list[dict[str, Any]]:
        return [one for one in document["alarms"] if not self.told[one["id"]].get(what)]

    def _done(self, alarms: list[dict[str, Any]], what: str) -> None:
        for alarm in alarms:
            self.told[alarm["id"]][what] = True
        files.write_json(self.folder / TOLD, self.told)


def main() -> None:
    """Look, tell, leave it written, and exit as CODES has it."""
    folder = state_folder() / FOLDER
    try:
        with locked(folder, 0, "make watch is under way by {holder}"):
            watch = Watch(dict(os.environ))
            document = watch.looks()
            watch.writes(document)
            for line in document["told"]:
                print(line)
            _aside("the history", watch.records, document)
            if why := watch.posts(document):
                print(f"ALERT_URL was not told, the next make watch tries again: {why}")
    except Exception as error:  # 1 would say that there is an alarm
        known = str(error) if isinstance(error, PipelineError) else refused_by_disk(error)
        if known is None:
            traceback.print_exc()
            known = f"{type(error).__name__}: {error}"
        sys.stdout.flush()
        print(f"error: could not tell: {printable(known)}", file=sys.stderr)
        sys.exit(CODES[report.UNKNOWN])
    print(report.summary(document), flush=True)
    sys.exit(CODES[document["state"]])


def _aside(what: str, does: Any, document: dict[str, Any]) -> None:
    """Do what must not keep an alarm from being told."""
    try:
        does(document)
    except Exception as error:  # whatever MLflow or a server raises
        why = printable(" ".join(str(error).split()) or type(error).__name__)
        print(f"{what} was not told, the next make watch tries again: {why}")


def _day(since: str) -> str:
    if not since:
        return ""
    with suppress(ValueError):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", since):
            return date.fromisoformat(since).isoformat()
    raise PipelineError(f"SINCE is '{since}': a day such as 2026-11-26 is meant")


def _called() -> tuple[dict[str, str], str | None]:
    """Return what the export's data, or else the contract, calls rows, and the target's unit."""
    path = PROMOTED / exports.DATA
    if not path.is_file():
        contract = params.read("contract", Contract)
        called, unit = contract.called, contract.columns[contract.target].unit
        return {"row": called.row, "rows": called.rows}, unit
    told = files.read_json(path)
    called = Called(**told.get("called", {}))
    return {"row": called.row, "rows": called.rows}, (told.get("target") or {}).get("unit")


def _known(events: Sequence[Event]) -> list[Who]:
    return [event.to for event in events if event.to]


def _changes(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return when another model became champion, as the history has it."""
    return [
        {"when": event.when, "what": event.what, **event.to.model_dump(), "reason": event.reason}
        for event in events
        if event.what in ("promoted", "rolled back") and event.to
    ]


if __name__ == "__main__":
    run(main)
