"""How long a test waits for what must happen, before it says that it does not.

A test waits for an event, never for a time, so this is no measure of anything: it is the end of a
wait that would otherwise never end, and ten times what the slowest takes on two idle cores. The
one setting for all of them is the variable TEST_PATIENCE, in seconds.
"""

import os
import time
from collections.abc import Callable

import httpx
from hypothesis import HealthCheck, settings

SECONDS = float(os.environ.get("TEST_PATIENCE", "1800"))


def until(holds: Callable[[], object], told: Callable[[], str] = str, every: float = 0.05) -> None:
    """Wait until the function gives something true; `told` says what there is where it never does.

    A refused connection is not true yet.
    """
    end = time.monotonic() + SECONDS
    while not _true(holds):
        assert time.monotonic() < end, f"waited for {SECONDS:g} s in vain. {told()}"
        time.sleep(every)


def _true(holds: Callable[[], object]) -> bool:
    try:
        return bool(holds())
    except httpx.TransportError:
        return False


def for_all_tests() -> None:
    """Take the ends of libraries away that a busy machine reaches.

    Hypothesis' deadline of 200 ms for an example and its health check of the time that making one
    takes; httpx' 5 seconds for an answer.
    """
    settings.register_profile(
        "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("any machine")
    for kind in ("connect", "read", "write", "pool"):
        setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, kind, SECONDS)
