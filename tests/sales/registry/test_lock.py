"""One process at a time changes the standing."""

import os
import threading
import time

import pytest

from sales.errors import PipelineError
from sales.registry.lock import locked
from tests import patience


def test_a_taken_lock_names_its_holder(tmp_path):
    folder = tmp_path / "state"
    with (
        locked(folder),
        pytest.raises(PipelineError) as caught,
        locked(folder, 0.2),
    ):
        pass
    assert f"in use by process {os.getpid()}" in str(caught.value)


def test_a_lock_that_comes_free_is_taken(tmp_path):
    folder, taken = tmp_path / "state", threading.Event()

    def hold():
        with locked(folder):
            taken.set()
            time.sleep(0.5)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    with locked(folder, patience.SECONDS):
        holder.join(patience.SECONDS)
        assert not holder.is_alive()
