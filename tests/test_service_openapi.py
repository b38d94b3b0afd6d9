"""The API's own document: a linter finds no error, a client made from it calls every route."""

import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from http import HTTPStatus

import httpx
import pytest

from sales import files
from sales.watching import trial_file
from tests import patience, watched
from tests.aged import FOUND
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER, ROOT
from tests.paired_rows import tried

ROW = {"file": "may.csv", "row": 3}
QUARANTINE = {
    **{"rows": 1, "left_out": ["City"], "whole": [{**ROW, "cells": {"Tax": "-1"}}]},
    "cells": [{**ROW, "column": "Tax", "value": "-1", "reason": "below 0"}],
}
REDOCLY = "@redocly/cli@2.77.0"


@pytest.fixture(scope="module")
def url(promoted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "backtest.json").write_text(json.dumps(FOUND))
    trial_file.write(str(folder / "rows"), tried())
    (folder / "watched.json").write_text(json.dumps(watched.document()))
    told = {"SERVED": str(folder / "rows"), "BACKTEST": str(folder / "backtest.json")}
    told["WATCHED"] = str(folder / "watched.json")
    exports = shutil.copytree(promoted, folder / "exports")
    picture = files.read_json(exports / "data.json")
    files.write_json(exports / "data.json", {**picture, "quarantine": QUARANTINE})
    process, url = serve(exports, folder, **told)
    yield url
    stop(process)


@pytest.fixture(scope="module")
def document(url, tmp_path_factory):
    """Return the document in a file."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(httpx.get(f"{url}/openapi.json").text)
    return path


def test_redocly_finds_no_error(document):
    env = {**os.environ, "REDOCLY_TELEMETRY": "off", "npm_config_cache": f"{ROOT}/.venv/npm"}
    npx = ["npx", "--yes", REDOCLY]

    def run(*words):
        return subprocess.run(
            [*npx, *words],
            cwd=document.parent,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    if not shutil.which("npx") or run("--version").returncode:
        message = "no npx, or no package registry in reach: the document is not linted here"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    done = run("lint", document.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Your API description is valid" in done.stdout + done.stderr
    told = json.loads(document.read_text())
    del told["components"]["schemas"]["Signature"]
    document.with_name("broken.json").write_text(json.dumps(told))
    assert run("lint", "broken.json").returncode != 0  # it would have seen one


@pytest.fixture(scope="module")
def client(document):
    """Return a package of the name `sales_client`, generated from the document."""
    folder = document.parent / "sales_client"
    words = ["generate", "--path", str(document), "--output-path", str(folder), "--meta", "none"]
    command = [sys.executable, "-m", "openapi_python_client", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    spec = importlib.util.spec_from_file_location("sales_client", folder / "__init__.py")
    sys.modules["sales_client"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == "sales_client"]:
        del sys.modules[name]


def operations(document):
    """Return the names of the operations that answer in JSON."""
    paths = json.loads(document.read_text())["paths"]
    found = [operation for path in paths.values() for operation in path.values()]
    assert all("operationId" in operation for operation in found)
    return {
        operation["operationId"]
        for operation in found
        if "application/json" in operation["responses"]["200"]["content"]
    }


def test_a_generated_client_calls_every_json_route(client, document, url):
    models = importlib.import_module("sales_client.models")
    order = models.Order.from_dict(PUBLISHED_ORDER)
    arguments = {
        "evaluation": {"alias": models.Alias.CHAMPION},
        "switch_model": {"alias": models.Alias.CHAMPION},
        "predict": {"body": order},
        "explain": {"body": order},
        "predict_batch": {"body": [order, order]},
        "deal_traffic": {"body": models.Share.from_dict({"challenger": 0})},
        "truths": {"body": [models.Truth.from_dict({"TotalAmount": 590.5, "request_id": "a"})]},
    }
    answered = {}
    with client.Client(base_url=url, timeout=patience.SECONDS) as asking:
        for name in operations(document):
            route = importlib.import_module(f"sales_client.api.default.{name}")
            answered[name] = route.sync_detailed(client=asking, **arguments.get(name, {}))
    assert {name: each.status_code for name, each in answered.items()} == dict.fromkeys(
        operations(document), HTTPStatus.OK
    )
    for name, each in answered.items():
        assert type(each.parsed).__name__ != "Problem", name
        if name != "openapi":
            assert each.parsed.to_dict() == json.loads(each.content), name
    predicted = answered["predict"].parsed
    assert predicted.predicted_total_amount == pytest.approx(593.97, abs=0.01)
    assert predicted.prediction_interval.low < predicted.prediction_interval.high


def test_a_generated_client_reads_what_is_refused(client, url):
    route = importlib.import_module("sales_client.api.default.predict")
    models = importlib.import_module("sales_client.models")
    bad = models.Order.from_dict({**PUBLISHED_ORDER, "Quantity": -1})
    with client.Client(base_url=url, timeout=patience.SECONDS) as asking:
        answered = route.sync_detailed(client=asking, body=bad)
    assert answered.status_code == 422
    [fault] = answered.parsed.detail
    assert fault.loc == ["body", "Quantity"]
