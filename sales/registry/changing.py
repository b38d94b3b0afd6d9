"""A change of the standing: whole or not at all, in this folder or on a team's server.

In a folder all of it takes effect by the rename of a link. On a server nothing can change as a
whole, so the order of writes is what holds: runs and versions, found again by content hash; then
the entry in the history, which counts or does not (journal.py); then aliases and tags, its shadow;
then the exports in this folder, by the rename of a link. Whatever is cut, the next run goes on.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sales.errors import PipelineError
from sales.registry import (
    asking,
    fingerprint,
    generations,
    history,
    homes,
    journal,
    mlflow_aliases,
    relocation,
    tracking,
)
from sales.registry.history import Event
from sales.registry.homes import Server
from sales.registry.journal import Entry, Journal, OvertakenError
from sales.registry.standing import (
    ARTIFACTS,
    EXPORTS,
    FETCHED,
    HISTORY,
    JOURNAL,
    LINK,
    PROMOTED,
    RECORD,
    REGISTRY_RECORD,
    Standing,
    state_folder,
)
from sales.registry.tracking import DATABASE, RegisterParams, Registry

Done = TypeVar("Done")
TIMES = 20  # of those who change it at once one succeeds each time


def changed(
    settings: RegisterParams,
    work: Callable[[Standing], Done],
    *,
    tell: Callable[[str], None] | None = None,
) -> Done:
    """Return what `work` did to the standing, all of which has then taken effect.

    Where another one's change came first, on a server, it works again on what stands then, and
    `tell` is told. Without `tell`, as where a person decides, it does so only if champion and
    challenger are who they were, and raises PipelineError otherwise. The lock must be held.
    """
    before: tuple[object, ...] | None = None
    for _ in range(TIMES):
        try:
            with changing(settings) as now:
                seen = (now.champion, now.challenger)
                if before and before != seen and not tell:
                    raise PipelineError(_decided_meanwhile(now.events))
                before = seen
                done = work(now)
        except OvertakenError as overtaken:
            if tell:
                told = journal.described(overtaken.between).replace("\n", " ").removeprefix("- ")
                tell(f"meanwhile another one has changed the registry, so once more: {told}")
        else:
            return done
    raise PipelineError("others change the registry all the time: run it again in a while")


def _decided_meanwhile(told: Sequence[Event]) -> str:
    last = next(e for e in reversed(told) if e.what in ("promoted", "rolled back", "challenger"))
    return (
        f"meanwhile another one has decided: {last.what} {last.to or ''}; nothing was changed: "
        "look at `make history`, and run it again if you still want it"
    )


@contextmanager
def changing(settings: RegisterParams) -> Iterator[Standing]:
    """Yield the standing, to change; all of it takes effect when the block succeeds.

    Raises OvertakenError where another one's change came between, on a server. The lock must be
    held.
    """
    server = homes.server()
    state = homes.folder(state_folder(), server)
    with generations.changing(state / LINK) as folder:
        if server:
            with _on_server(folder, server, settings) as standing:
                yield standing
        else:
            with _in_folder(folder, state / ARTIFACTS, settings) as standing:
                yield standing
        if (folder / RECORD).is_file():
            generations.linked(PROMOTED, state / LINK / EXPORTS)
            generations.linked(REGISTRY_RECORD, state / LINK / RECORD)


@contextmanager
def _in_folder(folder: Path, artifacts: Path, settings: RegisterParams) -> Iterator[Standing]:
    relocation.follow(folder / DATABASE, artifacts)
    registry = Registry(tracking.in_folder(folder, artifacts), settings)
    told = history.of(history.read(folder / HISTORY), settings.model_name)
    standing = Standing(folder, registry, settings, told)
    yield standing
    history.append(folder / HISTORY, standing.recorded)
    if standing.events:
        mlflow_aliases.cast(registry, standing.events, standing.versions())
    if standing.settled:
        fingerprint.keep(folder, standing.settled)


@contextmanager
def _on_server(folder: Path, server: Server, settings: RegisterParams) -> Iterator[Standing]:
    with asking.answered(server):
        asking.refuse_older(server)
        registry = Registry(tracking.on_server(server), settings)
        shared = Journal(registry.client, settings.model_name)
        there = journal.counted(shared.read())
        _refuse_lost(folder, there, server)
        standing = Standing(folder, registry, settings, journal.events(there))
        yield standing
        if standing.recorded:
            there = shared.append(standing.recorded, _last(there))
        _cast(shared, registry, there)
        journal.keep(folder / JOURNAL, there)
        shutil.rmtree(folder / FETCHED, ignore_errors=True)


def _cast(shared: Journal, registry: Registry, there: list[Entry]) -> None:
    """Cast the shadow of the history, again as long as others add to it meanwhile.

    Whoever gives an alias reads the history afterwards: so the last one to give it has read all.
    """
    while True:
        told = journal.events(there)
        if not told:
            return
        known = history.registered(told)
        numbers = {h: e.to.version for h, e in known.items() if e.to}
        versions = registry.versions(numbers)
        mlflow_aliases.cast(registry, told, versions)
        registry.drop_copies(versions)
        now = journal.counted(shared.read())
        if _last(now) == _last(there):
            return
        there = now


def _last(there: Sequence[Entry]) -> int:
    return max((entry.number for entry in there), default=0)


def _refuse_lost(folder: Path, there: Sequence[Entry], server: Server) -> None:
    """Raise PipelineError where the server has no longer what was read there before."""
    ids = {entry.id for entry in there}
    lost = [entry for entry in journal.kept(folder / JOURNAL) if entry.id not in ids]
    if lost:
        raise PipelineError(
            f"the MLflow server at {server.address} has lost {len(lost)} entries of the history "
            "of which this folder has a copy: `make rebuild` brings them back"
        )


@contextmanager
def rebuilding(settings: RegisterParams) -> Iterator[int]:
    """Bring a server's lost history back from this folder's copy; yield of how many entries.

    A server that never had one is given that of the folder's own registry, if there is one.
    """
    server = homes.server()
    if server is None:
        yield 0
        return
    state = homes.folder(state_folder(), server)
    with asking.answered(server):
        asking.refuse_older(server)
        shared = Journal(Registry(tracking.on_server(server), settings).client, settings.model_name)
        kept = journal.kept(state / LINK / JOURNAL)
        if not kept and not shared.read():
            own = history.read(state_folder() / LINK / HISTORY)
            kept = journal.adopted(history.of(own, settings.model_name))
        yield shared.bring_back(kept)


def events(settings: RegisterParams) -> list[Event]:
    """Return the history of the registered model as it stands.

    >>> from sales import params
    >>> events(params.read("register", RegisterParams))  # of a project that never ran
    []
    """
    server = homes.server()
    if server is None:
        return history.of(history.read(state_folder() / LINK / HISTORY), settings.model_name)
    with asking.answered(server):
        asking.refuse_older(server)
        client = Registry(tracking.on_server(server), settings).client
        return journal.events(journal.counted(Journal(client, settings.model_name).read()))
