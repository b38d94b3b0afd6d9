"""How long a test waits is one setting for all of them, and for the libraries beneath them."""

import re

import httpx
from hypothesis import HealthCheck, settings

from tests import patience
from tests.examples import ROOT

# One second is for what must not happen: an answer of a service that has ended.
END = re.compile(r"timeout=\d\d|deadline=\d|\.(wait|join|communicate)\(\d|monotonic\(\) \+ \d")


def test_no_test_has_an_end_of_its_own():
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in path.read_text().splitlines()
        if END.search(line)
    ]
    assert found == []


def test_no_library_has_one_either():
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
    with httpx.Client() as client:
        assert client.timeout == httpx.Timeout(patience.SECONDS)
