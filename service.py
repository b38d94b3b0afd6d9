"""The service: the promoted models behind the published API, as a BentoML service.

Its routes are an ASGI app mounted into it: BentoML's own are POST only, and answer a bad body with
400 where the published API says 422. BentoML adds /livez, /readyz and /metrics.
"""

import os

import bentoml

from sales.serving import memory, settings
from sales.serving.following import Promoted
from sales.serving.routes import Api

SETTINGS = settings.read(os.environ)
PROMOTED = Promoted(SETTINGS.promoted, SETTINGS.state)


@bentoml.service(
    workers=SETTINGS.workers,
    # Seconds. BentoML keeps every request's context for that long, so no longer than a file takes.
    traffic={"timeout": 30},
    logging={"access": {"enabled": SETTINGS.access_log}},
)
@bentoml.asgi_app(Api(SETTINGS, PROMOTED).app(), path="/")
class AmazonSales:
    """Predicts with the promoted champion, challenger or fallback."""

    def __init__(self) -> None:
        memory.use_the_heap()
        PROMOTED.start()

    async def __is_ready__(self) -> bool:
        """Whether every model has answered its golden order, without which none is loaded."""
        return "champion" in PROMOTED.models
