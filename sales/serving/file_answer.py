"""The answer to a file: the file priced, signed in its headers, with what is doubtful about it.

Headers are for the few first warnings: proxies and clients refuse large ones, and know ASCII alone.
Whoever accepts `multipart/mixed` gets all of them, in a part of their own before the file.
"""

import json
import secrets
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from sales.serving import given_back
from sales.serving.answering import Served

WHOLE = "multipart/mixed"
MOST_BYTES = 2_500  # of warnings in a header, so that all headers together stay below 4 kB
LONGEST = 300  # characters of one of them


def answer_with(
    request: Request, served: Served, file: bytes, warnings: list[str], request_id: str
) -> Response:
    """Return the response with a priced file, in the form that the client accepts."""
    kind = given_back.kind_of(file)
    media = given_back.MEDIA[kind]
    disposition = f'attachment; filename="scored.{given_back.ending(kind)}"'
    headers = {
        "x-model-alias": served.alias,
        "x-model-version": str(served.entry["version"]),
        "x-model-content-hash": served.model.content_hash,
        "x-warnings": in_short(warnings),
        "x-warnings-count": str(len(warnings)),
        "x-request-id": request_id,
        "vary": "accept",
    }
    if WHOLE not in request.headers.get("accept", ""):
        headers["content-disposition"] = disposition
        return Response(file, media_type=media, headers=headers)
    told = json.dumps({"model": served.signature, "warnings": warnings}).encode()
    boundary = secrets.token_hex(16).encode()
    body = b"".join(
        [
            *_part(boundary, "application/json", 'inline; name="answer"', told),
            *_part(boundary, media, disposition, file),
            b"--%s--\r\n" % boundary,
        ]
    )
    return Response(body, media_type=f"{WHOLE}; boundary={boundary.decode()}", headers=headers)


def in_short(warnings: Sequence[str]) -> str:
    r"""Return the first warnings as JSON in ASCII, as many as a header may hold, long ones cut.

    >>> in_short(["City: Köln", "State: NRW"])
    '["City: K\\u00f6ln", "State: NRW"]'
    """
    texts: list[str] = []
    left = MOST_BYTES
    for warning in warnings:
        text = json.dumps(_cut(warning))
        left -= len(text) + len(", ")
        if left < 0:
            break
        texts.append(text)
    return f"[{', '.join(texts)}]"


def _cut(warning: str) -> str:
    return warning if len(warning) <= LONGEST else f"{warning[: LONGEST - 1]}…"


def _part(boundary: bytes, media: str, disposition: str, content: bytes) -> list[bytes]:
    head = f"Content-Type: {media}\r\nContent-Disposition: {disposition}\r\n\r\n"
    return [b"--%s\r\n" % boundary, head.encode(), content, b"\r\n"]
