"""A request's shortest way to its endpoint: by its method and path alone."""

from collections.abc import Iterable

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatch:
    """Hands a request of a route without parameters to its endpoint, all others to `app`.

    An endpoint answers its own failures, so Starlette's two layers that would, and its search
    through the routes, are a tenth of a short request's time for nothing.
    """

    def __init__(self, routes: Iterable[Route], app: ASGIApp) -> None:
        self._app = app
        self._endpoints: dict[tuple[str, str], ASGIApp] = {
            (method, route.path): route.app
            for route in routes
            for method in route.methods or ()
            if not route.param_convertors
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asked = (scope["method"], scope["path"])
        await self._endpoints.get(asked, self._app)(scope, receive, send)
