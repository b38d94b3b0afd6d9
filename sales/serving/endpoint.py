"""A route's handler as an ASGI app: within a time, counted, and with an answer to every failure."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import cached_property
from time import perf_counter
from typing import Any

from prometheus_client import Gauge
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sales.serving import request_ids
from sales.serving.meters import Meters
from sales.serving.refusals import PROBLEM, RefusedError, problem, shortage
from sales.serving.request import RequestError

SECONDS = 30  # within which a request is read and answered
LOG = logging.getLogger("bentoml.amazon_sales")
Handler = Callable[[Request], Awaitable[Response]]


class Endpoint:
    """A handler as an ASGI app of its own, which turns what the handler refuses into a response.

    Given to Starlette as a plain function, it would be wrapped in two more layers on each request.
    `then` is called once the answer is sent and forgotten; `keep` with the route and each refusal
    that may be kept.
    """

    def __init__(
        self,
        route: str,
        handler: Handler,
        meters: Callable[[], Meters],
        then: Callable[[], None] | None = None,
        keep: Callable[[str, RefusedError], None] | None = None,
    ) -> None:
        self.route, self._handler, self._meters, self._then = route, handler, meters, then
        self._keep = keep

    @cached_property
    def _progress(self) -> Gauge:
        return self._meters().traffic.progress(self.route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start = perf_counter()
        traffic = self._meters().traffic
        traffic.begin(self._progress)
        response: Response | None
        status = 500
        try:
            async with asyncio.timeout(SECONDS):
                response = await self._handler(Request(scope, receive, send))
            status = response.status_code
        except Exception as error:
            response = self._answer_to(error, scope)
            status = response.status_code
        finally:
            self._progress.dec()
            traffic.answered(self.route, status, perf_counter() - start)
        await response(scope, receive, send)
        if self._then:
            response = None
            self._then()

    def _answer_to(self, error: Exception, scope: Scope) -> Response:
        """Return the response to what a handler raised; a defect of ours is told by the log."""
        if isinstance(error, RequestError):
            error = RefusedError(422, "invalid", error.details)
        elif isinstance(error, TimeoutError):
            error = RefusedError(504, "too_slow", f"not read and answered within {SECONDS} seconds")
        elif isinstance(error, MemoryError | OSError) and (short := shortage(error)):
            LOG.error("%s: %s", short.detail, error)
            error = short
        elif not isinstance(error, RefusedError):
            LOG.error("%s failed", self.route, exc_info=error)
            error = RefusedError(500, "failed", "the service failed; its log tells why")
        self._meters().refused(error.reason)
        if self._keep and request_ids.to_keep(scope["headers"]):
            self._keep(self.route, error)
        return refused(error)


def refused(error: RefusedError) -> Response:
    """Return the response to a refused request."""
    body: Any = problem(error.status, error.detail)
    return Response(body, error.status, error.headers, media_type=PROBLEM)
