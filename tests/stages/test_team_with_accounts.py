"""A server that asks who one is, by user and password or by a token: MLflow's own `basic-auth`."""

import re
import shutil
import sys

import httpx
import pytest

from sales import estimators, params
from sales.errors import run
from sales.registry import changing, homes, tracking
from sales.serving.mlflow_server import AwayError, RegisteredModel
from stages import champion, register
from tests import mlflow_server
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER, set_params
from tests.trained_project import NAME, NAMES, boosted, copied, open_registry

pytestmark = pytest.mark.team

PASSWORDS = {"ann": "anns-long-password", "bob": "bobs-long-password"}
WHO = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start the server, with accounts for ann and bob; what is there may be read by both."""
    with mlflow_server.with_accounts(tmp_path_factory.mktemp("server")) as running:
        for name, password in PASSWORDS.items():
            made = httpx.post(
                f"{running.url}/api/2.0/mlflow/users/create",
                json={"username": name, "password": password},
                auth=mlflow_server.ADMIN,
            )
            made.raise_for_status()
        yield running


@pytest.fixture
def project(server, trained, tmp_path, monkeypatch):
    """Change into a copy of the trained project that names the server, and nobody."""
    folder = tmp_path / "clone"
    copied(trained, folder)
    shutil.rmtree(folder / "state")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    monkeypatch.setenv(homes.TRACKING, server.url)
    for variable in ("DVC_ROOT", "DVC_EXP_NAME", "SALES_STATE", *WHO):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def be(monkeypatch):
    """Return a function that lets one be somebody: by password, by a token, or nobody."""

    def somebody(name="", by="password", secret=""):
        for variable in WHO:
            monkeypatch.delenv(variable, raising=False)
        if name and by == "token":
            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", secret or f"token-of-{name}")
        elif name:
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secret or PASSWORDS[name])

    return somebody


def one_line(main, capfd):
    """Return what a command says as it ends with exit code 1, in one line."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert stopped.value.code == 1
    said = [line for line in capfd.readouterr().err.splitlines() if " INFO " not in line]
    assert len(said) == 1, said
    return said[0]


def by_hand(*words):
    sys.argv = ["champion", *words]
    champion.main()


def events():
    return changing.events(params.read("register", tracking.RegisterParams))


@pytest.mark.parametrize("by", ["password", "token"])
def test_who_is_known_registers_and_who_is_not_is_told(server, project, be, by, capfd):
    set_params({"register.model_name": f"by_{by}", "register.experiment": f"by_{by}"})
    strangers = (
        (),
        ("ann", "password", "another-long-password"),
        ("ann", "token", "stolen"),
    )
    for stranger in strangers:
        be(*stranger)
        for command in (register.main, lambda: by_hand("history")):
            said = one_line(command, capfd)
            assert said.startswith(f"error: the MLflow server at {server.url} does not know you")
            assert "(401): set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME" in said
            assert "long-password" not in said
            assert "stolen" not in said

    be("ann", by)
    register.main()
    assert "champion: linear_regression, version 1" in capfd.readouterr().out
    registry = open_registry()
    assert registry.holder("champion").tags["model"] == "linear_regression"
    assert registry.client.get_run(registry.holder("champion").run_id).info.status == "FINISHED"
    before = events()

    be("bob", by)
    by_hand("history")
    assert "linear_regression, version 1" in capfd.readouterr().out
    boosted(60)  # which ann's server has not seen: to be tracked, registered, promoted
    for command in (register.main, lambda: by_hand("promote", "challenger")):
        said = one_line(command, capfd)
        assert said.startswith(f"error: the MLflow server at {server.url} does not let you do that")
        assert "(403): ask whoever runs it for leave to write" in said
    assert events() == before
    assert open_registry().holder("champion").tags["model"] == "linear_regression"


def test_a_service_follows_as_one_who_may_read(server, project, be, tmp_path):
    be("ann")
    register.main()
    be("bob")
    process, url = serve(
        tmp_path / "nowhere",
        tmp_path,
        SERVING_STATE=str(tmp_path / "serving"),
        MODEL_URI=f"models:/{NAME}",
    )
    try:
        answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER)
        assert answered.raise_for_status().json()["model"]["version"] == 1
    finally:
        stop(process)

    model = RegisteredModel(NAME)
    be("bob", "token")
    assert model.holders()["champion"].version == 1
    for stranger in ((), ("bob", "token", "stolen"), ("bob", "password", "another-long-password")):
        be(*stranger)
        with pytest.raises(
            AwayError, match=r"asks who this is \(401\): set MLFLOW_TRACKING"
        ) as told:
            model.holders()
        assert not re.search("stolen|another-long", str(told.value))
