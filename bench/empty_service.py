"""The service's own set-up with nothing behind it: what BentoML by itself can answer a second."""

import gc
import os

import bentoml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def predict(request: Request) -> Response:
    """Take the body and answer at once."""
    await request.body()
    return Response(b"{}", media_type="application/json")


async def health(_: Request) -> Response:
    """Answer, as long as the process lives."""
    return Response(b"{}", media_type="application/json")


app = Starlette(
    routes=[Route("/predict", predict, methods=["POST"]), Route("/health", health, methods=["GET"])]
)


@bentoml.service(
    workers=int(os.environ.get("WORKERS", "1")),
    traffic={"timeout": 30},
    metrics={"enabled": False},
    tracing={"excluded_urls": ".*"},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(app, path="/")
class Empty:
    """Does nothing, under the same garbage collection."""

    def __init__(self) -> None:
        gc.freeze()
        gc.set_threshold(5_000, 20, 500)
