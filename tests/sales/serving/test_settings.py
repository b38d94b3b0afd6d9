"""What the environment says of a registry to follow."""

from pathlib import Path

import pytest

from sales.errors import PipelineError
from sales.serving import settings

FOLLOWS = {"MODEL_URI": "models:/orders", "MLFLOW_TRACKING_URI": "http://mlflow"}


def test_without_one_the_exports_are_those_that_promoted_names():
    told = settings.read({"PROMOTED": "/exports"})
    assert (told.promoted, told.model_uri) == (Path("/exports"), "")


def test_with_one_they_are_its_downloads():
    told = {**FOLLOWS, "PROMOTED": "/exports", "SERVING_STATE": "/state"}
    registered = settings.registered(told)
    assert (registered.name, registered.seconds) == ("orders", 10)
    assert registered.folder.parent == Path("/state/registry")
    assert settings.read(told).promoted == registered.folder / "promoted"


def test_another_registry_is_another_folder_and_another_password_is_not():
    at = {}
    for name, changes in {
        "as it is": {},
        "another model": {"MODEL_URI": "models:/others"},
        "another server": {"MLFLOW_TRACKING_URI": "http://elsewhere"},
        "another registry": {"MLFLOW_REGISTRY_URI": "http://elsewhere/registry"},
        "a password": {"MLFLOW_TRACKING_URI": "http://me:secret@mlflow"},
    }.items():
        at[name] = settings.registered({**FOLLOWS, **changes}).folder
    assert at.pop("a password") == at["as it is"]
    assert len(set(at.values())) == 4


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"MODEL_URI": "models:/orders@champion"}, "MODEL_URI"),
        ({"MODEL_URI": "models:/orders/3"}, "MODEL_URI"),
        ({"MODEL_URI": "orders"}, "MODEL_URI"),
        ({"MLFLOW_TRACKING_URI": ""}, "MLFLOW_TRACKING_URI"),
        ({"REGISTRY_SECONDS": "ten"}, "REGISTRY_SECONDS"),
        ({"REGISTRY_SECONDS": "0"}, "REGISTRY_SECONDS"),
        ({"REGISTRY_SECONDS": "-1"}, "REGISTRY_SECONDS"),
        ({"REGISTRY_SECONDS": "nan"}, "REGISTRY_SECONDS"),
        ({"REGISTRY_SECONDS": "inf"}, "REGISTRY_SECONDS"),
    ],
)
def test_what_is_wrong_is_named(changes, named):
    with pytest.raises(PipelineError, match=named):
        settings.registered({**FOLLOWS, **changes})


@pytest.mark.parametrize(("said", "traced"), [({}, True), ({"OTEL_SDK_DISABLED": "true"}, False)])
def test_nothing_is_traced_where_opentelemetry_is_off(said, traced):
    assert settings.read(said).tracing is traced
