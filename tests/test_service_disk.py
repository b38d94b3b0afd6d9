"""The service where the disk has no room for its state: it answers, and says what it cannot do."""

import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests import patience
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER

UNSHARED = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-rm"]
DISKS = {
    "full": "mount -t tmpfs -o size=64k tmpfs {0} && head -c 64k /dev/zero > {0}/filler; true",
    "readonly": "mount -t tmpfs -o size=64k,ro tmpfs {0}",
}


def can_mount(folder: Path) -> bool:
    """Return whether one may mount a small disk on a folder."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(folder)]
    return bool(shutil.which("unshare")) and not (
        subprocess.run([*UNSHARED, *mount], capture_output=True, check=False).returncode
    )


@pytest.fixture(scope="module", autouse=True)
def _can_mount(tmp_path_factory):
    if not can_mount(tmp_path_factory.mktemp("mounted")):
        pytest.skip("no leave to mount a small disk: not tried here")


def on_disk(kind: str, state: Path) -> list[str]:
    """Return a command that starts another one where `state` is such a disk."""
    mount = DISKS[kind].format(shlex.quote(str(state)))
    return [*UNSHARED, "sh", "-c", f'{mount}; exec "$@"', "sh"]


@pytest.mark.parametrize("kind", DISKS)
def test_every_prediction_is_answered_and_the_rest_is_told(promoted, tmp_path, kind):
    state = tmp_path / "state"
    state.mkdir()
    within = on_disk(kind, state)
    process, url = serve(promoted, tmp_path, within=within, WORKERS="2", SERVING_STATE=str(state))
    try:
        for _ in range(40):
            answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER, timeout=patience.SECONDS)
            assert answered.status_code == 200
            assert answered.json()["model"]["alias"] == "champion"
        assert "the champion alone answers" in httpx.get(f"{url}/readyz").json()["cannot_switch"]
        switched = httpx.post(f"{url}/models/load?alias=challenger")
        assert switched.status_code == 507
        assert "request_total" in httpx.get(f"{url}/metrics").text
        log = (tmp_path / "log").read_text()
        assert "no model can be chosen, the champion answers" in log
        assert log.count("Service AmazonSales initialized") == 2  # no worker was started again
    finally:
        stop(process)


def test_it_switches_again_as_soon_as_there_is_room(promoted, tmp_path):
    state, hook = tmp_path / "state", tmp_path / "room"
    state.mkdir()
    make_room = f"(while ! [ -e {hook} ]; do sleep 0.1; done; rm {state}/filler) &"
    command = f'{DISKS["full"].format(state)}; {make_room} exec "$@"'
    within = [*UNSHARED, "sh", "-c", command, "sh"]
    process, url = serve(promoted, tmp_path, within=within, SERVING_STATE=str(state))
    try:
        assert httpx.post(f"{url}/models/load?alias=challenger").status_code == 507
        hook.touch()
        deadline = time.monotonic() + patience.SECONDS
        while httpx.get(f"{url}/readyz").json()["cannot_switch"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert httpx.post(f"{url}/models/load?alias=challenger").status_code == 200
        answered = httpx.post(f"{url}/predict", json=PUBLISHED_ORDER)
        assert answered.json()["model"]["alias"] == "challenger"
    finally:
        stop(process)
