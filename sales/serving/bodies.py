"""What a request brings: its body, whole and within a limit, or the file of a form."""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sales.serving.refusals import RefusedError


async def body_of(request: Request, most_mb: float) -> bytes:
    """Return the body; stops reading at `most_mb` megabytes. Raises RefusedError."""
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
