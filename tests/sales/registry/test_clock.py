"""The time of the history, and of a rehearsal."""

from datetime import UTC, datetime, timedelta

import pytest

from sales.errors import PipelineError
from sales.registry import clock, history


def test_it_is_the_machines_where_nobody_sets_it(monkeypatch):
    monkeypatch.delenv(clock.NOW, raising=False)
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("2027-01-31T03:00:00+00:00", "2027-01-31T03:00:00+00:00"),
        ("2027-01-31T03:00:00", "2027-01-31T03:00:00+00:00"),
        ("2027-01-31T03:00:00+05:00", "2027-01-30T22:00:00+00:00"),
        ("2027-01-31", "2027-01-31T00:00:00+00:00"),
    ],
)
def test_a_rehearsal_sets_it(monkeypatch, given, told):
    monkeypatch.setenv(clock.NOW, given)
    assert history.now() == told
    assert clock.now() - datetime.fromisoformat(told) == timedelta(0)


def test_what_is_no_time_is_told(monkeypatch):
    monkeypatch.setenv(clock.NOW, "tomorrow")
    with pytest.raises(PipelineError, match=r"SALES_NOW is no time \(.*\): tomorrow"):
        clock.now()
