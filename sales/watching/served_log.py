"""The log of answered rows: a worker's buffer, and the thread that brings it to disk.

Who answers only adds to what waits. What does not fit is lost and counted: answers go on whatever
the disk does. A row waits for half of SERVED_SECONDS at most, and for the part to be written, so
that a worker that is killed loses no more than SERVED_SECONDS of them.
"""

import logging
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from sales.data import addresses
from sales.errors import PipelineError
from sales.serving.answering import Answer, Served
from sales.serving.keeping import Many
from sales.serving.meters import Meters
from sales.serving.refusals import RefusedError
from sales.serving.settings import Keeping
from sales.watching import bounds, rows, secret, trial_file, truths
from sales.watching.parts import ROWS, TRUTHS, Parts, by_day, together
from sales.watching.refused import Refused
from sales.watching.row_keys import RowKeys
from sales.watching.rows import Drawn
from sales.watching.shadow import Shadow
from sales.watching.singles import Group, Singles

MOST_ONES = 40_000  # single answers that wait to be read by the thread: some 35 MB of JSON
MOST_DRAWN = 100_000  # rows of lists and files that do
MOST_TABLED = 200_000  # rows that wait for the disk, as tables: 40 MB
BOUNDS_SECONDS = 3600.0  # how often it is looked what is to go
TURN_SECONDS = 0.0005  # so long a thread may keep who answers waiting: Python's own is ten times it
REST_SECONDS = 0.0005  # so long the thread lets go of Python's lock, between steps below 1 ms
STOP_SECONDS = 10.0  # that the last part may take when the worker ends
LOG = logging.getLogger("bentoml.amazon_sales")


class ServedLog:
    """Keeps what a process answers. `picture` is what the export tells of the data.

    `other` is whose prediction is kept beside an answer, `comparing` whether a trial or watch is.
    """

    def __init__(
        self,
        keeping: Keeping,
        meters: Callable[[], Meters],
        picture: Callable[[], Mapping[str, Any]],
        other: Callable[[Served], Served | None] = lambda _: None,
        comparing: Callable[[], bool] = lambda: False,
    ) -> None:
        self.keeping, self._meters, self._picture = keeping, meters, picture
        self._rows, self._truths = Parts(keeping.address, ROWS), Parts(keeping.address, TRUTHS)
        self._refused = Refused(keeping.address)
        self._ones = Singles(self._lose)
        self._drawn: deque[Drawn] = deque()
        self._drawn_rows = 0
        self._lost: dict[str, int] = {}
        self._tabled: deque[pa.Table] = deque()
        self._lock = threading.RLock()
        self._flushing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._turn = 0.0
        self._fault = ""  # what the disk last refused
        self._written, self._bounded = 0, 0.0
        self._shadow = Shadow(
            other,
            lambda: (1.0 if comparing() else 0.0) if keeping.shadow is None else keeping.shadow,
            keeping.seconds / 2,
            lambda count, alias: self._meters().shadowed(count, alias),
            lambda count, reason: self._meters().shadow_lost(count, reason),
        )
        self._dice = np.random.default_rng()
        self._known_secret: secret.Secret | None = None
        self._told_secret = False

    def check(self) -> None:
        """Raise PipelineError where the address is of a kind that cannot be opened here."""
        addresses.resolve(self.keeping.address)

    def start(self, *, bounding: bool = True) -> None:
        """Begin to bring rows to disk; one worker of a server is enough for the `bounding`."""
        self._bounded = 0.0 if bounding else float("inf")
        self._turn = sys.getswitchinterval()
        sys.setswitchinterval(TURN_SECONDS)
        self._thread = threading.Thread(target=self._run, name="served", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Bring the last rows to disk, as the process ends."""
        self._stopping.set()
        if self._thread:
            self._thread.join(STOP_SECONDS)
            sys.setswitchinterval(self._turn)

    def one(self, request_id: str, served: Served, answer: Answer, body: bytes) -> None:
        """Keep the answer to one row."""
        share = self.keeping.share
        if share < 1 and random.random() >= share:  # noqa: S311
            return
        if not self._ones.add(request_id, served, answer, body, MOST_ONES):
            self._lose(1, "buffer_full")

    def many(self, route: str, request_id: str, served: Served, answered: Many) -> None:
        """Keep the answers to the rows of a request, of many a drawn part."""
        count, share, most = len(answered.predictions), self.keeping.share, self.keeping.rows
        with self._lock:
            chosen = np.arange(count)
            if share < 1:
                chosen = chosen[self._dice.random(count) < share]
            weight = 1 / share
            if len(chosen) > most:
                weight *= len(chosen) / most
                chosen = np.sort(self._dice.choice(chosen, most, replace=False, shuffle=False))
            if self._drawn_rows + len(chosen) > max(MOST_DRAWN, most):
                self._lose(len(chosen), "buffer_full")
                return
            self._drawn_rows += len(chosen)
        if not len(chosen):
            return
        keys = RowKeys.of(self._picture())
        try:
            drawn = rows.draw(route, request_id, served, answered, chosen, weight, keys)
        except Exception:  # a defect of ours, which must not cost the answer
            LOG.exception("%d answered rows cannot be kept", len(chosen))
            with self._lock:
                self._drawn_rows -= len(chosen)
            self._lose(len(chosen), "failed")
        else:
            self._drawn.append(drawn)

    def refused(self, route: str, error: RefusedError) -> None:
        """Count a request that was not answered."""
        self._refused.add(route, error)

    def truths(self, body: bytes, target: str, most_rows: int, most_bytes: int) -> dict[str, Any]:
        """Keep truths, on disk when this returns."""
        keys = RowKeys.of(self._picture())
        found = truths.read(body, target, keys.id, most_rows, most_bytes)
        hashes = self._secret(keys)
        if keys.id in keys.private and found.keyed and hashes is None:
            raise RefusedError(
                409, "not_kept", f"{keys.id} is private and not kept: send the request_id"
            )
        for day, table in by_day(found.table(keys, hashes, time.time_ns())):
            self._truths.add(day, table)
        self._meters().truths(found.rows)
        return {"kept": found.rows}

    def about(self) -> dict[str, Any]:
        """Return what is kept of each row, for whoever asks."""
        keeping, keys = self.keeping, RowKeys.of(self._picture())
        return {
            "kept": True,
            "share": keeping.share,
            "days": keeping.days,
            "mb": keeping.mb,
            "keys": [name for name in keys.names if name not in keys.private],
            "private": sorted(keys.private),
        }

    def flush(self) -> None:
        """Bring to disk what waits; where it cannot be had, it waits on, within bounds."""
        with self._flushing:
            self._flush()

    def _flush(self) -> None:
        ones = self._ones.take()
        # One by one, as others add to it meanwhile.
        drawn = [self._drawn.popleft() for _ in range(len(self._drawn))]
        drawn_rows = sum(len(each.numbers) for each in drawn)
        with self._lock:
            self._drawn_rows -= drawn_rows
        waiting = sum(group.rows for group in ones) + drawn_rows
        try:
            self._tabled.extend(self._tables(ones, drawn))
        except Exception:  # a defect of ours, which must not end the thread
            LOG.exception("%d answered rows cannot be kept", waiting)
            self._lose(waiting, "failed")
        del ones, drawn
        try:
            if self._tabled:
                self._write()
            self._written += self._refused.write()
        except Exception as error:  # whatever a file system raises
            self._complain(error)
        while self._tabled and sum(each.num_rows for each in self._tabled) > MOST_TABLED:
            self._lose(self._tabled.popleft().num_rows, "disk")
        meters = self._meters()
        with self._lock:
            lost, self._lost = self._lost, {}
        for reason, count in lost.items():
            meters.lost(count, reason)
        meters.waiting(sum(each.num_rows for each in self._tabled))

    def _tables(self, ones: list[Group], drawn: list[Drawn]) -> list[pa.Table]:
        if not ones and not drawn:
            return []
        keys = RowKeys.of(self._picture())
        answered = [*(one.served for one in ones), *(each.served for each in drawn)]
        hashes = self._secret(keys, answered)
        self._shadow.begin()
        how = keys, hashes, self._shadow.beside, partial(time.sleep, REST_SECONDS)
        return [
            *(rows.of_group(each, 1 / self.keeping.share, *how) for each in ones),
            *(rows.of_drawn(each, *how) for each in rows.alike(drawn)),
        ]

    def trial(self) -> bytes | None:
        """Return how the trial stood when it was looked at last; None: there is none."""
        return trial_file.read(self.keeping.address)

    def _write(self) -> None:
        days = by_day(together([*self._tabled]))
        self._tabled = deque(table for _, table in days)
        for day, table in days:
            self._written += self._rows.add(day, table)
            self._tabled.popleft()
            self._meters().kept(table.num_rows)
        if self._fault:
            LOG.info("answered rows are kept again")
            self._fault = ""

    def _complain(self, error: Exception) -> None:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        if type(error).__name__ != self._fault:  # once for each kind
            LOG.error("answered rows wait for %s: %s", self.keeping.address, told)
        self._fault = type(error).__name__

    def _lose(self, count: int, reason: str) -> None:
        with self._lock:
            self._lost[reason] = self._lost.get(reason, 0) + count

    def _secret(self, keys: RowKeys, served: Iterable[Served] = ()) -> secret.Secret | None:
        """Return the secret of private columns, where there is any; without it they are not kept.

        `served` are the models that are asked for theirs, by the fields that they read.
        """
        models = {id(one): one for one in served}.values()
        fields = (column for one in models for column in one.model.featuriser.fields.values())
        if not keys.private and not any(column.private for column in fields):
            return None
        if self._known_secret is None:
            self._known_secret = secret.of(self.keeping.address, self.keeping.key)
            if self._known_secret is None and not self._told_secret:
                self._told_secret = True
                LOG.warning("private columns are not kept: SERVED_KEY names no secret for hashes")
        return self._known_secret

    def _run(self) -> None:
        while not self._stopping.wait(self.keeping.seconds / 2):
            self.flush()
            self._bound()
        self.flush()

    def _bound(self) -> None:
        """Remove what is too old or too much, each hour and when much was written since."""
        due = time.monotonic() - self._bounded > BOUNDS_SECONDS
        if not due and self._written < self.keeping.mb * 1e6 / 20:
            return
        self._written = 0
        if self._bounded < float("inf"):
            self._bounded = time.monotonic()
        try:
            today = datetime.now(UTC).date()
            removed, _ = bounds.kept_to(
                self.keeping.address, self.keeping.days, self.keeping.mb, today
            )
        except (OSError, PipelineError) as error:
            self._complain(error)
            return
        if removed:
            LOG.info("%d old parts of answered rows were removed", len(removed))
