"""A request of a known method and path goes to its endpoint, all others to the app."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sales.serving.dispatch import Dispatch


class Told:
    """An endpoint that tells its name, and whether Starlette's search has led to it."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope, receive, send) -> None:
        searched = "by search" if "endpoint" in scope else "at once"
        one = Request(scope, receive).path_params.get("one", "") if searched == "by search" else ""
        await PlainTextResponse(f"{self.name} {searched} {one}".strip())(scope, receive, send)


ROUTES = [
    Route("/predict", Told("predict"), methods=["POST"]),
    Route("/health", Told("health"), methods=["GET"]),
    Route("/models/{one}", Told("model"), methods=["GET"]),
]


def asked(method: str, path: str) -> httpx.Response:
    """Return the answer to one request."""

    async def ask() -> httpx.Response:
        app = httpx.ASGITransport(Dispatch(ROUTES, Starlette(routes=ROUTES)))
        async with httpx.AsyncClient(transport=app, base_url="http://here") as client:
            return await client.request(method, path, follow_redirects=True)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("POST", "/predict", "predict at once"),
        ("POST", "/predict?a=1", "predict at once"),
        ("GET", "/health", "health at once"),
        ("GET", "/models/champion", "model by search champion"),
    ],
)
def test_a_path_without_parameters_is_not_searched_for(method, path, answer):
    assert asked(method, path).text == answer


def test_head_is_where_get_is():
    assert asked("HEAD", "/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/predict", 405), ("POST", "/predict/", 200), ("GET", "/elsewhere", 404)],
)
def test_all_else_is_the_apps(method, path, status):
    assert asked(method, path).status_code == status
