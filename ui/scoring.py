"""A file being scored, piece by piece, in a thread of its own: the page stays usable meanwhile."""

import io
import logging
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from sales.serving import given_back
from sales.serving.request import added_columns
from ui.client import Scored, Service, ServiceError
from ui.upload_check import Upload

LOG = logging.getLogger("ui")
PIECE = 20_000  # rows; large enough for the service's speed, small enough for a moving bar


class Scoring:
    """The scoring of an upload's good rows. Read from the page's thread, written from its own.

    The model of that `alias` answers; without one the model that answers the first piece. What is
    not to be kept is only compared.
    """

    def __init__(
        self, service: Service, upload: Upload, alias: str = "", *, keep: bool = True
    ) -> None:
        self.upload, self._named, self._keep = upload, alias, keep
        self.rows = int(upload.good.sum())
        self.done = 0
        self.seconds = 0.0
        self.failed: str | None = None
        self._service = service
        self._pieces: list[Scored] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or go on after a failure with the rows that are not done."""
        self.failed = None
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop after the piece that is under way."""
        self._stop.set()
        self.wait(5)

    def wait(self, seconds: float) -> None:
        """Wait that long at most for the end."""
        if self._thread:
            self._thread.join(seconds)

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def finished(self) -> bool:
        """Whether every good row has its prediction."""
        return not self.running and self.done == self.rows

    @property
    def rows_a_second(self) -> float:
        """Rows a second so far, sending and receiving included."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def model(self) -> str:
        """Which model answered."""
        return self._pieces[0].model if self._pieces else ""

    @property
    def alias(self) -> str:
        """By which name it answered; the one that it was to answer by, as long as it has not."""
        return self._pieces[0].alias if self._pieces else self._named

    @property
    def content_hash(self) -> str:
        """The content hash of the model that answered."""
        return self._pieces[0].content_hash if self._pieces else ""

    @property
    def warnings(self) -> list[str]:
        """Each of the service's warnings once."""
        return list(dict.fromkeys(text for piece in self._pieces for text in piece.warnings))

    def _run(self) -> None:
        orders = self.upload.sendable()
        try:
            while self.done < self.rows and not self._stop.is_set():
                began = time.perf_counter()
                # A trial deals each request anew: all pieces go to the model of the first.
                piece = self._service.score(
                    orders.slice(self.done, PIECE), self.alias, keep=self._keep
                )
                if self._named and piece.alias != self._named:
                    raise ServiceError(
                        "The service cannot be told which model is to answer: it is an older one."
                    )
                if self._pieces and piece.content_hash != self._pieces[0].content_hash:
                    self._pieces, self.done, self.seconds = [], 0, 0.0
                    raise ServiceError(
                        "Another model was switched to while the file was being scored. "
                        "Score it again, so that one model answers for all rows."
                    )
                self._pieces.append(piece)
                self.seconds += time.perf_counter() - began
                self.done += len(piece.added)
        except ServiceError as error:
            self.failed = str(error)
        except Exception:
            LOG.exception("scoring failed")
            self.failed = "This page made a mistake; its log tells what happened."

    def added(self) -> pa.Table:
        """Return the service's columns, a row for each of the file's, null where that was bad."""
        added = pa.concat_tables([piece.added for piece in self._pieces])
        good = self.upload.good
        if good.all():
            return added
        place = np.cumsum(good) - 1
        return added.take(pa.array(place, mask=~good))

    def predicted(self, target: str) -> str:
        """Return the name of the added column that holds the predictions."""
        return added_columns(target)[0]

    def table(self) -> pa.Table:
        """Return the file with the service's columns at its end."""
        table = self.upload.table
        for name, column in zip(self.added().column_names, self.added().columns, strict=True):
            if name in table.column_names:
                table = table.drop_columns([name])
            table = table.append_column(name, column)
        return table

    def file(self) -> bytes:
        """Return the priced file in the format in which it came."""
        table, kind = self.table(), self.upload.kind
        if kind == "parquet":
            sink = io.BytesIO()
            pa.parquet.write_table(table, sink)
            return sink.getvalue()
        return given_back.written(table, kind, self.added().column_names)
