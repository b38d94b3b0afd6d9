"""The service for a test: `bentoml serve` in a process of its own, or its app in this one."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from sales.serving import answering, settings
from sales.serving.following import Promoted
from sales.serving.meters import Meters
from sales.serving.routes import Api
from tests import patience
from tests.examples import ROOT


def free_port() -> int:
    """Return a port that nobody uses, and that no connection is given before a server takes it.

    So it is below those from which the system gives (32768 on, of Linux), and chosen by chance, as
    another session of tests looks for one too.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def serve(
    promoted: Path,
    folder: Path,
    port: int = 0,
    within: Sequence[str] = (),
    **variables: str,
) -> tuple[subprocess.Popen, str]:
    """Start the service, on a free port if none is given; return its process and address.

    It is ready then. `within` is a command that starts it as its last words say.
    """
    port = port or free_port()
    env = {
        **os.environ,
        "PROMOTED": str(promoted),
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "OTEL_SDK_DISABLED": "true",
        "TMPDIR": str(folder),
        # Not what a person's own `make watch` and `make backtest` have found in this project.
        "WATCHED": str(folder / "watched.json"),
        "BACKTEST": str(folder / "backtest.json"),
        "MAX_BODY_MB": "1",
        "MAX_ORDERS": "500",
        **variables,
    }
    command = [sys.executable, "-m", "bentoml", "serve", "service:AmazonSales"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*within, *command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + patience.SECONDS
    while True:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return process, url
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            ended = f"exit code {process.poll()}"
            process.kill()
            raise AssertionError(f"{ended}\n{(folder / 'log').read_text()}")
        time.sleep(0.2)


@contextmanager
def made(folder: Path, log: Path, **variables: str) -> Iterator[str]:
    """Serve as `make serve` in a project's folder does, given variables; yield its address."""
    port = free_port()
    told = [f"{name}={value}" for name, value in {**variables, "PORT": str(port)}.items()]
    with log.open("w") as written:
        making = subprocess.Popen(
            ["make", "serve", *told],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )

    def ready(url: str = f"http://127.0.0.1:{port}") -> bool:
        assert making.poll() is None, log.read_text()
        return httpx.get(f"{url}/readyz").status_code == 200

    try:
        patience.until(ready, log.read_text)
        yield f"http://127.0.0.1:{port}"
    finally:
        if making.poll() is None:
            os.killpg(making.pid, signal.SIGTERM)
        making.wait(patience.SECONDS)


def in_process(promoted: Path, folder: Path, **variables: str) -> tuple[ASGIApp, Promoted]:
    """Return the service as an ASGI app of this process, and its models, loaded."""
    environ = {"PROMOTED": str(promoted), "SERVING_STATE": str(folder), **variables}
    told = settings.read(environ)
    models = Promoted(told.promoted, told.state)
    models.take(answering.load(promoted))
    return Api(told, models, lambda: Meters(CollectorRegistry())).app(), models


def stop(process: subprocess.Popen) -> None:
    """Stop the service as `kill` does; raises when it does not end."""
    process.terminate()
    try:
        process.wait(patience.SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextmanager
def asked_without_a_pause(ask: Callable[[], object]) -> Iterator[None]:
    """Ask in a thread, again and again, for as long as the block takes; no request may fail."""
    failed: list[httpx.HTTPError] = []
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            try:
                ask()
            except httpx.HTTPError as error:
                failed.append(error)

    thread = threading.Thread(target=client)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert failed == []
