"""What is refused: a status, one of few reasons to count by, and words for the client."""

import errno
from typing import Any

from sales.errors import CLOSED, FULL


class RefusedError(Exception):
    """An answer other than 200: its status, and why, in words for the client.

    `reason` is one of few, for the counter of refused requests.
    """

    def __init__(self, status: int, reason: str, detail: Any) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail


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
