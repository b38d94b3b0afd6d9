"""What another model would have answered, kept beside the answers: the shadow.

It is worked out where rows are brought to disk, many at a time, never on a request's way. A model
that is slow takes no more than its time of each writing: what it did not get done is left out and
counted, as is what it cannot answer. Rows are kept whatever it does.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sales.serving.answering import Served
from sales.serving.request import Orders

PREFIX = "shadow."
FIRST, MOST = 100, 1_000  # rows that it is asked for at once: a few at first, as it may be slow
PART = 0.25  # of the time between two writings that it may take
LOG = logging.getLogger("bentoml.amazon_sales")


@dataclass
class _Asked:
    """A question to the thread that answers; `found` is there once it is `done`."""

    work: Callable[[], np.ndarray]
    done: threading.Event = field(default_factory=threading.Event)
    found: np.ndarray | None = None
    error: Exception | None = None


class Shadow:
    """Asks the other model, in a thread of its own: the one that writes does not wait for ever.

    `other` returns whose prediction belongs beside an answer, None where nobody's. `share` is of
    how many requests. `lost` is told of rows for which there is none, and why.
    """

    def __init__(
        self,
        other: Callable[[Served], Served | None],
        share: Callable[[], float],
        seconds: float,
        kept: Callable[[int, str], None],
        lost: Callable[[int, str], None],
    ) -> None:
        self._other, self._share, self._seconds = other, share, seconds * PART
        self._kept, self._lost = kept, lost
        self._left = self._seconds  # that it may still take of this writing
        self._most = FIRST
        self._asked: _Asked | None = None
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._complained: set[str] = set()

    def begin(self) -> None:
        """Begin with another writing."""
        self._left = self._seconds

    def beside(self, served: Served, orders: Orders, counts: np.ndarray) -> dict[str, pa.Array]:
        """Return the columns that tell the other model's predictions; none where nobody's belong.

        `counts` are how many rows each request had: all of a request are in the share, or none.
        """
        other, share = self._other(served), self._share()
        rows = int(counts.sum())
        if other is None or not share or not rows:
            return {}
        drawn = np.random.default_rng().random(len(counts)) < share
        chosen = np.flatnonzero(np.repeat(drawn, counts))
        if not len(chosen):
            return {}
        predicted = self._predicted(other, orders, chosen)
        there = np.full(rows, np.nan)
        there[chosen] = predicted
        known = np.isfinite(there)
        told = {
            "alias": (pa.string(), other.alias),
            "version": (pa.int64(), int(other.entry["version"])),
            "content_hash": (pa.string(), other.model.content_hash),
        }
        if many := int(known.sum()):
            self._kept(many, other.alias)
        columns: dict[str, pa.Array] = {
            f"{PREFIX}{name}": pa.array([value if one else None for one in known.tolist()], kind)
            for name, (kind, value) in told.items()
        }
        columns[f"{PREFIX}prediction"] = pa.array(there, pa.float64(), mask=~known)
        return columns

    def _predicted(self, other: Served, orders: Orders, chosen: np.ndarray) -> np.ndarray:
        """Return the predictions of some rows; NaN for those that there is none of."""
        found = np.full(len(chosen), np.nan)
        at = 0
        while at < len(chosen):
            rows = chosen[at : at + self._most]
            began = time.perf_counter()
            told = self._answer(other, orders, rows)
            took = time.perf_counter() - began
            self._left -= took
            if told is None:
                self._lost(len(chosen) - at, "slow")
                self._complain("slow", other, f"{len(rows)} rows took more than {took:.2f} s")
                break
            # So that a look at the time comes often enough: twenty within what it may take.
            wanted = self._most * (2 if took < self._seconds / 40 else 0.5)
            if took < self._seconds / 40 or took > self._seconds / 20:
                self._most = int(np.clip(wanted, 1, MOST))
            found[at : at + len(rows)] = told
            at += len(rows)
        return found

    def _answer(self, other: Served, orders: Orders, rows: np.ndarray) -> np.ndarray | None:
        """Return the predictions of some rows, NaN where it fails; None: it is too slow."""
        if self._left <= 0 or (self._asked and not self._asked.done.is_set()):
            return None
        columns = {name: taken(values, rows) for name, values in orders.items()}
        asked = self._asked = _Asked(lambda: np.asarray(other.model.predict(columns), np.float64))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
            self._thread.start()
        self._wake.set()
        if not asked.done.wait(self._left):
            self._most = 1  # the next time
            return None
        if asked.found is not None and asked.found.shape == (len(rows),):
            if strange := int((~np.isfinite(asked.found)).sum()):
                self._lost(strange, "not_finite")
            return asked.found
        self._lost(len(rows), "failed")
        why = " ".join(f"{asked.error}".split()) if asked.error else "it answers other rows"
        self._complain("failed", other, f"{type(asked.error).__name__}: {why}"[:300])
        return np.full(len(rows), np.nan)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            asked = self._asked
            if asked is None or asked.done.is_set():
                continue
            try:
                asked.found = asked.work()
            except Exception as error:  # whatever it raises, the thread must not end
                asked.error = error
            asked.done.set()

    def _complain(self, what: str, other: Served, why: str) -> None:
        """Tell in the log of a model that is slow or fails, once for each."""
        told = f"{what} {other.model.content_hash}"
        if told not in self._complained:
            self._complained.add(told)
            version = other.entry["version"]
            LOG.error("the %s, version %s, in the shadow: %s: %s", other.alias, version, what, why)


def taken(values: Any, rows: np.ndarray) -> Any:
    """Return some rows of a column; of texts that are Arrow's a list."""
    if isinstance(values, pa.Array):
        return values.take(pa.array(rows)).to_pylist()
    if isinstance(values, list | tuple):
        return [values[row] for row in rows.tolist()]
    return values.take(rows) if isinstance(values, pd.Categorical) else values[rows]
