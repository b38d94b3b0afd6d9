"""The history on a server, shared: appended to by many, in an order on which all agree.

MLflow's server has no compare-and-swap, but it counts: each version that is created of a registered
model gets the next number, whoever asks. So the history of `<name>` is the registered model
`<name>.history`, a version an entry, which holds the events of one change. An entry tells the last
one that its writer had seen (`seen`). It counts only if no other that counts came between: of two
who decide at the same moment one is first, for everybody, and the other one decides again.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sales import files
from sales.errors import PipelineError
from sales.registry import asking
from sales.registry.history import Event

if TYPE_CHECKING:
    from mlflow import MlflowClient

SUFFIX = ".history"
DOCUMENT, PIECE = "document", 4_500  # tag by tag: an older database holds 5,000 characters in one
ABOUT, AT_ONCE, TIMES = 4_000, 200, 8  # characters of a description; versions a page; attempts
ID, SEEN, POSITION = "entry_id", "seen", "position"


class Entry(BaseModel):
    """The events of one change, under the number that the server gave it.

    `seen` is the number of the last entry that counted when it was written. `position` is only set
    in one that a server had lost and was brought back: where it had stood.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    id: str
    seen: int
    position: int | None = None
    events: tuple[Event, ...]


class OvertakenError(Exception):
    """Another change came between what was read and what was to be written; nothing was changed."""

    def __init__(self, between: Sequence[Event]) -> None:
        super().__init__("overtaken")
        self.between = between


def counted(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that count, each with its position, in the order in which they count.

    One does not where another that counts stands between it and what its writer had seen, or where
    it is there twice, as a request that was sent again leaves it.
    """
    known: set[str] = set()
    found = []
    last = top = 0
    for entry in sorted(entries, key=lambda e: e.number):
        if entry.id in known or (entry.position is None and entry.seen < last):
            continue
        at = max(entry.number, top + 1) if entry.position is None else entry.position
        known.add(entry.id)
        last, top = entry.number, max(top, at)
        found.append(entry.model_copy(update={"position": at}))
    return sorted(found, key=lambda e: (e.position, e.number))


def events(entries: Iterable[Entry]) -> list[Event]:
    """Return the events of entries that count, oldest first."""
    return [event for entry in entries for event in entry.events]


class Journal:
    """The entries on a server. Whatever the server refuses is raised as MLflow raises it."""

    def __init__(self, client: "MlflowClient", model_name: str) -> None:
        self.client, self.of, self.name = client, model_name, f"{model_name}{SUFFIX}"

    def read(self) -> list[Entry]:
        """Return all entries, oldest first. Raises PipelineError that names a damaged one."""
        found: dict[int, Entry] = {}
        token = None
        while True:
            page = self.client.search_model_versions(
                f"name = '{self.name}'",
                max_results=AT_ONCE,
                order_by=["version_number ASC"],
                page_token=token,
            )
            for version in page:
                entry = self._entry(int(version.version), version.tags)
                found[entry.number] = entry
            token = page.token
            if not token:
                return [found[number] for number in sorted(found)]

    def append(self, told: Sequence[Event], seen: int) -> list[Entry]:
        """Write the events of one change as an entry; return all that count now.

        Raises OvertakenError where another one counts that was not seen: then this does not.
        """
        from mlflow.exceptions import MlflowException

        mine = secrets.token_hex(16)
        for attempt in range(1, TIMES + 1):
            failed: MlflowException | None = None
            try:
                self._write(mine, told, seen)
            except MlflowException as error:  # which does not say that it was not written
                failed = error
            try:
                there = counted(self.read())
            except MlflowException as error:
                raise failed or error from error
            if any(entry.id == mine for entry in there):
                return there
            between = [entry for entry in there if entry.number > seen]
            if between:
                raise OvertakenError(events(between))
            if failed and (attempt == TIMES or "iving up" not in str(failed)):
                raise failed
        raise PipelineError(f"the history '{self.name}' takes no entry: who has deleted it?")

    def bring_back(self, kept: Iterable[Entry]) -> int:
        """Write entries again that the server has lost, each with its position; return how many."""
        there = {entry.id for entry in counted(self.read())}
        lost = [entry for entry in kept if entry.id not in there]
        for entry in lost:
            self._write(entry.id, entry.events, 0, entry.position)
        return len(lost)

    def _write(self, mine: str, told: Sequence[Event], seen: int, at: int | None = None) -> None:
        dumped = [event.model_dump(mode="json", by_alias=True, exclude_none=True) for event in told]
        text = json.dumps(dumped, ensure_ascii=True)
        pieces = [text[i : i + PIECE] for i in range(0, len(text), PIECE)]
        tags: dict[str, Any] = {ID: mine, SEEN: str(seen)}
        tags |= {} if at is None else {POSITION: str(at)}
        tags |= {f"{DOCUMENT}.{number:03d}": piece for number, piece in enumerate(pieces)}
        self._create()
        self.client.create_model_version(
            self.name, f"history:/{mine}", tags=tags, description=described(told)[:ABOUT]
        )

    def _create(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_registered_model(self.name)
        except MlflowException as error:
            if not asking.absent(error):
                raise
            about = f"Every promotion, refusal, rollback and bar of {self.of}, a version an entry."
            try:
                self.client.create_registered_model(self.name, description=about)
            except MlflowException as again:  # by another one, meanwhile
                if again.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise

    def _entry(self, number: int, tags: dict[str, str]) -> Entry:
        pieces = [tags[key] for key in sorted(tags) if key.startswith(f"{DOCUMENT}.")]
        try:
            return Entry.model_validate(
                {
                    "number": number,
                    "id": tags[ID],
                    "seen": tags[SEEN],
                    "position": tags.get(POSITION),
                    "events": json.loads("".join(pieces)),
                }
            )
        except (KeyError, ValueError, ValidationError) as error:
            reason = " ".join(str(error).split())[:200]
            raise PipelineError(f"{self.name}, version {number} is damaged: {reason}") from None


def described(told: Iterable[Event]) -> str:
    """Return the events of an entry as Markdown, for whoever looks at it in MLflow."""
    lines = []
    for event in told:
        who = "a person" if event.by == "person" else "the rule"
        names = f" {event.to}" if event.to else ""
        reason = f": {event.reason}" if event.reason else ""
        lines.append(f"- {event.when} {event.what}{names}, by {who}{reason}")
    return "\n".join(lines)


def keep(path: Path, entries: Iterable[Entry]) -> None:
    """Write down what counts, an entry a line: the copy from which a lost history comes back."""
    with files.replacing(path) as beside:
        lines = (entry.model_dump_json(by_alias=True, exclude_none=True) for entry in entries)
        beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def kept(path: Path) -> list[Entry]:
    """Return what `keep` wrote; none where there is no file. Raises PipelineError on damage."""
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Entry.model_validate_json(line))
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise PipelineError(f"{path}, line {number} is damaged: {reason}") from None
    return found


def adopted(told: Sequence[Event]) -> list[Entry]:
    """Return a history that no server has seen, as entries, an event each.

    Their ids follow from what they say: cut short, the next try writes none twice.
    """
    found = []
    for number, event in enumerate(told, start=1):
        digest = hashlib.sha256(event.model_dump_json().encode()).hexdigest()[:24]
        found.append(
            Entry(
                number=number,
                id=f"{digest}-{number}",
                seen=number - 1,
                position=number,
                events=(event,),
            )
        )
    return found
