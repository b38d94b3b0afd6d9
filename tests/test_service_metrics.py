"""What /metrics tells of requests: by route, of this server alone, and of no path in particular."""

import re
import socket
import time
import uuid

import httpx
import psutil
import pytest

from tests import patience, test_alerts
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER


@pytest.fixture(scope="module")
def url(promoted, tmp_path_factory):
    process, url = serve(promoted, tmp_path_factory.mktemp("served"), WORKERS="2")
    yield url
    stop(process)


def counted(url):
    """Return how many requests were answered, by route and status."""
    text = httpx.get(f"{url}/metrics").text
    found = re.findall(
        r'bentoml_service_request_total{endpoint="(.*)",http_response_code="(.*)"} (.*)', text
    )
    return {(route, int(status)): float(count) for route, status, count in found}


def test_requests_are_counted_by_route(url):
    before = counted(url)
    with httpx.Client(base_url=url) as client:
        for number in range(40):
            assert client.get(f"/{uuid.uuid4()}/{number}").status_code == 404
        client.post("/predict", json=PUBLISHED_ORDER)
        client.post("/predict", json={})
        client.get("/predict")
        client.get("/models/champion/evaluation")
        client.get("/models/king/evaluation")
    after = counted(url)
    more = {key: count - before.get(key, 0) for key, count in after.items() if key[0] != "/metrics"}
    assert {key: count for key, count in more.items() if count} == {
        ("(unknown)", 404): 40,
        ("/predict", 200): 1,
        ("/predict", 422): 1,
        ("/predict", 405): 1,
        ("/models/{alias}/evaluation", 200): 1,
        ("/models/{alias}/evaluation", 400): 1,
    }


def test_what_the_alerts_and_the_dashboard_name_is_told_by_a_running_service(url):
    """By name, once it has happened; of rows that are kept or lost nothing, as none are here."""
    with httpx.Client(base_url=url) as client:
        client.post("/predict", json={**PUBLISHED_ORDER, "UnitPrice": 5000.0})  # outside
        client.post("/predict", json={})

        def told():
            text = client.get("/metrics").text
            return set(re.findall(r"^([a-z_]+)(?:\{.*\})? ", text, re.M))

        patience.until(lambda: "range_warnings_total" in told() and "orders_priced_total" in told())
        found = told()
    named = {
        name for query in test_alerts.queries().values() for name in test_alerts.selectors(query)
    }
    assert len(named) > 30
    elsewhere = {"up", "served_rows_lost_total", *test_alerts.WATCH}
    assert named - elsewhere - found == set()


def test_a_second_server_in_the_folder_leaves_the_first_ones_numbers_alone(promoted, tmp_path):
    state = {"SERVING_STATE": str(tmp_path / "state"), "BENTOML_HOME": str(tmp_path / "home")}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first, url = serve(promoted, tmp_path / "one", **state)
    try:
        httpx.post(f"{url}/predict", json=PUBLISHED_ORDER)
        second, other = serve(promoted, tmp_path / "two", **state)
        try:
            httpx.post(f"{url}/predict", json=PUBLISHED_ORDER)
            assert counted(url)["/predict", 200] == 2
            assert ("/predict", 200) not in counted(other)
            assert len([*(tmp_path / "state").iterdir()]) == 2
        finally:
            stop(second)
        stop(first)
        first, url = serve(promoted, tmp_path / "one", **state)
        assert len([*(tmp_path / "state").iterdir()]) == 1  # of those that are gone nothing stays
        assert ("/predict", 200) not in counted(url)
    finally:
        stop(first)


def test_a_worker_that_is_killed_leaves_no_request_in_progress(promoted, tmp_path):
    process, url = serve(promoted, tmp_path)
    worked_on = 'bentoml_service_request_in_progress{endpoint="/predict"} 1.0'
    deadline = time.monotonic() + patience.SECONDS

    def told():
        try:
            return httpx.get(f"{url}/metrics").text
        except httpx.TransportError:
            return ""  # it is started anew

    try:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as asking:
            asking.sendall(b"POST /predict HTTP/1.1\r\nHost: api\r\nContent-Length: 9\r\n\r\n{")
            while worked_on not in told():
                assert time.monotonic() < deadline
            for worker in psutil.Process(process.pid).children():
                worker.kill()
        while not (text := told()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert worked_on not in text
    finally:
        stop(process)
