"""The routes of a trial: what share of the requests the challenger answers, and how it stands."""

import asyncio
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sales.serving import switching, trial_gauges
from sales.serving.bodies import body_of
from sales.serving.following import Promoted
from sales.serving.keeping import Keeper
from sales.serving.refusals import RefusedError
from sales.serving.request import RequestError
from sales.serving.settings import Settings

NO_TRIAL = "no trial yet: `make trial NAME=...` begins one, and looks at it"


class Dealing:
    """The handlers; `keeper` knows where trials are told."""

    def __init__(self, settings: Settings, promoted: Promoted, keeper: Keeper) -> None:
        self._settings, self._promoted, self._keeper = settings, promoted, keeper
        self._gauges = trial_gauges.LastLook(keeper.trial)

    async def traffic(self, request: Request) -> Response:
        """Tell who answers what share, or set it: in all workers at once."""
        if request.method == "POST":
            switching.let_switch(request, self._settings.admin_token)
            wanted = _percent(await body_of(request, self._settings.max_body_mb))
            if wanted:
                self._refuse(wanted)
            self._promoted.canary.set(wanted)
        return Response(orjson.dumps(self._told()), media_type="application/json")

    async def trial(self, _: Request) -> Response:
        """Show how the trial stood when it was looked at last, and how it came to that."""
        found = await asyncio.to_thread(self._keeper.trial)
        if found is None:
            raise RefusedError(404, "no_trial", NO_TRIAL)
        return Response(found, media_type="application/json")

    async def gauges(self) -> bytes:
        """Return what /metrics tells of the share, of what goes on, and of the last look at it."""
        trial, watch = self._promoted.told.trial, self._promoted.told.watch
        now = trial_gauges.of_now(
            self._promoted.canary.percent,
            trial=bool(trial and trial.runs),
            watch=bool(watch and watch.lasts()),
        )
        return now + await asyncio.to_thread(self._gauges.told)

    def _told(self) -> dict[str, Any]:
        percent, trial = self._promoted.canary.percent, self._promoted.told.trial
        chosen = self._promoted.now().alias
        return {
            "challenger": percent,
            "trial": trial.name if trial and trial.runs else None,
            # Whoever has switched to another model has taken both out of it.
            "answers": "both" if percent and chosen == "champion" else chosen,
        }

    def _refuse(self, percent: float) -> None:
        """Raise RefusedError where the challenger may not answer, or not so much."""
        trial = self._promoted.told.trial
        if "challenger" not in self._promoted.models:
            raise RefusedError(409, "no_challenger", "there is no challenger to answer anything")
        if trial and trial.outcome == "worse":
            raise RefusedError(
                409,
                "barred",
                f"the challenger was worse in the trial '{trial.name}': it answers again when "
                "another trial begins",
            )
        if trial and trial.runs and self._settings.model_uri and percent != trial.share_pct:
            raise RefusedError(
                409,
                "not_here",
                f"the trial '{trial.name}' of the registry gives the challenger "
                f"{trial.share_pct:g} % on all servers: `make trial NAME={trial.name} SHARE=...` "
                "changes it, and 0 ends it on this one",
            )


def _percent(body: bytes) -> float:
    """Return what a body asks for. Raises RequestError."""
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise RequestError([_fault("json_invalid", [], f"not JSON: {error}")]) from None
    wanted = found.get("challenger") if isinstance(found, dict) else None
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not 0 <= wanted <= 100:
        why = "Input should be a number from 0 to 100, percent of the requests"
        raise RequestError([_fault("percent", ["challenger"], why)])
    return float(wanted)


def _fault(kind: str, where: list[str], why: str) -> dict[str, Any]:
    return {"type": kind, "loc": ["body", *where], "msg": why}
