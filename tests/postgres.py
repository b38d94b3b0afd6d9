"""PostgreSQL for a test: a server of its own on loopback, with a password, gone at its end.

Debian's package `postgresql` has the programs. Where it is missing, a test is skipped and says so;
where CI is true, it fails.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bento_server import free_port

PASSWORD = "sesame"  # noqa: S105
USER = "ann"
# Of servers that others install, the newest.
PLACES = "/usr/lib/postgresql/*/bin"
# A server for a test: nobody minds what a power cut would take from it.
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True)
class Server:
    """Where it listens; `url` names the database `shop` and no password."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return self.at(self.port)

    @staticmethod
    def at(port: int) -> str:
        """Return the address by which a proxy on another port is asked."""
        return f"postgresql://{USER}@127.0.0.1:{port}/shop"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """Start a server for a module's tests, PGPASSWORD being set."""
    with started() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        yield server


@contextmanager
def started() -> Iterator[Server]:
    """Yield a running server with the user `ann` and her database `shop`."""
    programs = _programs()
    if programs is None:
        lacking = "PostgreSQL is not on this machine: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)
    # Not in pytest's folder, which is for one user alone: the server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="postgres"))
    owner = _owner()
    if owner:
        shutil.chown(folder, owner)
    data, secret, log = folder / "data", folder / "secret", folder / "log"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    server = Server(free_port(), folder)
    settings = {**FAST, "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder)}
    options = " ".join(f"-c {key}={value}" for key, value in settings.items())
    start = [programs / "pg_ctl", "-D", data, "-l", log, "-w", "start", "-o"]
    try:
        _run(
            owner,
            *(programs / "initdb", "-D", data, "-U", USER, f"--pwfile={secret}", "--no-sync"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
        )
        _run(owner, *start, f"-p {server.port} {options}")
        try:
            create = [programs / "createdb", "-h", "127.0.0.1", "-p", server.port, "-U", USER]
            _run(owner, *create, "shop")
            yield server
        finally:
            _run(owner, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


@contextmanager
def cut(port: int, received: int, sent: int = 10**12) -> Iterator[int]:
    """Yield the port of a proxy that ends its connections once so many bytes went either way."""
    left = {"sent": sent, "received": received}

    def forward(source: socket.socket, target: socket.socket, way: str) -> None:
        try:
            while left[way] > 0 and (data := source.recv(65_536)):
                target.sendall(data)
                left[way] -= len(data)
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other way has ended already

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                near = listening.accept()[0]
            except OSError:  # closed
                return
            far = socket.create_connection(("127.0.0.1", port))
            for way in ((near, far, "sent"), (far, near, "received")):
                threading.Thread(target=forward, args=way, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def _programs() -> Path | None:
    """Return the folder of initdb and the like: on the PATH, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    places = sorted(Path("/").glob(PLACES.lstrip("/")), key=lambda p: float(p.parent.name))
    return places[-1] if places else None


def _owner() -> str | None:
    """Return who the server runs as where this is root, else None."""
    if os.geteuid():
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(owner: str | None, *words: object) -> None:
    done = subprocess.run(
        [str(word) for word in words],
        cwd="/",
        user=owner,
        env={"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD, "LC_ALL": "C"},
        # pg_ctl's server would keep a pipe open.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, [str(word) for word in words]
