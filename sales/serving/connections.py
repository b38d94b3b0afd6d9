"""A client's connection: its request's head has a limit and a time, as its body has elsewhere.

uvicorn, beneath BentoML, knows neither for the parser that is fast; half a head stays for ever.
"""

import asyncio
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sales.serving.refusals import PROBLEM, problem

MOST_BYTES = 64 << 10  # of a request's first line and its headers
SECONDS = 10.0  # within which they come, and of a connection that sends nothing


def use() -> None:
    """Let uvicorn take these connections; BentoML hands on no setting of the kind."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:Connection"


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which is closed when a head is too large or too late."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: float | None = self.loop.time()  # when the head that is read now began
        self._come = 0  # bytes of it that have come without its end
        self._size = 0  # and of its address and headers
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(SECONDS, self._watch)

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no more."""
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; refuse a head that has no end."""
        super().data_received(data)
        if self._head is not None:
            self._come += len(data)
            if self._come > MOST_BYTES:
                self._refuse_size()

    def on_message_begin(self) -> None:
        """Begin with a head."""
        self._head, self._come, self._size = self.loop.time(), 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the first line."""
        self._size += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of a head that is not too large."""
        self._size += len(name) + len(value)
        if self._size > MOST_BYTES:
            raise ValueError("too large")  # the parser ends with it, and send_400_response follows
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the head: what follows is the body."""
        self._head = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or too large a head."""
        if self._size > MOST_BYTES:
            self._refuse_size()
        else:
            self._refuse(400, msg)

    def _watch(self) -> None:
        since, cycle = self._head, self.cycle
        if since is not None and self.loop.time() - since >= SECONDS:
            if self._come:
                self._refuse(408, f"the headers did not come within {SECONDS:g} seconds")
            self.transport.close()
        elif cycle and cycle.response_complete and cycle.more_body and self._head is None:
            self.transport.close()  # a body that nobody reads any more
        else:
            self._timer = self.loop.call_later(SECONDS, self._watch)

    def _refuse_size(self) -> None:
        self._refuse(431, f"the headers are larger than {MOST_BYTES >> 10} KiB")

    def _refuse(self, status: int, detail: str) -> None:
        if self.transport.is_closing():
            return
        body = problem(status, detail)
        head = (
            f"content-type: {PROBLEM}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.close()
