"""What the service hands on of its answers to whoever keeps them, and takes in of what came true.

Who keeps them, sales/watching/, stands above this room: here is what is asked of it, and one that
keeps nothing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from sales.serving.answering import Answer, Served
from sales.serving.refusals import RefusedError
from sales.serving.request import Orders

Numbers = Sequence[float] | np.ndarray


class Many(NamedTuple):
    """The answered rows of one request, by column; `low` and `high` are there with intervals.

    `outside` tells of each whether it is outside of what training saw; None: none is. `source` is
    what they came in, with columns that no model reads: JSON, or a file's table.
    """

    orders: Orders
    predictions: Numbers
    low: Numbers | None
    high: Numbers | None
    outside: np.ndarray | None
    source: "bytes | pa.Table"


class Keeper(Protocol):
    """Keeps what was answered. None of these raises for what the disk does, but `truths`."""

    def one(self, request_id: str, served: Served, answer: Answer, body: bytes) -> None:
        """Keep the answer to one row; called in the loop that answers, so at once."""

    def many(self, route: str, request_id: str, served: Served, rows: Many) -> None:
        """Keep the answers to the rows of a list or a file."""

    def refused(self, route: str, error: RefusedError) -> None:
        """Count a request that was not answered; called in the loop that answers, so at once."""

    def truths(self, body: bytes, target: str, most_rows: int, most_bytes: int) -> dict[str, Any]:
        """Keep truths; return what /truths tells. Raises RefusedError, RequestError and OSError."""

    def about(self) -> dict[str, Any]:
        """Return what is kept, for whoever asks."""

    def trial(self) -> bytes | None:
        """Return how the trial stood when it was looked at last, as JSON; None: there is none."""


class Nothing:
    """Keeps nothing."""

    def one(self, request_id: str, served: Served, answer: Answer, body: bytes) -> None:
        """Do nothing."""

    def many(self, route: str, request_id: str, served: Served, rows: Many) -> None:
        """Do nothing."""

    def refused(self, route: str, error: RefusedError) -> None:
        """Do nothing."""

    def truths(self, *_: Any) -> dict[str, Any]:
        """Refuse them."""
        raise RefusedError(409, "not_kept", "nothing is kept here: SERVED names no folder for it")

    def about(self) -> dict[str, Any]:
        """Tell that nothing is."""
        return {"kept": False}

    def trial(self) -> None:
        """Tell of none."""
