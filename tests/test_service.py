"""The service over real HTTP: `bentoml serve` with two workers on a small export."""

import asyncio
import email
import io
import itertools
import json
import math
import re
import shutil
import socket
import threading
import time

import httpx
import numpy as np
import pandas as pd
import pytest

from sales.contract import Column
from sales.errors import PipelineError
from sales.models import saved
from sales.serving import answering, explanation
from sales.serving.routes import COUNT_SECONDS
from tests import patience
from tests.bento_server import in_process, serve, stop
from tests.examples import PUBLISHED_ORDER, make_orders


@pytest.fixture(scope="module")
def url(promoted, tmp_path_factory):
    process, url = serve(promoted, tmp_path_factory.mktemp("served"), WORKERS="2")
    yield url
    stop(process)


@pytest.fixture
def client(url):
    with httpx.Client(base_url=url, timeout=patience.SECONDS) as client:
        yield client
        client.post("/models/load", params={"alias": "champion"})


def predict(client, order=PUBLISHED_ORDER):
    return client.post("/predict", json=order)


def test_health_and_probes(client):
    assert client.get("/health").json() == {"status": "ok"}
    for probe in ("/livez", "/readyz", "/metrics"):
        assert client.get(probe).status_code == 200


def test_the_published_order_is_priced_as_published(client):
    answered = predict(client)
    assert answered.status_code == 200
    assert answered.json()["predicted_total_amount"] == pytest.approx(593.97, abs=0.01)
    assert answered.json()["warnings"] == [  # of which the small export's orders know nothing
        "City: 'New York' was not in the training data",
        "State: 'NY' was not in the training data",
    ]
    info = client.get("/model-info").json()
    assert answered.json()["model"]["content_hash"] == info["content_hash"]
    assert {"source", "alias", "model_name", "version", "run_id", "model_uri", "metrics"} <= set(
        info
    )


def test_single_batch_and_evaluation_agree_to_the_last_bit(client, promoted):
    orders = make_orders(200, seed=5)
    sent = json.loads(orders.to_json(orient="records", date_format="iso", double_precision=15))
    for alias in ("champion", "challenger", "fallback"):
        client.post("/models/load", params={"alias": alias})
        expected = saved.load(promoted / alias).predict(orders).tolist()
        batch = client.post("/predict_batch", json=sent).json()
        assert batch["predictions"] == expected
        singles = [predict(client, order).json()["predicted_total_amount"] for order in sent[:20]]
        assert singles == expected[:20]
        assert np.isfinite(expected).all()


def test_every_answer_tells_the_interval_that_evaluate_measured(client, promoted):
    orders = make_orders(600)[:30]  # of those that the model learnt from
    sent = json.loads(orders.to_json(orient="records", date_format="iso", double_precision=15))
    client.post("/models/load", params={"alias": "challenger"})
    loaded = saved.load(promoted / "challenger")
    low, high = loaded.intervals.around(loaded.predict(orders))
    batch = client.post("/predict_batch", json=sent).json()["prediction_intervals"]
    assert batch == {"low": low.tolist(), "high": high.tolist(), "coverage": 0.9}
    one = predict(client, sent[7]).json()["prediction_interval"]
    assert one == {"low": low[7], "high": high[7], "coverage": 0.9}
    back = pd.read_csv(io.BytesIO(client.post("/predict_file", content=csv_of(orders)).content))
    assert list(back.columns[-3:]) == [f"PredictedTotalAmount{end}" for end in ("", "Low", "High")]
    assert back["PredictedTotalAmountLow"].to_numpy().tobytes() == low.tobytes()
    assert back["PredictedTotalAmountHigh"].to_numpy().tobytes() == high.tobytes()


def test_values_outside_of_what_training_saw_are_warned_of_and_counted(client):
    client.post("/models/load", params={"alias": "challenger"})

    def counted():
        told = client.get("/metrics").text
        lines = re.findall(r'^range_warnings_total\{alias="challenger".*\} (\S+)$', told, re.M)
        return sum(map(float, lines))

    before = counted()
    far = {**PUBLISHED_ORDER, "Quantity": 50}
    answered = predict(client, far).json()
    assert [text for text in answered["warnings"] if text.startswith("Quantity: 50 is outside 1")]
    assert answered["prediction_interval"]["holds"] is False
    many = client.post("/predict_batch", json=[PUBLISHED_ORDER, far]).json()
    assert many["prediction_intervals"]["holds"] == [True, False]
    assert client.post("/explain", json=far).json()["warnings"] == answered["warnings"]
    row = make_orders(1).assign(Quantity=60)
    client.post("/predict_file", content=csv_of(row))
    assert counted() == before + 4


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_an_order_is_explained_as_it_is_priced_to_the_last_bit(client, promoted, alias):
    client.post("/models/load", params={"alias": alias})
    for order in (PUBLISHED_ORDER, client.get("/schema").json()["example"]):
        priced, answered = predict(client, order).json(), client.post("/explain", json=order)
        assert answered.status_code == 200
        explained = answered.json()
        for key in ("predicted_total_amount", "model", "warnings"):
            assert explained[key] == priced[key]
        told = explained["contributions"]
        parts = [explained["baseline"], *(one["amount"] for one in told)]
        assert math.fsum(parts) == pytest.approx(priced["predicted_total_amount"], rel=1e-14)
        sizes = [abs(one["amount"]) for one in told]
        assert sizes == sorted(sizes, reverse=True)
        columns = saved.load(promoted / alias).featuriser.columns
        assert sorted(one["feature"] for one in told) == sorted(columns)
    values = {one["feature"]: one["value"] for one in told}
    assert (values["City"], values["Tax"]) == (order["City"], order["Tax"])


def test_a_model_too_large_to_be_explained_says_so(promoted, tmp_path, monkeypatch):
    app, _ = in_process(promoted, tmp_path)

    def refused(*_):
        raise PipelineError("a model of 9 leaves is too large to be explained")

    monkeypatch.setattr(explanation, "explain", refused)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.post("/explain", json=PUBLISHED_ORDER)

    answered = asyncio.run(ask())
    assert answered.status_code == 409
    assert answered.json()["detail"] == (
        "a model of 9 leaves is too large to be explained: switch to another model"
    )


def test_orders_priced_and_requests_refused_are_counted_over_all_workers(url):
    def counted():
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        return {
            label: sum(float(line.rpartition(" ")[2]) for line in lines if label in line)
            for label in (
                'orders_priced_total{alias="fallback"',
                'predicted_count{alias="fallback"',
                'requests_refused_total{reason="',
            )
        }

    httpx.post(f"{url}/models/load", params={"alias": "fallback"})
    time.sleep(2 * COUNT_SECONDS)  # so that the orders of other tests are counted
    before = counted()
    for _ in range(6):  # a connection each, so that both workers get some
        httpx.post(f"{url}/predict", json=PUBLISHED_ORDER)
        httpx.post(f"{url}/predict", json={})
    httpx.post(f"{url}/predict_batch", json=[PUBLISHED_ORDER] * 4)
    httpx.post(f"{url}/models/load", params={"alias": "champion"})
    expected = {
        label: before[label] + more for label, more in zip(before, (10, 10, 6), strict=True)
    }
    deadline = time.monotonic() + patience.SECONDS
    while counted() != expected and time.monotonic() < deadline:
        time.sleep(0.1)  # single orders are counted together, a little later
    assert counted() == expected


def test_models_are_listed(client):
    listed = client.get("/models").json()
    assert listed["fallback_available"] is True
    assert [m["alias"] for m in listed["registered_models"]] == [
        "champion",
        "challenger",
        "fallback",
    ]
    assert [m["active"] for m in listed["registered_models"]] == [True, False, False]
    assert listed["registered_models"][1]["metrics"] == {"test.rmse": 2.0}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("POST", "/predict", b"{}", 422, "Field required"),
        ("POST", "/predict", b"", 422, "Invalid JSON"),
        ("POST", "/predict", b'{"Category": "Bo', 422, "Invalid JSON"),
        ("POST", "/predict", b"[" * 100_000, 422, "Invalid JSON"),
        ("POST", "/predict", b"[]", 422, "Input should be an object"),
        ("POST", "/predict", b"x" * 1_000_001, 413, "the body is larger than 1 MB"),
        ("POST", "/explain", b"{}", 422, "Field required"),
        ("POST", "/explain", b'{"Category": "Bo', 422, "Invalid JSON"),
        ("POST", "/explain", b"x" * 1_000_001, 413, "the body is larger than 1 MB"),
        ("GET", "/explain", None, 405, None),
        ("POST", "/predict_batch", b"[]", 400, "Empty input list"),
        ("POST", "/predict_batch", b"{}", 422, "Input should be a valid array"),
        ("POST", "/predict_batch", b"[{}]", 422, "Field required"),
        ("POST", "/models/load?alias=best", b"", 400, "alias must be one of champion"),
        ("POST", "/models/load", b"", 400, "alias must be one of champion"),
        ("GET", "/predict", None, 405, None),
        ("GET", "/nothing", None, 404, None),
    ],
)
def test_what_is_refused(client, method, path, body, status, detail):
    answered = client.request(method, path, content=body)
    assert answered.status_code == status
    if detail:
        assert detail in json.dumps(answered.json()["detail"])


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_a_file_comes_back_priced_to_the_last_bit(client, promoted, alias, form):
    orders = make_orders(600)[:300]  # of those that the model learnt from
    expected = saved.load(promoted / alias).predict(orders)
    client.post("/models/load", params={"alias": alias})
    for written, read in ((orders.to_parquet(), pd.read_parquet), (csv_of(orders), pd.read_csv)):
        if form:
            answered = client.post("/predict_file", files={"file": ("orders", written)})
        else:
            answered = client.post("/predict_file", content=written)
        assert answered.status_code == 200
        assert answered.headers["x-model-alias"] == alias
        assert json.loads(answered.headers["x-warnings"]) == []
        back = read(io.BytesIO(answered.content))
        assert back["PredictedTotalAmount"].to_numpy().tobytes() == expected.tobytes()
        assert list(back["OrderID"]) == list(orders["OrderID"])


@pytest.mark.parametrize(
    "values", [["Müller", "東京", "😀"], [f"{n:02d}" * 100 for n in range(20)]]
)
def test_values_that_training_never_saw_are_told_in_small_ascii_headers(client, values):
    orders = make_orders(len(values)).assign(City=values)
    answered = client.post("/predict_file", content=csv_of(orders))
    assert answered.status_code == 200
    raw = answered.headers.raw
    assert sum(len(name) + len(value) + 4 for name, value in raw) < 4096
    assert all(value.isascii() for _, value in raw)
    told = json.loads(answered.headers["x-warnings"])
    assert int(answered.headers["x-warnings-count"]) >= len(values)
    assert told
    for short, value in zip(told, sorted(values), strict=False):
        assert short.startswith(f"City: '{value}"[:200])


def test_all_warnings_come_beside_the_file_for_whoever_accepts_them(client):
    values = [f"Straße {n:04d}" for n in range(900)]
    orders = make_orders(900).assign(City=values)
    named = {"x-request-id": "nightly"}
    alone = client.post("/predict_file", content=csv_of(orders), headers=named)
    headers = {"accept": "multipart/mixed, */*", **named}
    answered = client.post("/predict_file", content=csv_of(orders), headers=headers)
    message = email.message_from_bytes(
        f"Content-Type: {answered.headers['content-type']}\r\n\r\n".encode() + answered.content
    )
    told, file = message.get_payload()
    whole = json.loads(told.get_payload())
    cities = [warning for warning in whole["warnings"] if warning.startswith("City")]
    assert cities == [f"City: '{one}' was not in the training data" for one in values]
    assert answered.headers["x-warnings-count"] == str(len(whole["warnings"]))
    assert whole["model"] == predict(client).json()["model"]
    assert file.get_filename() == "scored.csv"
    assert file.get_payload(decode=True).strip() == alone.content.strip()


def csv_of(orders):
    return orders.to_csv(index=False).encode()


def test_a_file_with_bad_rows_names_them_all(client):
    orders = make_orders(20)
    orders.loc[[2, 17], "UnitPrice"] = [-1, 0]
    answered = client.post("/predict_file", content=csv_of(orders))
    assert answered.status_code == 422
    [fault] = answered.json()["detail"]
    assert fault["loc"] == ["file", "UnitPrice"]
    assert (fault["msg"], fault["rows"]) == ("below 0.01", [3, 18])


def test_a_form_without_a_file_is_refused(client):
    answered = client.post("/predict_file", files={"other": ("a.csv", b"a")})
    assert answered.status_code == 422
    assert answered.json()["detail"] == "send the file in the form's field `file`"


def test_too_many_orders_are_refused(client):
    answered = client.post("/predict_batch", json=[PUBLISHED_ORDER] * 501)
    assert answered.status_code == 413
    assert answered.json()["detail"] == "501 rows, at most 500 are taken at once"


def test_a_body_without_a_declared_length_is_cut_off(client):
    endless = itertools.repeat(b"x" * 100_000, 50)
    try:
        answered = client.post("/predict", content=endless)
    except httpx.TransportError:
        return  # the server hung up before all was sent
    assert answered.status_code == 413


def test_a_switch_reaches_every_worker_before_its_reply_and_fails_nobody(url):
    done, answers, failures = threading.Event(), [], []

    def hammer():
        with httpx.Client(base_url=url, timeout=patience.SECONDS) as client:
            while not done.is_set():
                started = time.monotonic()
                answered = predict(client)
                if answered.status_code != 200:
                    failures.append(answered.text)
                else:
                    alias = answered.json()["model"]["alias"]
                    answers.append((started, time.monotonic(), alias))

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    switches = []
    with httpx.Client(base_url=url, timeout=patience.SECONDS) as client:
        client.post("/models/load", params={"alias": "champion"})
        for thread in threads:
            thread.start()
        for alias in ("challenger", "fallback", "champion") * 4:
            begun = time.monotonic()
            assert client.post("/models/load", params={"alias": alias}).status_code == 200
            replied = time.monotonic()
            switches.append((begun, replied, alias))
            while not any(started > replied for started, _, _ in answers[-50:]):
                assert time.monotonic() < replied + patience.SECONDS
                time.sleep(0.01)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    nexts = [begun for begun, _, _ in switches[1:]] + [float("inf")]
    checked = set()
    for (_, replied, chosen), following in zip(switches, nexts, strict=True):
        for started, answered_at, alias in answers:
            if replied < started and answered_at < following:
                assert alias == chosen
                checked.add(replied)
    assert len(checked) == len(switches)


def test_the_documentation_needs_no_internet(client):
    page = client.get("/docs").text
    for file in ("static_content/swagger-ui.css", "static_content/swagger-ui-bundle.js"):
        assert f'"{file}"' in page
        assert client.get(f"/{file}").status_code == 200
    assert "http" not in page.replace("https://", "").replace("html", "")
    described = client.get("/openapi.json").json()
    assert {"/predict", "/predict_batch", "/models/load"} <= set(described["paths"])
    [example] = described["components"]["schemas"]["Order"]["examples"]
    assert predict(client, example).status_code == 200


def test_the_schema_is_that_of_the_model_that_answers(client, contract):
    asked = client.get("/schema").json()
    assert asked["alias"] == "champion"
    assert asked["target"] == "TotalAmount"
    assert asked["answer_key"] in predict(client, asked["example"]).json()
    assert asked["fields"].keys() == asked["example"].keys()
    for name, column in asked["fields"].items():
        assert Column(**column) == contract.columns[name]
    assert asked["levels"]["City"] == ["Austin", "Seattle"]
    assert asked["parts"] == {
        "OrderYear": "year",
        "OrderMonth": "month",
        "OrderDayOfWeek": "day_of_week",
    }


@pytest.mark.parametrize("alias", answering.ALIASES)
def test_how_each_model_was_evaluated(client, promoted, alias):
    told = client.get(f"/models/{alias}/evaluation").json()
    written = json.loads((promoted / "evaluation" / f"{alias}.json").read_text())
    assert told == {"alias": alias, **written}
    assert written["gate"]["verdict"] in {"passed", "refused"}


def test_an_evaluation_of_nobody(client):
    assert client.get("/models/king/evaluation").status_code == 400


def test_the_data_that_the_models_learnt_from(client, promoted):
    assert client.get("/data").json() == json.loads((promoted / "data.json").read_text())


def test_an_export_of_an_older_commit_answers_without_its_evaluation(promoted, tmp_path):
    older = tmp_path / "promoted"
    shutil.copytree(promoted, older)
    shutil.rmtree(older / "evaluation")
    (older / "data.json").unlink()
    (tmp_path / "served").mkdir()
    process, url = serve(older, tmp_path / "served")
    try:
        assert httpx.post(f"{url}/predict", json=PUBLISHED_ORDER).status_code == 200
        for path in ("/models/champion/evaluation", "/data"):
            refused = httpx.get(f"{url}{path}")
            assert refused.status_code == 404
            assert "make repro" in refused.json()["detail"]
    finally:
        stop(process)


def refuses(url):
    """Return whether a service takes no more requests, whatever its socket still accepts."""
    try:
        httpx.get(f"{url}/livez", timeout=1)
    except httpx.TransportError:
        return True
    return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_in_flight_is_finished_when_the_service_is_stopped(promoted, tmp_path, workers):
    process, url = serve(promoted, tmp_path, WORKERS=workers)
    body = json.dumps(PUBLISHED_ORDER).encode()
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=patience.SECONDS) as asking:
        asking.sendall(
            b"POST /predict HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        # It has begun to work on the request, and cannot end before the body is there.
        assert asking.recv(1000).startswith(b"HTTP/1.1 100")
        process.terminate()
        deadline = time.monotonic() + patience.SECONDS
        while not refuses(url):
            assert time.monotonic() < deadline, "it goes on as if nobody had stopped it"
            time.sleep(0.05)
        asking.sendall(body)
        with asking.makefile("rb") as answer:
            told = answer.read().decode()
    assert told.startswith("HTTP/1.1 200"), told
    assert json.loads(told.rpartition("\r\n\r\n")[2])["predicted_total_amount"] > 0
    assert process.wait(patience.SECONDS) == 0


def test_without_an_export_it_does_not_start(tmp_path):
    with pytest.raises(AssertionError, match="holds no promoted models: run `make repro`"):
        serve(tmp_path / "nothing", tmp_path)
