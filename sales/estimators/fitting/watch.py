"""A training that shows its rounds, and ends when a worker is lost.

The libraries' own do not always: XGBoost and LightGBM bind each worker to its share of the rows,
and the workers to each other. Of a lost one, the others, or the client, may wait for ever; nobody
else could take its place. And to Dask a training is one task a worker: its bar shows nothing.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from distributed import Client, get_worker
from tqdm import tqdm

from sales.engine.cluster import PATIENCE, refusals
from sales.errors import PipelineError

log = logging.getLogger(__name__)
Result = TypeVar("Result")
GLANCE = 0.2  # seconds between two looks at the workers
GRACE = 5.0  # seconds after a failure in which a worker may turn out to be lost


class Rounds:
    """Called by every worker after a round, tells it to who listens: one of them, by Dask's events.

    LightGBM's callbacks are called so; XGBoost's call it.
    """

    def __init__(self, address: str) -> None:
        self.address, self.topic = address, f"rounds-{secrets.token_hex(8)}"

    def __call__(self, _: Any = None) -> None:
        """Tell of one round more."""
        worker = get_worker()
        if worker.address == self.address:
            worker.log_event(self.topic, 1)


def watched(
    client: Client,
    addresses: Sequence[str],
    what: str,
    most: int,
    train: Callable[[Rounds], Result],
    torn: Callable[[BaseException], bool] = lambda _: False,
) -> Result:
    """Return what `train` returns; raise PipelineError as soon as one of the workers is lost.

    It is given what its workers call after each round; a person at a terminal sees how many of at
    most so many are done. It runs in a thread that is left to itself where a worker is lost: it
    blocks neither us nor the process's exit.

    Once more where it ends in what `torn` says is their connections' end, and none is lost: the
    workers listen for one another wherever their machine is reached, and whoever else connects
    there, as a scan of ports does, ends the training with the libraries of today.
    """
    rounds = Rounds(addresses[0])
    with tqdm(total=most, desc=what, unit="round", leave=None, disable=None) as bar:
        client.subscribe_topic(rounds.topic, lambda _: bar.update())  # as long as the client lives
        outcome = _ended(client, addresses, what, lambda: train(rounds))
        if (error := outcome.exception()) is not None and torn(error):
            log.warning("%s: its workers lost touch, and all are there: trained once more", what)
            bar.reset()
            outcome = _ended(client, addresses, what, lambda: train(rounds))
    with refusals(what):
        return outcome.result()


def _ended(
    client: Client, addresses: Sequence[str], what: str, train: Callable[[], Result]
) -> Future[Result]:
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
    return outcome
