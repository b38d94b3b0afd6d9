"""What an MLflow server answers, or does not, in words for a person."""

import http.server
import json
import os
import threading

import pytest

from sales.errors import PipelineError
from sales.serving import mlflow_server
from sales.serving.mlflow_server import AwayError, RegisteredModel, Version
from tests.bento_server import free_port
from tests.examples import run_alone


@pytest.fixture
def answering(monkeypatch):
    """Return a server that answers what it is told to, by the end of the path."""
    answers = {}

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            end = self.path.partition("?")[0].rpartition("mlflow/")[2]
            status, content = answers.get(end, (404, "nothing here"))
            body = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    use(monkeypatch, f"http://me:secret@127.0.0.1:{server.server_port}")
    yield answers
    server.shutdown()
    server.server_close()


def use(monkeypatch, uri):
    for key in mlflow_server.PATIENCE:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(mlflow_server.os, "environ", os.environ)


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        (401, "You are not authenticated.", "asks who this is (401): set MLFLOW_TRACKING_TOKEN"),
        (403, "Permission denied", "does not let this user read 'orders' (403)"),
        (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "?"}, "has no registered model"),
        (200, "<html>a proxy's page</html>", "cannot be asked: "),
        (500, "broken\nat two", "answers with errors (5xx, 429)"),
        (400, {"error_code": "BAD_REQUEST", "message": "broken\nat two"}, "broken at two"),
        (200, {"registered_model": {"name": "orders"}}, "'orders' at http://127.0.0.1"),
    ],
)
def test_a_refusal_is_one_line_without_the_password(answering, status, content, why):
    answering["registered-models/get"] = status, content
    with pytest.raises(AwayError) as told:
        RegisteredModel("orders").holders()
    assert why in str(told.value)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)
    assert len(str(told.value)) < 400


def test_nobody_there_is_one_line(monkeypatch):
    use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(AwayError, match=r"http://127\.0\.0\.1:\d+ does not answer$"):
        RegisteredModel("orders").holders()


def test_one_that_keeps_silent_is_one_line(monkeypatch):
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        with pytest.raises(AwayError, match="does not answer in time"):
            RegisteredModel("orders").holders()


def test_a_version_is_asked_for_once_and_anew_when_the_model_is_another(answering):
    def holds(created):
        told = {"name": "orders", "creation_timestamp": created}
        aliases = [{"alias": "champion", "version": "3"}, {"alias": "staging", "version": "2"}]
        answering["registered-models/get"] = 200, {"registered_model": {**told, "aliases": aliases}}

    def version(content_hash):
        tags = [{"key": "content_hash", "value": content_hash}, {"key": "model", "value": "m"}]
        told = {"name": "orders", "version": "3", "run_id": "r", "tags": tags}
        answering["model-versions/get"] = 200, {"model_version": told}

    holds(1)
    version("a")
    model = RegisteredModel("orders")
    assert model.holders() == {"champion": Version(3, "r", "m", "a")}
    version("b")
    assert model.holders()["champion"].content_hash == "a"
    holds(2)  # the database was made anew
    assert model.holders()["champion"].content_hash == "b"


def test_what_is_told_of_a_version_is_asked_for_again_only_when_something_else_is_told(answering):
    def tags(**told):
        return [{"key": key, "value": value} for key, value in told.items()]

    def tells(edition, **told):
        model = {"name": "orders", "creation_timestamp": 1, "tags": tags(told=edition)}
        aliases = [{"alias": "champion", "version": "3"}]
        answering["registered-models/get"] = (
            200,
            {"registered_model": {**model, "aliases": aliases}},
        )
        told |= {"content_hash": "a", "model": "m"}
        version = {"name": "orders", "version": "3", "run_id": "r", "tags": tags(**told)}
        answering["model-versions/get"] = 200, {"model_version": version}

    tells("first", told='{"spans":', told_1="null}")
    model = RegisteredModel("orders")
    assert model.holders()["champion"].told == '{"spans":null}'
    tells("first", told='{"spans":[]}', told_1="")
    assert model.holders()["champion"].told == '{"spans":null}'
    tells("second", told='{"spans":[]}', told_1="")
    assert model.holders()["champion"] == Version(3, "r", "m", "a", '{"spans":[]}')
    tells("third", told='{"spans"')  # while it is being written
    assert model.holders()["champion"].told == ""


def test_lost_files_are_told_from_a_server_that_is_away(answering):
    told = {"registered_model": {"name": "orders"}}
    answering["registered-models/get"] = 200, told
    model, one = RegisteredModel("orders"), Version(3, "r", "m", "a")
    for ask in (model.texts, lambda of: model.model(of, mlflow_server.Path("nowhere"))):
        with pytest.raises(PipelineError, match="the files of version 3 of 'orders' cannot") as had:
            ask(one)
        assert not isinstance(had.value, AwayError)
    answering["registered-models/get"] = 403, "no"
    with pytest.raises(AwayError, match="403"):
        model.texts(one)


def test_without_mlflows_client_it_says_where_that_is():
    program = """
import sys
sys.modules["mlflow"] = None
from sales.serving import mlflow_server
try:
    mlflow_server.RegisteredModel("orders")
except mlflow_server.PipelineError as error:
    print(error)
"""
    [told], _ = run_alone(program)
    assert told == mlflow_server.NO_CLIENT
    assert "MLFLOW_CLIENT=1" in told
