"""Fixtures shared by all tests."""

import os

# Threads of OpenMP that wait for one another sleep meanwhile. By default they spin: where the
# processes that share the suite have more threads than there are cores, a boosting of a quarter of
# a second then takes nine seconds of CPU. OpenMP reads it as the libraries are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sales import params
from sales.contract import Contract
from sales.models.feature_sets import FeaturizeParams
from tests import longest, once, patience
from tests.examples import ROOT, make_orders, promote
from tests.object_store import s3  # noqa: F401
from tests.postgres import postgres  # noqa: F401
from tests.small_cluster import on_dask, small_cluster  # noqa: F401
from tests.trained_project import (  # noqa: F401
    crowned,
    drawn_once,
    gated,
    registered,
    registered_once,
    three,
    trained,
)

patience.for_all_tests()
drawn_once()


def pytest_make_parametrize_id(val: object) -> str | None:
    """A case of bytes is called by its place: what is packed holds the second in which it was.

    The two processes that share the suite must find the same names.
    """
    if isinstance(val, bytes) and not (len(val) <= 40 and val.isascii()):
        return "bytes"
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    longest.first(items)


@pytest.fixture(scope="session", autouse=True)
def _once(tmp_path_factory):
    """Let what is made once lie in the folder of this run, which its processes share."""
    once.within(tmp_path_factory)


@pytest.fixture(autouse=True)
def its_own_mlflow():
    """MLflow keeps the address of its server for the whole process: no test hands its own on."""
    yield
    if mlflow := sys.modules.get("mlflow"):
        mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Return the public Kaggle file; the test is skipped, saying so, where it is absent."""
    given = os.environ.get("PUBLIC_DATA", "../shared/data/amazon_sales.csv.gz")
    path = (ROOT / given).resolve()
    if not path.is_file():
        pytest.skip(f"the public data file is not at {path} (set PUBLIC_DATA)")
    return path


@pytest.fixture(scope="session")
def orders() -> pd.DataFrame:
    """Return 400 prepared orders."""
    return make_orders(400)


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return the committed contract."""
    return params.read("contract", Contract)


@pytest.fixture(scope="session")
def featurize_params() -> FeaturizeParams:
    """Return the committed feature sets."""
    return params.read("featurize", FeaturizeParams)


@pytest.fixture(scope="session")
def promoted(_once) -> Path:
    """Return the folder of a small export: a champion, a challenger and a fallback."""
    small = {"n_estimators": 60, "learning_rate": 0.3}
    models: dict[str, tuple[str, dict[str, Any]]] = {
        "champion": ("linear_regression", {}),
        "challenger": ("xgboost", small),
        "fallback": ("linear_regression", {"digits": 5}),
    }
    return once.made("promoted", lambda folder: promote(folder, models))


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Change into an empty project folder: the committed params.yaml, no data."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "data" / "incoming").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "DVC_EXP_NAME", "SALES_STATE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
