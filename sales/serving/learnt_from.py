"""The routes of the data that the models learnt from: its picture, and what was set aside of it."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sales.serving.following import Promoted
from sales.serving.refusals import RefusedError

QUARANTINE = "quarantine"  # a key of the exported picture, and a route of its own: it may be large
MAKE_IT = "run `make repro`, and start the service again"


class LearntFrom:
    """The handlers; each takes a request and returns what is answered, or raises RefusedError."""

    def __init__(self, promoted: Promoted) -> None:
        self._promoted = promoted

    async def data(self, _: Request) -> Response:
        """Show the data that the models learnt from."""
        picture = self._promoted.picture
        if not picture:
            raise RefusedError(404, "not_exported", f"exported without it: {MAKE_IT}")
        return _json({key: its for key, its in picture.items() if key != QUARANTINE})

    async def quarantine(self, _: Request) -> Response:
        """Show rows that were set aside, and why, as far as they were exported."""
        found = self._promoted.picture.get(QUARANTINE)
        if found is None:
            raise RefusedError(
                404,
                "not_exported",
                "exported without rows that were set aside: there were none, "
                "`register.quarantine_rows` is 0, or the models come from a registry",
            )
        return _json(found)


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
