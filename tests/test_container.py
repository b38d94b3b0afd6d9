"""The container, built from a Bento of this checkout's promoted models. `make test-container`.

CONTAINER_BACKEND is docker or podman. Where no registry is in reach, an image python:3.11-slim
must be there already.
"""

import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests import patience
from tests.bento_server import free_port
from tests.examples import PUBLISHED_ORDER, ROOT
from tests.followed_registry import MlflowServer

pytestmark = pytest.mark.container
BACKEND = os.environ.get("CONTAINER_BACKEND", "docker")
IMAGE = "amazon-sales:test"
MOST_BYTES = 900_000_000


def backend(*command):
    return subprocess.run([BACKEND, *command], check=True, capture_output=True, text=True).stdout


def build(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def image():
    """Build the image by the README's command; return its name."""
    build("make", "container", f"CONTAINER_BACKEND={BACKEND}", f"IMAGE={IMAGE}")
    return IMAGE


@pytest.fixture(scope="module")
def container(image):
    """Start the image; return the container's name and its address, once it is ready."""
    port = free_port()
    publish = ["-p", f"127.0.0.1:{port}:3000"]
    name = backend("run", "-d", "--rm", *publish, "-e", "ADMIN_TOKEN=secret", image).strip()
    url = f"http://127.0.0.1:{port}"
    try:
        ready = lambda: httpx.get(f"{url}/readyz").status_code == 200  # noqa: E731
        patience.until(ready, lambda: backend("logs", name))
        yield name, url
    finally:
        backend("stop", name)


def bytes_of(image):
    return int(backend("image", "inspect", "--format", "{{.Size}}", image))


def test_it_is_no_larger_than_it_must_be(image):
    assert bytes_of(image) < MOST_BYTES


def test_nothing_is_compiled_anew_at_a_start(container):
    """Python's own modules, the packages and ours were compiled once, when it was built."""
    name, _ = container
    code = """
import json, sys, uvicorn, numpy, pandas, pyarrow.parquet, lightgbm, xgboost, treelite
sys.path.insert(0, "/home/bentoml/bento/src")
import sales.serving.answering, sales.estimators.xgboost
from pathlib import Path
print(*(m.__cached__ for m in list(sys.modules.values()) if getattr(m, "__cached__", None)
        and m.__name__ != "__main__" and not Path(m.__cached__).is_file()))
"""
    assert backend("exec", name, "python", "-c", code).split() == []


def test_it_prices_the_published_order(container):
    _, url = container
    answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER).json()
    assert answered["predicted_total_amount"] == pytest.approx(593.97, abs=0.01)


def test_only_the_token_switches_models_from_outside(container):
    _, url = container
    switch = f"{url}/models/load?alias=challenger"
    assert httpx.post(switch).status_code == 401
    token = {"Authorization": "Bearer secret"}
    assert httpx.post(switch, headers=token).status_code == 200
    answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER).json()
    assert answered["model"]["alias"] == "challenger"


def test_it_runs_as_nobody_special_and_holds_only_what_serving_imports(container):
    name, _ = container
    assert backend("exec", name, "id", "-u").strip() != "0"
    code = (
        "from importlib.metadata import distributions; "
        "print(*(d.name.lower() for d in distributions()), sep='\\n')"
    )
    installed = set(backend("exec", name, "python", "-c", code).split())
    assert "bentoml" in installed
    for gone in ("gcc", "uv", "curl"):  # BentoML's own Dockerfile leaves them there
        found = [BACKEND, "exec", name, "sh", "-c", f"command -v {gone}"]
        assert subprocess.run(found, capture_output=True, check=False).returncode, gone
    strange = {"dvc", "mlflow", "mlflow-skinny", "streamlit"}
    strange |= {"matplotlib", "scikit-learn", "pandera"}
    assert not strange & installed
    held = backend("exec", name, "find", "/home/bentoml/bento/src", "-name", "*.py").splitlines()
    assert "train.py" not in {Path(file).name for file in held}


# As deploy/api.yaml and retrain.yaml run them.
CLOSED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")
SCRATCH = ("--tmpfs", "/tmp:size=1g,mode=1777")  # noqa: S108


def test_with_mlflows_client_it_follows_a_server(promoted, tmp_path):
    following = f"{IMAGE}-following"
    build(
        *("make", "container", "MLFLOW_CLIENT=1"),
        *(f"CONTAINER_BACKEND={BACKEND}", f"IMAGE={following}"),
    )
    assert bytes_of(following) < MOST_BYTES
    server = MlflowServer(tmp_path)
    try:
        for alias in ("champion", "challenger"):
            server.give("orders", **{alias: server.register("orders", promoted, alias)})
        port = free_port()
        told = {
            "MODEL_URI": "models:/orders",
            "MLFLOW_TRACKING_URI": server.url,
            "MLFLOW_TRACKING_TOKEN": "",  # as compose.yaml hands on what nobody has set
            "BENTOML_HOME": "/tmp/bentoml",  # noqa: S108
            "BENTOML_PORT": str(port),
        }
        variables = [word for key, value in told.items() for word in ("-e", f"{key}={value}")]
        alone = ["--network", "host", "--user", "1034:1034", *CLOSED, *SCRATCH]
        name = backend("run", "-d", "--rm", *alone, *variables, following).strip()
        url = f"http://127.0.0.1:{port}"

        def version():
            return httpx.post(f"{url}/predict", json=PUBLISHED_ORDER).json()["model"]["version"]

        try:
            patience.until(lambda: version() == 1, lambda: backend("logs", name))
            server.give("orders", champion="2")
            patience.until(lambda: version() == 2, lambda: backend("logs", name))
            assert httpx.get(f"{url}/readyz").json()["registry_away_since"] is None
        finally:
            backend("stop", name)
    finally:
        server.end()


def test_the_pipelines_image_runs_make_repro_and_installs_nothing():
    pipeline = "amazon-sales-pipeline:test"
    build(BACKEND, "build", "-f", "containers/pipeline.Dockerfile", "-t", pipeline, ".")
    work = ("--tmpfs", "/work:size=4g,mode=1777", "--network", "none")
    few = "sed -i 's/^  rows: [0-9].*/  rows: 20000/' params.yaml && make repro"
    alone = ["--user", "1000:1000", *CLOSED, *SCRATCH, *work]
    printed = backend("run", "--rm", *alone, pipeline, "sh", "-c", few)
    assert [line for line in printed.splitlines() if line.split()[-2:] == ["passed", "champion"]], (
        printed
    )
