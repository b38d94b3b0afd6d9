"""Schemathesis against the service's own OpenAPI document: no 5xx, nothing undocumented."""

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from tests.bento_server import serve, stop


@pytest.fixture(scope="module")
def api(promoted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    process, url = serve(promoted, folder, SERVED=str(folder / "rows"))
    yield schemathesis.openapi.from_url(f"{url}/openapi.json")
    stop(process)


OPERATIONS = [
    *(("GET", path) for path in ("/health", "/livez", "/healthz", "/readyz", "/metrics")),
    *(("GET", path) for path in ("/model-info", "/models", "/schema", "/data", "/quarantine")),
    *(("GET", path) for path in ("/kept", "/backtest", "/traffic", "/trial", "/watch")),
    *(("GET", path) for path in ("/docs", "/openapi.json")),
    ("GET", "/models/{alias}/evaluation"),
    *(("POST", path) for path in ("/models/load", "/predict", "/predict_batch", "/predict_file")),
    *(("POST", path) for path in ("/explain", "/truths", "/traffic")),
]


def test_no_operation_is_left_out(api):
    described = api.raw_schema["paths"]
    assert {(m.upper(), path) for path in described for m in described[path]} == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_answer_to_what_is_described_is_a_documented_one(api, method, path):
    explore(api[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))


@pytest.mark.parametrize(
    "path", ["/models/load", "/predict", "/predict_batch", "/explain", "/truths", "/traffic"]
)
def test_an_answer_to_anything_else_is_a_documented_one(api, path):
    explore(api[path]["POST"].as_strategy(generation_mode=GenerationMode.NEGATIVE))


def explore(strategy):
    @given(case=strategy)
    @settings(max_examples=100, deadline=None, derandomize=True)
    def tried(case):
        case.call_and_validate(
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ]
        )

    tried()
