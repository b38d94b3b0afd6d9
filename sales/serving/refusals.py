"""What is refused: a status, one of few reasons to count by, and words for the client."""

from typing import Any


class RefusedError(Exception):
    """An answer other than 200: its status, and why, in words for the client.

    `reason` is one of few, for the counter of refused requests.
    """

    def __init__(self, status: int, reason: str, detail: Any) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail
