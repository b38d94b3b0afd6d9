"""Requests for what is not there, and those of web pages from elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from sales.serving.endpoint import Endpoint, refused
from sales.serving.meters import Meters
from sales.serving.prefix import prefix_of
from sales.serving.refusals import RefusedError
from sales.serving.traffic import UNKNOWN

SIGNED = ("x-model-alias", "x-model-version", "x-model-content-hash", "x-warnings", "x-request-id")


class Elsewhere:
    """Answers to paths that have no route, or not by that method; all unknown ones count as one."""

    def __init__(
        self, routes: Sequence[Route], meters: Callable[[], Meters], root_path: str
    ) -> None:
        self._routes, self._meters, self._root_path = routes, meters, root_path

    def handlers(self) -> Mapping[Any, Any]:
        """Return the handlers, by status, as Starlette takes them."""
        return {404: self._unknown, 405: self._other_method}

    async def _unknown(self, request: Request, _: Exception) -> Response:
        self._meters().traffic.answered(UNKNOWN, 404, 0)
        path = request.scope["path"].removeprefix(self._root_path).rstrip("/")
        scope = {**request.scope, "path": path, "root_path": ""}
        if path != request.scope["path"] and any(
            route.matches(scope)[0] is not Match.NONE for route in self._routes
        ):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{prefix_of(request, self._root_path)}{path}{query}")
        return self._refused(RefusedError(404, "unknown_path", "there is no such path"))

    async def _other_method(self, request: Request, error: HTTPException) -> Response:
        endpoint = request.scope.get("endpoint")
        route = endpoint.route if isinstance(endpoint, Endpoint) else UNKNOWN
        self._meters().traffic.answered(route, 405, 0)
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"{request.method} is not for this path, but {allowed}"
        return self._refused(RefusedError(405, "other_method", detail, error.headers))

    def _refused(self, error: RefusedError) -> Response:
        self._meters().refused(error.reason)
        return refused(error)


def cross_origin(origins: Sequence[str]) -> list[Middleware]:
    """Return what lets the pages of these origins ask, `*` any; nothing where there are none."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=[
                "authorization",
                "content-type",
                "content-encoding",
                "x-request-id",
                "x-keep",
            ],
            expose_headers=[*SIGNED, "x-warnings-count", "content-disposition"],
        )
    ]
