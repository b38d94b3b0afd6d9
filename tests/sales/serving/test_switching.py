"""Who may switch models."""

import asyncio

import httpx
import pytest
from starlette.requests import Request

from sales.serving import switching
from tests.bento_server import in_process


@pytest.mark.parametrize(
    ("host", "token", "allowed"),
    [
        ("127.0.0.1", "", "yes"),
        ("127.0.0.1", "secret", "yes"),
        ("10.0.0.9", "secret", "with_token"),
        ("10.0.0.9", "", "no"),
    ],
)
def test_a_caller_is_told_whether_it_may_switch(host, token, allowed):
    scope = {"type": "http", "client": (host, 50000)}
    assert switching.may_switch(Request(scope), token) == allowed


@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [
        ("", None, 403),
        ("", "", 403),
        ("secret", None, 401),
        ("secret", "wrong", 401),
        ("secret", "secret", 200),
    ],
)
def test_who_may_switch_from_another_host(promoted, tmp_path, token, sent, status):
    app, models = in_process(promoted, tmp_path, ADMIN_TOKEN=token)
    headers = {} if sent is None else {"Authorization": f"Bearer {sent}"}

    async def switch(host, headers):
        transport = httpx.ASGITransport(app, client=(host, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.post("/models/load?alias=challenger", headers=headers)

    assert asyncio.run(switch("10.0.0.9", headers)).status_code == status
    assert models.active.alias() == ("challenger" if status == 200 else "champion")
    assert asyncio.run(switch("127.0.0.1", {})).status_code == 200
