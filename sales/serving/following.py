"""The promoted models in this process, and others in their place as soon as they are promoted."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sales.contract import Called
from sales.errors import PipelineError
from sales.serving import answering, choice, contact, keys, on_trial
from sales.serving.answering import Served
from sales.serving.canary import Canary
from sales.serving.refusals import RefusedError

FOLLOW_SECONDS = 0.25  # how often each worker looks whether other models were promoted
RETRY_SECONDS = 5.0  # and how long it waits where those could not be loaded
LOG = logging.getLogger("bentoml.amazon_sales")


class Promoted:
    """What this process answers with: the models of a folder by alias, one of them active.

    `state` is the folder in which the workers of a server share which one that is; `behind` is
    told since when newly promoted models cannot be loaded, `away` since when the registry that
    they come from cannot be asked.
    """

    def __init__(
        self,
        folder: Path,
        state: Path,
        behind: Callable[[float | None], None] = lambda _: None,
        away: Callable[[float | None], None] = lambda _: None,
    ) -> None:
        self.folder, self._state, self._behind, self._away = folder, state, behind, away
        self.models: dict[str, Served] = {}
        self.picture: dict[str, Any] = {}  # of the data that the models learnt from
        self.told = on_trial.NOTHING  # of a trial, and of a watch
        self.behind_since: float | None = None  # others were promoted then, and cannot be loaded
        self.behind_why = ""
        self.registry = contact.WELL  # nothing is wrong with it, or none is followed

    @cached_property
    def active(self) -> choice.Active:
        """The choice of the active alias, opened when it is first needed."""
        return choice.Active(self._state / "active")

    @cached_property
    def canary(self) -> Canary:
        """The share of requests that the challenger answers, opened when it is first needed."""
        return Canary(self._state / "canary")

    def dealt(self, request_id: str, body: bytes = b"") -> Served:
        """Return the model that answers a request: of a trial the one that its customer has.

        The customer is the one that the `body`, a JSON object, names; else it is the request.
        """
        served = self.now()
        if served.alias != "champion" or not self.canary.percent:
            return served
        challenger, trial = self.models.get("challenger"), self.told.trial
        if challenger is None:
            return served
        name = (trial and trial.customer) or self.picture.get("keys", {}).get("id")
        customer = keys.in_object(body, name) if name else None
        dealt = trial.name if trial else challenger.model.content_hash
        return challenger if self.canary.holds(dealt, customer or request_id) else served

    def beside(self, served: Served) -> Served | None:
        """Return whose prediction is kept beside an answer: the other one of a trial or watch.

        Without either it is the challenger's, beside the champion's.
        """
        models = self.models
        if served.alias == "challenger":
            return models.get("champion")
        if served.alias != "champion":
            return None
        watch, trial, before = self.told.watch, self.told.trial, models.get("fallback")
        watched = watch and watch.lasts() and before and before.model.content_hash == watch.before
        if watched and not (trial and trial.runs):
            return before
        return models.get("challenger")

    @property
    def comparing(self) -> bool:
        """Whether a trial or a watch goes on."""
        trial, watch = self.told.trial, self.told.watch
        return bool((trial and trial.runs) or (watch and watch.lasts()))

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

    def condition(self) -> dict[str, Any]:
        """Return what /readyz tells: what does not stop answers, but should be put right."""
        alone, registry = self.active.alone, self.registry
        return {
            "status": "ready",
            "version": str(self.models["champion"].entry["version"]),
            "behind_since": _moment(self.behind_since or registry.behind_since),
            "behind_why": self.behind_why or registry.behind_why or None,
            "registry_away_since": _moment(registry.away_since),
            "registry_away_why": registry.away_why or None,
            "cannot_switch": f"the champion alone answers: {alone.strerror}" if alone else None,
        }

    def start(self) -> None:
        """Load the models, and follow promotions from now on.

        Raises PipelineError where there is none to begin with.
        """
        there = (self.folder / "promoted.json").is_file()
        seen = answering.stamp(self.folder) if there else (0, 0)
        self.take(answering.load(self.folder), on_trial.read(self.folder))
        self.active.answered_once()
        if self.active.alone:
            LOG.error("no model can be chosen, the champion answers: %s", self.active.alone)
        self.hear()
        threading.Thread(target=self._follow, args=(seen,), name="follow", daemon=True).start()

    def take(self, promoted: dict[str, Served], told: on_trial.Told = on_trial.NOTHING) -> None:
        """Put other models in the place of those that answer, and what is told of a trial."""
        picture = answering.read_if_there(self.folder / answering.DATA) or {}
        self.canary.end()
        self.models.update(promoted)
        for alias in self.models.keys() - promoted.keys():
            if self.active.alias() == alias:
                self.active.choose("champion")
            del self.models[alias]
        self.picture.update(picture)
        self._try(told)
        _spare_the_collector()
        champion = self.models["champion"]
        version, name = champion.entry["version"], champion.model_name
        LOG.info("promoted: version %s of %s answers", version, name)

    def _try(self, told: on_trial.Told) -> None:
        """Begin, change or end a trial; what a person has set for other models goes, too."""
        one, other = (self.models.get(alias) for alias in ("champion", "challenger"))
        pair = (one.model.content_hash if one else "", other.model.content_hash if other else "")
        self.told = told.of(*pair)
        trial = self.told.trial
        self.canary.begin(self.told.sign(*pair), trial.share_pct if trial and trial.runs else 0.0)

    def look(self, seen: tuple[int, int]) -> tuple[int, int]:
        """Let other models answer if they were promoted; return the stamp of those that do.

        Those that answer now go on until the new ones are loaded and tried. If that fails, for
        whatever reason, they go on, and the log tells why, once.
        """
        for shared in (self.active, self.canary):
            if shared.alone:
                shared.share()
        try:
            now = answering.stamp(self.folder)
            if now != seen:
                told = on_trial.read(self.folder.resolve())
                self.take(answering.load(self.folder, self.models.values()), told)
        except Exception as error:  # whatever lies there, this thread must not end
            why = " ".join(f"{error}".split()) or type(error).__name__
            if why != self.behind_why:
                known = isinstance(error, OSError | PipelineError | ValueError | KeyError)
                LOG.error(
                    "the promoted models have changed, and cannot be loaded: %s",
                    why,
                    exc_info=None if known else error,
                )
            self.behind_why, self.behind_since = why, self.behind_since or time.time()
            self._behind(self.behind_since)
            return seen
        if self.behind_since:
            LOG.info("the promoted models can be loaded again")
            self.behind_why, self.behind_since = "", None
            self._behind(self.registry.behind_since)
        return now

    def hear(self) -> None:
        """Take in what the process that asks a registry has found, where there is one."""
        heard = contact.read(self._state / contact.FILE)
        if heard != self.registry:
            self.registry = heard
            self._away(heard.away_since)
            self._behind(self.behind_since or heard.behind_since)

    def _follow(self, seen: tuple[int, int]) -> None:
        while True:
            time.sleep(RETRY_SECONDS if self.behind_since else FOLLOW_SECONDS)
            seen = self.look(seen)
            self.hear()


def _moment(since: float | None) -> str | None:
    return datetime.fromtimestamp(since, UTC).isoformat("T", "seconds") if since else None


def _spare_the_collector() -> None:
    """Keep the garbage collector from looking through what stays, in pauses that clients feel.

    That is all that is loaded now, and BentoML's record of each request, which reference counting
    frees when `traffic.timeout` has passed. Young cycles are collected as ever, old ones rarely.
    """
    gc.freeze()
    gc.set_threshold(5_000, 20, 500)
