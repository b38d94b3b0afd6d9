"""A running service follows a promotion: all workers answer by it, and no request fails."""

import json
import re
import shutil
import time
from pathlib import Path

import httpx
import psutil
import pytest

from sales import files
from sales.serving.following import RETRY_SECONDS
from stages import champion
from tests import patience
from tests.bento_server import asked_without_a_pause, serve, stop
from tests.examples import PUBLISHED_ORDER


@pytest.fixture
def link(promoted, tmp_path):
    """Return a link to the exports; beside them lie others, champion and challenger exchanged."""
    return linked(promoted, tmp_path)


def linked(promoted, folder):
    shutil.copytree(promoted, folder / "one")
    shutil.copytree(promoted, folder / "two")
    two = folder / "two"
    (two / "champion").rename(two / "was")
    (two / "challenger").rename(two / "champion")
    (two / "was").rename(two / "challenger")
    told = files.read_json(two / "promoted.json")
    told |= {"champion": told["challenger"], "challenger": told["champion"], "fallback": None}
    files.write_json(two / "promoted.json", told)
    shutil.rmtree(two / "fallback")
    (folder / "promoted").symlink_to("one")
    return folder / "promoted"


@pytest.fixture(scope="module")
def one_server(promoted, tmp_path_factory):
    """Start a server with one worker; return its link and its address."""
    folder = tmp_path_factory.mktemp("follows")
    link = linked(promoted, folder)
    process, url = serve(link, folder)
    yield link, url
    stop(process)


@pytest.fixture
def running(one_server):
    """Return that server's link and address, and what it logs from now on; it answers by `one`."""
    link, url = one_server
    point(link, "one")
    eventually(url, 1, times=1)
    patience.until(lambda: not httpx.get(f"{url}/readyz").json()["behind_since"])
    log = link.with_name("log")
    before = len(log.read_bytes())
    return link, url, lambda: log.read_bytes()[before:].decode()


def point(link, to):
    beside = link.with_name("beside")
    beside.symlink_to(to)
    beside.replace(link)


def version(url):
    """Return the version that answers, by a connection of its own: any worker may take it."""
    answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER, timeout=patience.SECONDS)
    answered.raise_for_status()
    return answered.json()["model"]["version"]


def eventually(url, expected, times=20):
    """Wait until that many answers in a row come from the expected version."""
    deadline, in_a_row = time.monotonic() + patience.SECONDS, 0
    while in_a_row < times:
        in_a_row = in_a_row + 1 if version(url) == expected else 0
        assert time.monotonic() < deadline


def test_all_workers_follow_and_no_request_fails(link, tmp_path):
    process, url = serve(link, tmp_path, WORKERS="2")
    try:
        eventually(url, 1)
        with asked_without_a_pause(lambda: version(url)):
            point(link, "two")
            eventually(url, 2)
            point(link, "one")
            eventually(url, 1)
        # Whoever answers by an alias that the new exports do not have gives way to the champion.
        httpx.post(f"{url}/models/load?alias=fallback").raise_for_status()
        eventually(url, 3)
        point(link, "two")
        eventually(url, 2)
        assert not httpx.get(f"{url}/models").json()["fallback_available"]
    finally:
        stop(process)


def test_exports_that_cannot_be_loaded_change_nothing_and_are_told_of(running):
    link, url, log = running
    path = link.with_name("two") / "promoted.json"
    whole = path.read_bytes()
    broken = json.loads(whole)
    broken["champion"]["golden"]["prediction"] += 1
    try:
        path.write_text(json.dumps(broken))
        point(link, "two")
        told = "cannot be loaded: the champion answers its golden row"
        patience.until(lambda: told in log(), log)
        assert version(url) == 1
        point(link, "one")
        assert httpx.get(f"{url}/readyz").status_code == 200
    finally:
        path.write_bytes(whole)


def test_what_a_person_decides_reaches_a_running_service(three, monkeypatch):
    process, url = serve(Path("models/promoted").absolute(), three)
    try:
        eventually(url, 3)
        for words, answers in ((["promote", "challenger"], 2), (["rollback"], 3)):
            monkeypatch.setattr("sys.argv", ["champion", *words])
            champion.main()
            eventually(url, answers)
    finally:
        stop(process)


@pytest.mark.parametrize("content", [b"", b'{"champion": {"ver', b"[]"])
def test_a_spoilt_promotion_is_told_once_and_since_when_and_heals(running, content):
    link, url, log = running

    def behind():
        [told] = re.findall(r"^promotion_behind_since_seconds (.*)", metrics(url), re.MULTILINE)
        return float(told)

    def eventually_behind(expected):
        told = lambda: httpx.get(f"{url}/readyz").json()["behind_since"]  # noqa: E731
        patience.until(lambda: bool(told()) == expected, every=0.1)

    path = link.with_name("two") / "promoted.json"
    whole = path.read_bytes()
    try:
        began = time.time() - 1
        assert behind() == 0
        path.write_bytes(content)
        point(link, "two")
        eventually_behind(True)
        time.sleep(1.5 * RETRY_SECONDS)  # it was tried again meanwhile
        assert version(url) == 1
        assert began < behind() < time.time()
        assert httpx.get(f"{url}/readyz").json()["behind_why"]
        assert log().count("cannot be loaded") == 1
        assert "Traceback" not in log()
    finally:
        path.write_bytes(whole)
    eventually(url, 2, times=1)
    eventually_behind(False)
    assert behind() == 0


def metrics(url):
    return httpx.get(f"{url}/metrics").text


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("spoilt", ["promoted.json", "champion/linear_regression.json"])
def test_a_spoilt_model_at_the_start_is_one_line_and_the_end(link, tmp_path, workers, spoilt):
    (tmp_path / "one" / spoilt).write_bytes(b'{"champion": {"ver')
    with pytest.raises(AssertionError) as ended:
        serve(link, tmp_path, WORKERS=workers)
    log = str(ended.value)
    assert log.startswith("exit code 1\n")
    assert len(re.findall(r"^error: .+$", log, re.MULTILINE)) == 1, log
    assert "Traceback" not in log


def test_a_worker_that_starts_anew_beside_others_waits_until_its_models_can_be_loaded(
    link, tmp_path
):
    process, url = serve(link, tmp_path)
    try:
        path = tmp_path / "one" / "promoted.json"
        whole = path.read_bytes()
        path.write_bytes(b"{")
        [worker] = psutil.Process(process.pid).children()
        worker.kill()
        deadline = time.monotonic() + patience.SECONDS
        while "this worker cannot load" not in (tmp_path / "log").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert process.poll() is None
        path.write_bytes(whole)
        while True:
            try:
                if version(url) == 1:
                    break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        stop(process)
