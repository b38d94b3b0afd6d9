"""Who may switch models."""

import asyncio

import httpx
import pytest
from starlette.requests import Request

from sales.serving import switching
from tests.bento_server import in_process

HERE = ("127.0.0.1", {"host": "localhost:3000"})


def request(client, headers):
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "client": (client, 50000), "headers": raw})


@pytest.mark.parametrize(
    ("client", "headers", "allowed"),
    [
        (*HERE, "yes"),
        ("::1", {"host": "[::1]:3000"}, "yes"),
        ("127.0.0.1", {"host": "127.0.0.1"}, "yes"),
        ("127.0.0.1", {"host": "localhost:3000", "origin": "http://localhost:3000"}, "yes"),
        ("127.0.0.1", {"host": "localhost:3000", "origin": "http://localhost:8080"}, "no"),
        ("127.0.0.1", {"host": "localhost:3000", "origin": "https://shop.example"}, "no"),
        ("127.0.0.1", {"host": "localhost:3000", "origin": "null"}, "no"),
        ("127.0.0.1", {"host": "shop.example"}, "no"),
        ("127.0.0.1", {"host": "localhost.shop.example"}, "no"),
        ("127.0.0.1", {}, "no"),
        ("127.0.0.1", {"host": "localhost", "x-real-ip": "10.0.0.9"}, "no"),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 proxy"}, "no"),
        ("10.0.0.9", {"host": "localhost:3000"}, "no"),
    ],
)
def test_without_a_token_this_machine_alone_may(client, headers, allowed):
    assert switching.may_switch(request(client, headers), "") == allowed


@pytest.mark.parametrize("client", ["127.0.0.1", "10.0.0.9"])
def test_with_a_token_everybody_needs_it(client):
    assert switching.may_switch(request(client, {"host": "localhost"}), "secret") == "with_token"


@pytest.mark.parametrize(
    ("client", "token", "sent", "status"),
    [
        ("10.0.0.9", "", None, 403),
        ("10.0.0.9", "", "Bearer ", 403),
        ("127.0.0.1", "", None, 200),
        *(
            (client, "secret", sent, status)
            for client in ("127.0.0.1", "10.0.0.9")
            for sent, status in (
                (None, 401),
                ("Bearer wrong", 401),
                ("Bearer schlüssel", 401),
                ("secret", 401),
                ("Basic secret", 401),
                ("Bearer secret", 200),
                ("bearer secret", 200),
                ("BEARER  secret", 200),
            )
        ),
    ],
)
def test_a_switch_by_who_may(promoted, tmp_path, client, token, sent, status):
    app, models = in_process(promoted, tmp_path, ADMIN_TOKEN=token)
    headers = {} if sent is None else {"Authorization": sent.encode()}

    async def switch():
        transport = httpx.ASGITransport(app, client=(client, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            return await asking.post("/models/load?alias=challenger", headers=headers)

    assert asyncio.run(switch()).status_code == status
    assert models.active.alias() == ("challenger" if status == 200 else "champion")
