"""What a request brings: its body, whole and within a limit, or the file of a form."""

import asyncio
import zlib
from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sales.serving.refusals import RefusedError

GZIP = b"\x1f\x8b"


async def body_of(request: Request, most_mb: float) -> bytes:
    """Return the body, unpacked; stops reading at `most_mb` megabytes. Raises RefusedError."""
    body = await _sent(request, most_mb)
    for name, value in request.scope["headers"]:
        if name == b"content-encoding":
            return await _decoded(body, value.decode("latin-1").strip().lower(), most_mb)
    return body


async def _sent(request: Request, most_mb: float) -> bytes:
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        _limit(len(message["body"]), most_mb)  # most come in one piece
        return message["body"]
    declared = request.headers.get("content-length", "")
    if declared.isdigit():
        _limit(int(declared), most_mb)
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "cut_short", "the body was cut short")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        _limit(size, most_mb)
        if not message.get("more_body"):
            break
        message = await request.receive()
    return b"".join(parts)


async def _decoded(body: bytes, encoding: str, most_mb: float) -> bytes:
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise RefusedError(
            415,
            "unknown_encoding",
            f"Content-Encoding: {encoding} is not known here: send it as it is, or as gzip",
            {"accept-encoding": "gzip"},
        )
    return await unzipped(body, most_mb)


async def unzipped(body: bytes, most_mb: float) -> bytes:
    """Return what a gzip holds, in a thread, within `most_mb` megabytes. Raises RefusedError."""
    return await asyncio.to_thread(_unzipped, body, most_mb)


def _unzipped(body: bytes, most_mb: float) -> bytes:
    parts: list[bytes] = []
    left = int(most_mb * 1e6)
    while body:  # one gzip may follow another
        stream = zlib.decompressobj(wbits=31)
        try:
            parts.append(stream.decompress(body, left + 1))
        except zlib.error:
            raise RefusedError(400, "invalid", "the body is no gzip, or a broken one") from None
        left -= len(parts[-1])
        if left < 0:
            raise RefusedError(413, "too_large", f"the body unpacks to more than {most_mb:g} MB")
        if not stream.eof:
            raise RefusedError(400, "cut_short", "the gzip was cut short")
        body = stream.unused_data
    return b"".join(parts)


async def file_of(request: Request, body: bytes) -> bytes:
    """Return the field `file` of a form. Raises RefusedError where there is none."""

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(request.headers, whole()).parse()
    except MultiPartException as error:
        raise RefusedError(422, "invalid", f"the form is broken: {error.message}") from None
    sent = form.get("file")
    if not isinstance(sent, UploadFile):
        raise RefusedError(422, "invalid", "send the file in the form's field `file`")
    return await sent.read()


def _limit(size: int, most_mb: float) -> None:
    if size > most_mb * 1e6:
        raise RefusedError(413, "too_large", f"the body is larger than {most_mb:g} MB")
