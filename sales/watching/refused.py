"""Requests that were refused, counted by second, route and reason, beside the rows that were not.

Of who asked, and of what he sent, nothing is kept: a reason is one of few, the kind of fault one of
those that are looked for, and the field one of those that the model asks for.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sales.serving import refusals
from sales.serving.refusals import RefusedError
from sales.watching.parts import REFUSED, Parts

MOST = 20_000  # different counts that wait for the disk; above, new ones are by day, not second
DAY = 86_400
SECONDS = 3600.0  # after which the next part begins: counts are few, and so should their files be
SCHEMA = pa.schema(
    {
        "time": pa.timestamp("us", tz="UTC"),
        "route": pa.string(),
        "reason": pa.string(),
        "what": pa.string(),
        "field": pa.string(),
        "requests": pa.int64(),
    }
)


class Kind(NamedTuple):
    """A refusal: when, in seconds since 1970, of which route, and why.

    `what` is the kind of the first fault that was told, and `field` whose; empty where the reason
    says all.
    """

    second: int
    route: str
    reason: str
    what: str
    field: str


class Refused:
    """Counts that wait, and the parts they become. For any thread."""

    def __init__(self, address: str, now: Callable[[], float] = time.time) -> None:
        self._parts, self._now = Parts(address, REFUSED, seconds=SECONDS), now
        self._counts = Counter[Kind]()
        self._lock = threading.Lock()

    def add(self, route: str, error: RefusedError) -> None:
        """Count a refused request."""
        second = int(self._now())
        with self._lock:
            if len(self._counts) >= MOST:
                second -= second % DAY
            self._counts[Kind(second, route, error.reason, *refusals.fault(error))] += 1

    def write(self) -> int:
        """Put what waits on disk; return how many bytes were written.

        Raises whatever the file system does: then what is not there waits on.
        """
        with self._lock:
            counts, self._counts = self._counts, Counter[Kind]()
        written = 0
        try:
            for day in sorted({kind.second // DAY for kind in counts}):
                own = {kind: n for kind, n in counts.items() if kind.second // DAY == day}
                written += self._parts.add(str(np.datetime64(day, "D")), table(own))
                for kind in own:
                    del counts[kind]
        finally:
            with self._lock:
                self._counts.update(counts)  # adds
        return written


def table(counts: Mapping[Kind, int]) -> pa.Table:
    """Return counts as they are kept, in the order of time."""
    rows = sorted(counts.items())
    columns = [*zip(*(kind for kind, _ in rows), strict=True)] or [()] * len(Kind._fields)
    seconds, *texts = columns
    times = pa.array(np.array(seconds, "datetime64[s]").astype("datetime64[us]"), SCHEMA[0].type)
    return pa.Table.from_arrays([times, *map(pa.array, texts), [n for _, n in rows]], schema=SCHEMA)


def called(reason: str, what: str, field: str) -> str:
    """Return why a request was refused, in words of ours.

    >>> called("invalid", "missing", "Brand"), called("too_large", "", "")
    ('missing Brand', 'too_large')
    """
    return f"{what} {field}".strip() or reason
