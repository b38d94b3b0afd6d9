"""The promoted models in this process, and others in their place as soon as they are promoted."""

import gc
import logging
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from sales.contract import Called
from sales.errors import PipelineError
from sales.serving import answering, choice
from sales.serving.answering import Served
from sales.serving.refusals import RefusedError

FOLLOW_SECONDS = 0.25  # how often each worker looks whether other models were promoted
RETRY_SECONDS = 5.0  # and how long it waits where those could not be loaded
LOG = logging.getLogger("bentoml.amazon_sales")


class Promoted:
    """What this process answers with: the models of a folder by alias, one of them active.

    `state` is the folder in which the workers of a server share which one that is.
    """

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder, self._state = folder, state
        self.models: dict[str, Served] = {}
        self.picture: dict[str, Any] = {}  # of the data that the models learnt from

    @cached_property
    def active(self) -> choice.Active:
        """The choice of the active alias, opened when it is first needed."""
        return choice.Active(choice.file_of_server(self._state))

    def now(self) -> Served:
        """Return the model that answers now: the champion, where the chosen one has just gone."""
        return self.models.get(self.active.alias()) or self.models["champion"]

    def of(self, alias: str) -> Served:
        """Return the model of an alias. Raises RefusedError where there is none."""
        if alias not in answering.ALIASES:
            raise RefusedError(
                400, "unknown_alias", f"alias must be one of {', '.join(answering.ALIASES)}"
            )
        if alias not in self.models:
            raise RefusedError(404, "unknown_alias", f"there is no {alias}")
        return self.models[alias]

    def called(self) -> Called:
        """Return what people call the rows; plain words where an older export does not tell."""
        return Called(**self.picture.get("called", {}))

    def start(self) -> None:
        """Load the models, and follow promotions from now on.

        Raises PipelineError where there is none to begin with.
        """
        there = (self.folder / "promoted.json").is_file()
        seen = answering.stamp(self.folder) if there else (0, 0)
        self.take(answering.load(self.folder))
        threading.Thread(target=self._follow, args=(seen,), name="follow", daemon=True).start()

    def take(self, promoted: dict[str, Served]) -> None:
        """Put other models in the place of those that answer."""
        self.models.update(promoted)
        for alias in self.models.keys() - promoted.keys():
            if self.active.alias() == alias:
                self.active.choose("champion")
            del self.models[alias]
        self.picture.update(answering.read_if_there(self.folder / answering.DATA) or {})
        _spare_the_collector()
        champion = self.models["champion"]
        version, name = champion.entry["version"], champion.model_name
        LOG.info("promoted: version %s of %s answers", version, name)

    def _follow(self, seen: tuple[int, int]) -> NoReturn:
        """Let newly promoted models answer as soon as they are, for as long as the process lives.

        Those that answer now go on until the new ones are loaded and tried. If that fails, they go
        on for good, and the log tells why.
        """
        while True:
            time.sleep(FOLLOW_SECONDS)
            try:
                now = answering.stamp(self.folder)
                if now == seen:
                    continue
                self.take(answering.load(self.folder, self.models.values()))
                seen = now
            except (OSError, PipelineError) as error:
                LOG.error("the promoted models have changed, and cannot be loaded: %s", error)
                time.sleep(RETRY_SECONDS)


def _spare_the_collector() -> None:
    """Keep the garbage collector from looking through what stays, in pauses that clients feel.

    That is all that is loaded now, and BentoML's record of each request, which reference counting
    frees when `traffic.timeout` has passed. Young cycles are collected as ever, old ones rarely.
    """
    gc.freeze()
    gc.set_threshold(5_000, 20, 500)
