"""A training that ends when a worker is lost, as the libraries' own do not always.

XGBoost and LightGBM bind each worker to its share of the rows, and the workers to each other. Of a
lost one, the others, or the client, may wait for ever; nobody else could take its place.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from distributed import Client

from sales.cluster import PATIENCE, refusals
from sales.errors import PipelineError

Result = TypeVar("Result")
GLANCE = 0.2  # seconds between two looks at the workers
GRACE = 5.0  # seconds after a failure in which a worker may turn out to be lost


def watched(
    client: Client, addresses: Sequence[str], what: str, train: Callable[[], Result]
) -> Result:
    """Return what `train` returns; raise PipelineError as soon as one of the workers is lost.

    It runs in a thread that is left to itself then: it blocks neither us nor the process's exit.
    """
    # Held by its worker, and by no other: lost with it, even if another process takes its address.
    marks = {
        address: client.submit(str, address, workers=[address], pure=False) for address in addresses
    }

    def unmarked() -> str:
        return ", ".join(address for address, mark in marks.items() if mark.status != "finished")

    until = time.monotonic() + PATIENCE
    while unmarked():
        if time.monotonic() > until:
            raise PipelineError(
                f"{what}: for {PATIENCE} s these workers did nothing for us: {unmarked()}. "
                "Are they busy with another's work?"
            )
        time.sleep(GLANCE / 10)

    def look() -> None:
        if any(mark.status == "cancelled" for mark in marks.values()):
            raise PipelineError(
                f"the scheduler was lost while {what} trained: start it again, and this too"
            )
        if lost := unmarked():
            raise PipelineError(
                f"a worker was lost while {what} trained ({lost}): run `dvc repro` again; "
                "if it is lost again, raise run.worker_memory"
            )

    outcome: Future[Result] = Future()

    def work() -> None:
        try:
            outcome.set_result(train())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=work, name=what, daemon=True).start()
    while not wait([outcome], timeout=GLANCE).done:
        look()
    if outcome.exception() is not None:  # a torn connection is seen before the worker's end is
        until = time.monotonic() + GRACE
        while time.monotonic() < until:
            look()
            time.sleep(GLANCE)
    with refusals(what):
        return outcome.result()
