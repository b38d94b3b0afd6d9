"""The service below a path of a proxy, `/sales` say: what it must be called by from outside."""

import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")  # and no other: it goes into addresses


def prefix_of(request: Request, root_path: str) -> str:
    """Return the path that clients put before ours: as the proxy says, or as it is set up."""
    sent = request.headers.get("x-forwarded-prefix", "").rstrip("/")
    return sent if PATH.fullmatch(sent) else root_path


class Below:
    """An app that also answers where the proxy has left the path before ours."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app, self._root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["root_path"] = self._root_path
        if scope.get("path") == self._root_path:
            scope["path"] += "/"
        await self._app(scope, receive, send)
