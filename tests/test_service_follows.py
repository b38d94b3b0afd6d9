"""A running service follows a promotion: all workers answer by it, and no request fails."""

import json
import shutil
import threading
import time
from pathlib import Path

import httpx
import pytest

from sales import files
from stages import champion
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER


@pytest.fixture
def link(promoted, tmp_path):
    """Return a link to the exports; beside them lie others, champion and challenger exchanged."""
    shutil.copytree(promoted, tmp_path / "one")
    shutil.copytree(promoted, tmp_path / "two")
    two = tmp_path / "two"
    (two / "champion").rename(two / "was")
    (two / "challenger").rename(two / "champion")
    (two / "was").rename(two / "challenger")
    told = files.read_json(two / "promoted.json")
    told |= {"champion": told["challenger"], "challenger": told["champion"], "fallback": None}
    files.write_json(two / "promoted.json", told)
    shutil.rmtree(two / "fallback")
    (tmp_path / "promoted").symlink_to("one")
    return tmp_path / "promoted"


def point(link, to):
    beside = link.with_name("beside")
    beside.symlink_to(to)
    beside.replace(link)


def version(url):
    """Return the version that answers, by a connection of its own: any worker may take it."""
    answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER, timeout=30)
    answered.raise_for_status()
    return answered.json()["model"]["version"]


def eventually(url, expected, times=20):
    """Wait until that many answers in a row come from the expected version."""
    deadline, in_a_row = time.monotonic() + 60, 0
    while in_a_row < times:
        in_a_row = in_a_row + 1 if version(url) == expected else 0
        assert time.monotonic() < deadline


def test_all_workers_follow_and_no_request_fails(link, tmp_path):
    process, url = serve(link, tmp_path, WORKERS="2")
    failed, done = [], threading.Event()

    def hammer():
        while not done.is_set():
            try:
                version(url)
            except httpx.HTTPError as error:
                failed.append(error)

    try:
        eventually(url, 1)
        client = threading.Thread(target=hammer)
        client.start()
        point(link, "two")
        eventually(url, 2)
        point(link, "one")
        eventually(url, 1)
        done.set()
        client.join()
        assert failed == []
        # Whoever answers by an alias that the new exports do not have gives way to the champion.
        httpx.post(f"{url}/models/load?alias=fallback").raise_for_status()
        eventually(url, 3)
        point(link, "two")
        eventually(url, 2)
        assert not httpx.get(f"{url}/models").json()["fallback_available"]
    finally:
        done.set()
        stop(process)


def test_exports_that_cannot_be_loaded_change_nothing_and_are_told_of(link, tmp_path):
    process, url = serve(link, tmp_path)
    try:
        path = tmp_path / "two" / "promoted.json"
        broken = json.loads(path.read_text())
        broken["champion"]["golden"]["prediction"] += 1
        path.write_text(json.dumps(broken))
        point(link, "two")
        deadline = time.monotonic() + 60
        while (
            "cannot be loaded: the champion answers its golden row"
            not in (tmp_path / "log").read_text()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert version(url) == 1
        point(link, "one")
        assert httpx.get(f"{url}/readyz").status_code == 200
    finally:
        stop(process)


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
