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

from sales.serving import connections, ending, memory, settings, state, traffic
from sales.serving.endpoint import LOG, SECONDS
from sales.serving.following import Promoted
from sales.serving.routes import Api
from sales.watching.served_log import ServedLog

SETTINGS = settings.read(os.environ, Path(swagger_ui.__path__[0]) / "static_content")
OURS = state.folder_of_server(SETTINGS.state)
PROMOTED = Promoted(
    SETTINGS.promoted,
    OURS,
    lambda since: API.meters.behind(since),
    lambda since: API.meters.away(since),
)
KEEPING = ending.told(lambda: settings.keeping(os.environ))
LOG_OF_ROWS = ServedLog(
    *(KEEPING, lambda: API.meters, lambda: PROMOTED.picture),
    other=PROMOTED.beside,
    comparing=lambda: PROMOTED.comparing,
)
API: Api = Api(SETTINGS, PROMOTED, keeper=LOG_OF_ROWS if KEEPING.address else None)
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
    # What is not traced costs nothing: OpenTelemetry's layer would collect what it throws away.
    **({} if SETTINGS.tracing else {"tracing": {"excluded_urls": ".*"}}),
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
        if KEEPING.address:
            ending.told(LOG_OF_ROWS.check)
        if SETTINGS.model_uri:
            from sales.serving import asking

            ending.told(asking.Asking(SETTINGS).start)

    def __init__(self) -> None:
        memory.keep_until_given_back()
        try:
            traffic.share(OURS / "metrics")
        except OSError as error:
            LOG.error("each worker counts for itself, as they can share nothing: %s", error)
        first = bentoml.server_context.worker_index in {None, 1}
        ending.start_or_ask(PROMOTED, first=first)
        if KEEPING.address:
            LOG_OF_ROWS.start(bounding=first)

    @bentoml.on_shutdown
    def at_the_end(self) -> None:
        """Bring to disk what was answered last."""
        LOG_OF_ROWS.stop()


AmazonSales.add_asgi_middleware(InFront)  # type: ignore[attr-defined]  # it is a Service now
