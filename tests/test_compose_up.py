"""compose.yaml as it stands: what its containers do for each other. `make test-container`.

CONTAINER_BACKEND is docker or podman, with which podman-compose reads the file. Podman without
systemd runs no health check by itself; here the test asks for each, as a timer would.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import patience
from tests.bento_server import free_port
from tests.examples import PUBLISHED_ORDER, ROOT, run_alone

pytestmark = pytest.mark.container
BACKEND = os.environ.get("CONTAINER_BACKEND", "docker")
COMPOSE = ["podman-compose"] if BACKEND == "podman" else [BACKEND, "compose"]
NAME = f"amazon-sales-test-{os.getpid()}"
IMAGE = "amazon-sales:compose"
PORTS = ("PORT", "UI_PORT", "MLFLOW_PORT", "DASK_PORT", "DASK_DASHBOARD_PORT")
# The page in its own container: a view as a browser gets it, and the price that a click brings.
LOOK = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("/opt/page/ui/app.py", default_timeout={seconds}).run()
[one] = [button for button in app.button if button.label == "Predict"]
one.click().run()
assert not app.exception and not app.error, (app.exception, app.error)
print(app.metric[0].value)
"""


class Composed:
    """The containers of compose.yaml, on free ports."""

    def __init__(self) -> None:
        self.ports = {name: str(free_port()) for name in PORTS}
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SALES_STATE")},
            **self.ports,
            **{"PWD": str(ROOT), "UID": str(os.getuid()), "GID": str(os.getgid())},
            **{"IMAGE": IMAGE, "MAX_ORDERS": "2", "DASK_WORKER_MEMORY": "1GiB"},
        }

    def compose(self, *words: str) -> None:
        command = [*COMPOSE, "-p", NAME, *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def up(self, profile: str, *services: str) -> None:
        self.compose("--profile", profile, "up", "-d", "--build", *services)

    def name(self, service: str) -> str:
        """Return the name of a service's first container."""
        return ("_" if BACKEND == "podman" else "-").join((NAME, service, "1"))

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}"

    def inspect(self, service: str, what: str) -> str:
        return run("inspect", "--format", f"{{{{{what}}}}}", self.name(service)).strip()

    def execute(self, service: str, *words: str) -> str:
        return run("exec", self.name(service), *words)

    def healthy(self, service: str) -> bool:
        """Return what the service's health check says now."""
        if BACKEND == "podman":
            check = [BACKEND, "healthcheck", "run", self.name(service)]
            return subprocess.run(check, capture_output=True, check=False).returncode == 0
        return self.inspect(service, ".State.Health.Status") == "healthy"

    def process(self, service: str) -> int:
        """Return the number of a container's first process, 0 while there is none."""
        return int(self.inspect(service, ".State.Pid"))


def run(*words: str) -> str:
    done = subprocess.run([BACKEND, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def up(profile: str, *services: str) -> Iterator[Composed]:
    one = Composed()
    try:
        one.up(profile, *services)
        yield one
    finally:
        one.compose("--profile", profile, "down", "-t", "1")


@pytest.fixture(scope="module")
def full() -> Iterator[Composed]:
    """Bring the API, the page and the MLflow UI up, once the image is built by its command."""
    command = ["make", "container", f"CONTAINER_BACKEND={BACKEND}", f"IMAGE={IMAGE}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    yield from up("full")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Composed]:
    yield from up("cluster", "scheduler", "worker")


def ready(composed: Composed) -> None:
    url = f"{composed.url('PORT')}/readyz"
    patience.until(lambda: httpx.get(url).status_code == 200, lambda: run("ps", "-a"))


def test_the_page_prices_an_order_over_the_api(full):
    ready(full)
    patience.until(lambda: httpx.get(f"{full.url('UI_PORT')}/_stcore/health").text == "ok")
    look = LOOK.format(seconds=patience.SECONDS)
    assert any(c.isdigit() for c in full.execute("page", "python", "-c", look))


def test_the_service_answers_outside_and_takes_its_limits_from_there(full):
    ready(full)
    url = full.url("PORT")
    answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER)
    assert answered.json()["predicted_total_amount"] == pytest.approx(593.97, abs=0.01)
    many = httpx.post(f"{url}/predict_batch", json=[PUBLISHED_ORDER] * 3)
    assert 400 <= many.status_code < 500
    assert "2" in str(many.json()["detail"])


def test_the_mlflow_ui_shows_the_projects_runs(full):
    url = full.url("MLFLOW_PORT")
    patience.until(lambda: httpx.get(f"{url}/health").status_code == 200)
    asked = f"{url}/ajax-api/2.0/mlflow/registered-models/search"
    [model] = httpx.get(asked).json()["registered_models"]
    assert {alias["alias"] for alias in model["aliases"]} >= {"champion"}
    assert "<html" in httpx.get(url).text


@pytest.mark.parametrize("service", ["api", "page", "mlflow"])
def test_each_is_found_healthy(full, service):
    patience.until(lambda: full.healthy(service))


def test_a_health_check_turns_and_turns_back(full):
    patience.until(lambda: full.healthy("page"))
    os.kill(full.process("page"), signal.SIGSTOP)  # it is there, and answers nobody
    try:
        patience.until(lambda: not full.healthy("page"))
    finally:
        os.kill(full.process("page"), signal.SIGCONT)
    patience.until(lambda: full.healthy("page"))


def test_what_is_killed_comes_back(full):
    ready(full)
    killed = full.process("api")
    os.kill(killed, signal.SIGKILL)
    patience.until(lambda: full.process("api") not in (0, killed))
    ready(full)
    answered = httpx.post(f"{full.url('PORT')}/predict", json=PUBLISHED_ORDER)
    assert answered.status_code == 200


def test_none_can_take_the_machine(full):
    limits = {"api": (4, 512), "page": (2, 256), "mlflow": (2, 512)}
    for service, (gib, processes) in limits.items():
        assert full.inspect(service, ".HostConfig.Memory") == str(gib * 2**30)
        assert full.inspect(service, ".HostConfig.PidsLimit") == str(processes)
        assert full.inspect(service, ".HostConfig.ReadonlyRootfs") == "true"
        [_, scratch] = full.execute(service, "df", "-m", "/tmp").splitlines()  # noqa: S108
        assert int(scratch.split()[1]) in (256, 1024)


def test_workers_read_the_projects_partitions(cluster):
    address = f"tcp://127.0.0.1:{cluster.ports['DASK_PORT']}"
    table = ROOT / "data/prepared/test.parquet"
    if not Path(table).exists():
        pytest.fail("the cluster's containers work on a project that has run: make repro")
    program = f"""
import os
from pathlib import Path
os.chdir({str(ROOT)!r})
os.environ["DASK_SCHEDULER_ADDRESS"] = {address!r}
from sales.engine import cluster, partitions
cluster.PATIENCE = {patience.SECONDS}
with cluster.started(1, "1GiB", 100) as on:
    table = partitions.of(Path({str(table)!r}))
    told = on.map(partitions.rows, [table] * 4, what="rows")
    assert told == [partitions.rows(table)] * 4, told
    print(len(on.client.nthreads()))
"""
    patience.until(lambda: cluster.healthy("scheduler") and cluster.healthy("worker"))
    [workers], _ = run_alone(program)
    assert int(workers) >= 1
