"""What commands of the project have left beside the service: how a model ages, what was watched."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from sales.serving.refusals import RefusedError

NONE_YET = {"backtest": "no backtest yet", "watch": "nothing was watched yet"}


def shown(path: Path, target: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with the JSON that a target of make has left; 404 while it has not."""

    async def answer(_: Request) -> Response:
        try:
            found = await asyncio.to_thread(path.read_bytes)
        except OSError:
            why = f"{NONE_YET[target]}: run `make {target}`"
            raise RefusedError(404, f"no_{target}", why) from None
        return Response(found, media_type="application/json")

    return answer
