"""What is refused: a status, one of few reasons to count by, and words for the client."""

import errno
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

from sales.errors import CLOSED, FULL

PROBLEM = "application/problem+json"


class RefusedError(Exception):
    """An answer other than 200: its status, and why, in words for the client.

    `reason` is one of few, for the counter of refused requests.
    """

    def __init__(
        self, status: int, reason: str, detail: Any, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail
        self.headers = headers


def fault(error: RefusedError) -> tuple[str, str]:
    """Return of what kind the first fault is that is told, and of which field; else nothing.

    Words of ours or of pydantic, and a name of the model's: none that a client sent.

    >>> fault(RefusedError(422, "invalid", [{"type": "missing", "loc": ["body", 3, "Brand"]}]))
    ('missing', 'Brand')
    """
    if not isinstance(error.detail, list) or not error.detail:
        return "", ""
    first = error.detail[0]
    return first["type"], next((one for one in first["loc"][1:] if isinstance(one, str)), "")


def problem(status: int, detail: Any) -> bytes:
    """Return the body of whatever is refused: problem details, as RFC 9457 has them.

    `detail` is a text, or a list of what is wrong with each field.
    """
    title = HTTPStatus(status).phrase
    return orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})


def shortage(error: MemoryError | OSError) -> RefusedError | None:
    """Return what the server is short of: it is not the client's fault. None: of nothing.

    503 where another moment may do, as requests share the memory, 507 where a person must.
    """
    if isinstance(error, MemoryError) or error.errno == errno.ENOMEM:
        return RefusedError(503, "short_of_memory", "the server is short of memory: try later")
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return RefusedError(503, "short_of_files", "the server has too many files open: try later")
    if error.errno in FULL | CLOSED:
        return RefusedError(507, "short_of_disk", "the server has no room for files of its own")
    return None
