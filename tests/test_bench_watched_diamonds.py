"""The diamonds of the tutorial: calm as they are, and each drift made by hand is found."""

import importlib.util

import pytest

from bench import watched_diamonds

FAINT = {"cut", "color=G"}  # nearer to what chance reaches: docs/watching.md


@pytest.fixture(scope="module")
def shares():
    if importlib.util.find_spec("plotnine") is None:
        pytest.skip("plotnine's files are not installed: `make setup`")
    return dict(watched_diamonds.shares(1, windows=6))


def test_as_they_are_nothing_alarms(shares):
    assert shares["nothing has changed"] == (0, 0)
    changes = [change.what for change in watched_diamonds.CHANGES]
    assert [*shares] == ["nothing has changed", *changes]


@pytest.mark.parametrize("change", watched_diamonds.CHANGES, ids=lambda one: one.alarm)
def test_a_drift_gives_its_alarm(shares, change):
    right, any_ = shares[change.what]
    assert right == 100 or (change.alarm in FAINT and right > 0)
    assert any_ >= right
