"""By what an answer is known later, the id that the client sent or one that is made here.

And whether it is to be known: a question that is no real row, as when a page draws how the
prediction moves with a price, says `X-Keep: no`.
"""

import os
import re
import time
from collections.abc import Iterable

LONGEST = 100  # characters of a client's own
# What goes into files and addresses unchanged, and begins no spreadsheet's formula.
PLAIN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@-]*")
NAMES = ("request_id", "RequestId")  # of the column by which a scored file tells them


def of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id of a request: its X-Request-ID, or a new one where that is none or unfit.

    >>> of([(b"x-request-id", b"checkout-17")])
    'checkout-17'
    """
    for name, value in headers:
        if name == b"x-request-id":
            if len(value) <= LONGEST and PLAIN.fullmatch(value):
                return value.decode()
            break
    return new()


def to_keep(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether the answer may be kept: unless the client says `X-Keep: no`."""
    return all(name != b"x-keep" or value.strip().lower() != b"no" for name, value in headers)


def new() -> str:
    """Return an id that no other request has: 24 hexadecimal digits, the first twelve its time.

    So they stand in the order in which they were made; 48 bits within a millisecond are random.
    """
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(6).hex()}"


def of_rows(request_id: str, rows: Iterable[int]) -> list[str]:
    """Return the ids of a request's rows, by their number from 0.

    >>> of_rows("checkout-17", range(2))
    ['checkout-17-0', 'checkout-17-1']
    """
    return [f"{request_id}-{row}" for row in rows]


def column(target: str) -> str:
    """Return how the column is called in a file with such a target: `RequestId` by `TotalAmount`.

    >>> column("TotalAmount"), column("price")
    ('RequestId', 'request_id')
    """
    return NAMES[target[:1].isupper()]
