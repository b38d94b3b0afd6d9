"""The service: the promoted models behind the published API, as a BentoML service.

BentoML starts the workers, logs and packs; every request is answered by our own routes, in front of
its own: those are POST only, answer a bad body with 400 where the published API says 422, an error
in plain text, and `GET /` with a page that asks other hosts.
"""

import os
from pathlib import Path

import bentoml
import bentoml._internal.server as swagger_ui
from starlette.types import ASGIApp, Receive, Scope, Send

from sales.serving import connections, ending, settings, state, traffic
from sales.serving.endpoint import LOG, SECONDS
from sales.serving.following import Promoted
from sales.serving.routes import Api

SETTINGS = settings.read(os.environ, Path(swagger_ui.__path__[0]) / "static_content")
OURS = state.folder_of_server(SETTINGS.state)
PROMOTED = Promoted(
    SETTINGS.promoted,
    OURS,
    lambda since: API.meters.behind(since),
    lambda since: API.meters.away(since),
)
API: Api = Api(SETTINGS, PROMOTED)
connections.use()


class InFront:
    """Answers every request by our routes; what else a server is told is BentoML's."""

    def __init__(self, app: ASGIApp) -> None:
        self._bentoml, self._ours = app, API.app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await (self._ours if scope["type"] == "http" else self._bentoml)(scope, receive, send)


@bentoml.service(
    workers=SETTINGS.workers,
    # Ours is told first. BentoML keeps every request's context for that long.
    traffic={"timeout": SECONDS + 1},
    metrics={"enabled": False},  # by path; ours are by route
    logging={"access": {"enabled": SETTINGS.access_log}},
)
class AmazonSales:
    """Predicts with the promoted champion, challenger or fallback."""

    @bentoml.on_deployment
    @staticmethod
    def before_the_workers() -> None:
        """Prepare what they share; in their parent."""
        state.sweep(SETTINGS.state)
        ending.let_workers_ask()
        if SETTINGS.model_uri:
            from sales.serving import asking

            ending.tell(asking.Asking(SETTINGS).start)

    def __init__(self) -> None:
        try:
            traffic.share(OURS / "metrics")
        except OSError as error:
            LOG.error("each worker counts for itself, as they can share nothing: %s", error)
        ending.start_or_ask(PROMOTED, first=bentoml.server_context.worker_index in {None, 1})


AmazonSales.add_asgi_middleware(InFront)  # type: ignore[attr-defined]  # it is a Service now
