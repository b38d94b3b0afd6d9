"""What servers keep when workers are killed, the disk is full, and several share a folder.

KILLS says how many workers are killed; `make test-kills` kills fifty, and holds the loss against
SERVED_SECONDS, which here, on a machine of any speed, would be a matter of luck.
"""

import itertools
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from sales.watching import joined, parts
from tests import patience
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER
from tests.kept import kept
from tests.test_service_disk import UNSHARED, can_mount

KILLS = int(os.environ.get("KILLS", "2"))
SECONDS = 5.0 if KILLS > 2 else 1.0


class Clients:
    """Clients that ask without a pause.

    `answered` has each answer's id, with the times at which it was asked for and there.
    """

    def __init__(self, url: str) -> None:
        self.url, self.answered = url, dict[str, tuple[float, float]]()
        self._numbers = itertools.count()
        self._done = threading.Event()

    def _ask(self) -> None:
        with httpx.Client(base_url=self.url, timeout=patience.SECONDS) as client:
            while not self._done.is_set():
                named = f"row-{next(self._numbers)}"
                sent = time.time()
                try:
                    told = client.post(
                        "/predict", json=PUBLISHED_ORDER, headers={"X-Request-ID": named}
                    )
                except httpx.TransportError:  # its worker was killed
                    continue
                if told.status_code == 200:
                    self.answered[told.json()["request_id"]] = sent, time.time()

    @contextmanager
    def asking(self, many: int = 4) -> Iterator[None]:
        """Ask for as long as the block takes."""
        self._done.clear()
        threads = [threading.Thread(target=self._ask) for _ in range(many)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()


def counted(url: str, name: str) -> float:
    text = httpx.get(f"{url}/metrics").text
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M)))


def ids(address: str) -> set[str]:
    tables = [table for _, table in joined.window(address).days(["request_id"])]
    return {one for table in tables for one in table["request_id"].to_pylist()}


def test_a_worker_that_is_killed_loses_the_last_seconds_alone(promoted, tmp_path):
    address = str(tmp_path / "served")
    process, url = serve(promoted, tmp_path, SERVED=address, SERVED_SECONDS=str(SECONDS))
    clients = Clients(url)
    lost, oldests = 0, list[float]()
    try:
        for kill in range(KILLS):
            before = {*clients.answered}
            with clients.asking():
                # Not at once again: it is work for the machine that the servers need.
                patience.until(
                    lambda: ids(address) & ({*clients.answered} - before),  # noqa: B023
                    every=0.05 * SECONDS,
                )
                if KILLS > 2:
                    time.sleep(SECONDS / 2 * (kill % 7 / 7))  # at any moment between two parts
                [worker] = psutil.Process(process.pid).children()
                killed = time.time()
                worker.kill()
                worker.wait()
                there = ids(address)
                now = {one: at for one, at in clients.answered.items() if one not in before}
                missing = sorted(at for one, (_, at) in now.items() if one not in there)
                # What was answered before another row was asked for is there if that one is.
                last = max(sent for one, (sent, _) in now.items() if one in there)
                assert [at for at in missing if at < last] == []
                oldest = killed - missing[0] if missing else 0.0
                told = f"{len(now):,} answered, {len(now) - len(missing):,} kept"
                sys.stdout.write(
                    f"kill {kill + 1}: {told}, the oldest lost was answered {oldest:.2f} s before\n"
                )
                lost += len(missing)
                oldests.append(oldest)
                if KILLS > 2:
                    assert oldest <= SECONDS
                patience.until(lambda: httpx.get(f"{url}/readyz").status_code == 200)
    finally:
        stop(process)
    found = ids(address)
    assert len(clients.answered.keys() - found) == lost
    told = f"{len(clients.answered):,} rows answered, {len(found):,} kept, {lost:,} lost in {KILLS}"
    sys.stdout.write(
        f"{told} kills; the oldest lost was answered {max(oldests):.2f} s before its kill, in the "
        f"median kill {sorted(oldests)[KILLS // 2]:.2f} s: {SECONDS:g} are promised\n"
    )


def test_a_server_that_ends_keeps_all_and_two_share_a_folder(promoted, tmp_path):
    address = str(tmp_path / "served")
    servers = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        told = {"SERVED": address, "SERVED_SECONDS": "0.5", "WORKERS": "2"}
        servers.append(serve(promoted, tmp_path / name, **told))
    try:
        for round_ in range(10):
            for place, (_, url) in enumerate(servers):
                named = {"X-Request-ID": f"s{place}-{round_}"}
                httpx.post(f"{url}/predict", json=PUBLISHED_ORDER, headers=named)
            patience.until(lambda: counted(servers[0][1], "served_rows_kept_total") > 0)
        truth = [{"request_id": "s0-3", "TotalAmount": 1}, {"request_id": "s1-4", "TotalAmount": 2}]
        assert httpx.post(f"{servers[1][1]}/truths", json=truth).json() == {"kept": 2}
    finally:
        for process, _ in servers:
            stop(process)
    found = kept(address).set_index("request_id")
    assert sorted(found.index) == sorted(f"s{place}-{n}" for place in (0, 1) for n in range(10))
    assert found["truth"].dropna().to_dict() == {"s0-3": 1.0, "s1-4": 2.0}
    left = [path.name for path in (tmp_path / "served").rglob("*") if path.name.startswith(".")]
    assert left == []


def test_on_a_full_disk_all_is_answered_and_kept_when_there_is_room(promoted, tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("no leave to mount a small disk: not tried here")
    disk, hook = tmp_path / "disk", tmp_path / "room"
    disk.mkdir()
    fill = f"mount -t tmpfs -o size=1m tmpfs {disk} && head -c 1m /dev/zero > {disk}/filler"
    later = f"(while ! [ -e {hook} ]; do sleep 0.1; done; rm {disk}/filler) &"
    copied = f"cp -r {disk} {tmp_path}/out; touch {hook}3"
    copy = f"(while ! [ -e {hook}2 ]; do sleep 0.1; done; {copied}) &"
    within = [*UNSHARED, "sh", "-c", f'{fill}; {later} {copy} exec "$@"', "sh"]
    told = {"SERVED": str(disk / "served"), "SERVED_SECONDS": "0.5"}
    process, url = serve(promoted, tmp_path, within=within, **told)
    try:
        for _ in range(20):
            assert httpx.post(f"{url}/predict", json=PUBLISHED_ORDER).status_code == 200
        patience.until(lambda: counted(url, "served_rows_waiting") == 20)
        refused = httpx.post(f"{url}/truths", json=[{"request_id": "a", "TotalAmount": 1}])
        assert refused.status_code == 507
        log = (tmp_path / "log").read_text()
        assert log.count("answered rows wait for") == 1
        assert "No space left on device" in log
        hook.touch()
        patience.until(lambda: counted(url, "served_rows_kept_total") == 20)
        assert counted(url, "served_rows_waiting") == counted(url, "served_rows_lost_total") == 0
        hook.with_name("room2").touch()
        patience.until(hook.with_name("room3").exists)
    finally:
        stop(process)
    found = tmp_path / "out" / "served"
    assert len(kept(str(found))) == 20
    assert sum(1 for _ in parts.listed(str(found), parts.ROWS)) == 1


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"SERVED_SHARE": "2"}, "error: SERVED_SHARE is '2': a number from 0 to 1 is meant"),
        ({"SERVED": "nowhere://bucket/served"}, "error: nowhere://bucket/served: cannot be opened"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_at_the_start(promoted, tmp_path, variables, told):
    with pytest.raises(AssertionError, match="exit code 1") as caught:
        serve(promoted, tmp_path, **variables)
    assert told in str(caught.value)
    assert "Traceback" not in str(caught.value)
