"""`mlflow server` on loopback: on SQLite and a folder, with accounts, or on PostgreSQL and S3.

The first is cheap. The second is what teams have: Debian's PostgreSQL, started here as an ordinary
user (it refuses root), and moto's S3. Where one is missing the tests are skipped, saying so; not in
CI, where they must be.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests import patience
from tests.bento_server import free_port

INITDB = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # where Debian puts it
POSTGRES = [tool.parent for tool in INITDB]
BUCKET = "team"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "x"}


@dataclass
class Running:
    """A server on this machine; `start` and `stop` may alternate."""

    command: list[str]
    url: str
    ready: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Running":
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        left = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                env={**left, **quiet, **self.environment},
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self.log.parent,
            )

        def answers() -> bool:
            assert self.process
            assert self.process.poll() is None, self.log.read_text()
            return httpx.get(self.url + self.ready).status_code == 200

        patience.until(answers, self.log.read_text)
        return self

    def stop(self) -> None:
        """End it with all that it started."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(patience.SECONDS)
            self.process = None


def server(folder: Path, backend: str, artifacts: str, **environment: str) -> Running:
    """Return an MLflow server that keeps runs in a database and hands artifacts on."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", backend, "--artifacts-destination", artifacts]
    command += ["--workers", "1"]
    log = folder / "mlflow.log"
    return Running(command, f"http://127.0.0.1:{port}", "/health", log, environment)


MEMORY = Path("/dev/shm")  # noqa: S108 - a disk in memory, where the machine has one


@contextlib.contextmanager
def database(folder: Path, name: str = "mlflow.db") -> Iterator[str]:
    """Yield the address of a SQLite database in the folder, whose file lies in memory.

    A register commits hundreds of times, and SQLite waits for the disk each time: until a power cut
    would lose nothing, which no test here is about.
    """
    at = folder / name
    with contextlib.ExitStack() as gone:
        if os.access(MEMORY, os.W_OK):
            place = gone.enter_context(tempfile.TemporaryDirectory(dir=MEMORY))
            at.symlink_to(Path(place) / name)
        yield f"sqlite:///{at}"


@contextlib.contextmanager
def cheap(folder: Path) -> Iterator[Running]:
    """Start a server on SQLite and files in the folder."""
    with database(folder) as address:
        running = server(folder, address, (folder / "artifacts").as_uri())
        try:
            yield running.start()
        finally:
            running.stop()


ADMIN = ("admin", "the-admins-password")
# What many put before MLflow: a token that stands for an account, here made of its name alone.
BEARER = """
from flask import request
from mlflow.server import auth
from werkzeug.datastructures import Authorization

def authenticate():
    told = request.headers.get("Authorization", "")
    if not told.startswith("Bearer "):
        return auth.authenticate_request_basic_auth()
    name = told.removeprefix("Bearer ").removeprefix("token-of-")
    if told != f"Bearer token-of-{name}":
        return auth.make_basic_auth_response()
    return Authorization("basic", {"username": name, "password": ""})
"""


@contextlib.contextmanager
def with_accounts(folder: Path) -> Iterator[Running]:
    """Start a server as `cheap`, MLflow's own that asks who one is, with one account: ADMIN.

    By password, or by the token `token-of-<name>`. Who is known may read all and write what is
    theirs.
    """
    (folder / "bearer.py").write_text(BEARER)
    with database(folder) as address, database(folder, "accounts.db") as accounts:
        asks = {
            "default_permission": "READ",
            "database_uri": accounts,
            "admin_username": ADMIN[0],
            "admin_password": ADMIN[1],
            "authorization_function": "bearer:authenticate",
            "auth_cache_ttl_seconds": "3600",  # to hash a password for each request takes long
        }
        lines = [f"{key} = {value}" for key, value in asks.items()]
        (folder / "accounts.ini").write_text("\n".join(["[mlflow]", *lines, ""]))
        running = server(
            folder,
            address,
            (folder / "artifacts").as_uri(),
            MLFLOW_AUTH_CONFIG_PATH=str(folder / "accounts.ini"),
            PYTHONPATH=str(folder),
            **{"MLFLOW_FLASK_SERVER_SECRET_KEY": "of-its-forms"},
        )
        running.command += ["--app-name", "basic-auth"]
        try:
            yield running.start()
        finally:
            running.stop()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start PostgreSQL with an empty database; yield its address."""
    if not POSTGRES:
        missing("PostgreSQL is not installed (apt-get install postgresql)")
    root = os.geteuid() == 0
    user = pwd.getpwnam("postgres") if root else pwd.getpwuid(os.geteuid())
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path is short
    try:
        os.chown(folder, user.pw_uid, user.pw_gid)
        port = free_port()

        def run(tool: str, *words: str) -> None:
            command = [str(POSTGRES[-1] / tool), *words]
            if root:
                owner = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
                command = ["setpriv", *owner, *command]
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL
            )
            assert done.returncode == 0, done.stdout + done.stderr

        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "team", "--auth=trust", "--no-sync", "-E", "UTF8")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
        run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "team", "mlflow")
            yield f"postgresql://team@127.0.0.1:{port}/mlflow"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[str]:
    """Start moto's S3 with an empty bucket; yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    running = Running(command, f"http://127.0.0.1:{port}", "/moto-api/", folder / "s3.log")
    try:
        running.start()
        import boto3

        client = boto3.client(
            "s3",
            endpoint_url=running.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket=BUCKET)
        yield running.url
    finally:
        running.stop()


@contextlib.contextmanager
def real(folder: Path) -> Iterator[tuple[Running, str]]:
    """Start a server on PostgreSQL with artifacts in S3; yield it and the database's address."""
    with s3(folder) as endpoint, postgres() as database:
        running = server(
            folder, database, f"s3://{BUCKET}/mlflow", MLFLOW_S3_ENDPOINT_URL=endpoint, **KEYS
        )
        try:
            yield running.start(), database
        finally:
            running.stop()


def missing(what: str) -> None:
    """Skip the test, or fail it where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
