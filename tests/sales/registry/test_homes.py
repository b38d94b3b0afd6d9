"""Where the registry is: by the environment alone, and without a secret in anything shown."""

from pathlib import Path

import pytest

from sales.errors import PipelineError
from sales.registry import homes


def test_nothing_set_is_the_folder_itself():
    assert homes.server({}) is None
    assert homes.server({"MLFLOW_TRACKING_URI": ""}) is None
    assert homes.folder(Path("state"), None) == Path("state")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
        ("https://ann:secret@mlflow.example.org/team", "https://mlflow.example.org/team"),
        ("postgresql://ann:secret@db/mlflow?sslmode=require", "postgresql://db/mlflow"),
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
    ],
)
def test_a_server_and_how_it_is_shown(uri, shown):
    server = homes.server({"MLFLOW_TRACKING_URI": uri})
    assert server.address == shown
    assert server.registry == server.tracking == uri.rstrip("/")
    assert "secret" not in server.slug
    assert homes.folder(Path("state"), server).parent == Path("state/servers")


def test_each_server_has_a_folder_of_its_own_whoever_asks():
    def slug(uri, registry=""):
        return homes.server({"MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": registry}).slug

    assert slug("http://ann:a@host:5000") == slug("http://bob:b@host:5000/")
    assert slug("http://host:5000") != slug("http://host:5001")
    assert slug("http://host:5000") != slug("http://host:5000", "http://other:5000")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"MLFLOW_TRACKING_URI": "databricks"}, "is not the address of an MLflow server"),
        ({"MLFLOW_TRACKING_URI": "./mlruns"}, "is not the address of an MLflow server"),
        ({"MLFLOW_REGISTRY_URI": "http://host"}, "MLFLOW_TRACKING_URI is not: set both"),
        (
            {"MLFLOW_TRACKING_URI": "http://host", "MLFLOW_REGISTRY_URI": "ftp://host"},
            "MLFLOW_REGISTRY_URI=ftp://host is not",
        ),
    ],
)
def test_what_is_no_server_is_told(environ, told):
    with pytest.raises(PipelineError, match=told):
        homes.server(environ)
