"""What a handler's failure becomes."""

import asyncio
import errno

import httpx
import pyarrow as pa
import pytest

from sales.serving import answering
from tests.bento_server import in_process


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (MemoryError(), 503),
        (pa.ArrowMemoryError("realloc of size 2147483648 failed"), 503),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 503),
        (OSError(errno.EMFILE, "Too many open files"), 503),
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EROFS, "Read-only file system"), 507),
    ],
)
def test_what_the_server_is_short_of_is_told_as_its_own(
    promoted, tmp_path, monkeypatch, fault, status
):
    app, _ = in_process(promoted, tmp_path)

    def short(*_):
        raise fault

    monkeypatch.setattr(answering.Served, "file", short)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.post("/predict_file", content=b"a,b\n1,2\n")

    answered = asyncio.run(ask())
    assert answered.status_code == status
    assert answered.json()["detail"].startswith("the server ")
