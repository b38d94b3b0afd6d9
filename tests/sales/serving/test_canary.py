"""The canary deals customers out: the same one always to the same model, in every worker."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.serving import canary
from sales.serving.canary import PARTS, Canary


@given(st.binary(max_size=4).map(str), st.integers().map(str))
def test_a_place_is_one_of_all(trial, customer):
    assert 0 <= canary.place(trial, customer) < PARTS


def test_the_shares_are_what_was_asked_for_and_a_new_trial_deals_anew():
    names = [f"CUST{number:06d}" for number in range(20_000)]
    spring, june = ([canary.place(trial, name) < 2_000 for name in names] for trial in "ab")
    for dealt in (spring, june):
        assert abs(sum(dealt) - 4_000) < 5 * 57  # five standard deviations
    both = sum(one and other for one, other in zip(spring, june, strict=True))
    assert abs(both - 800) < 5 * 28


def test_whoever_was_in_a_small_share_is_in_a_larger_one(tmp_path):
    page = Canary(tmp_path / "canary")
    page.begin(7, 5.0)
    few = {name for name in range(2_000) if page.holds("t", str(name))}
    page.set(20.0)
    more = {name for name in range(2_000) if page.holds("t", str(name))}
    assert few < more
    page.set(100)
    assert all(page.holds("t", str(name)) for name in range(100))
    page.set(0)
    assert not any(page.holds("t", str(name)) for name in range(100))


def test_what_is_set_is_seen_by_all_at_once_and_by_one_that_is_started_anew(tmp_path):
    one, other = (Canary(tmp_path / "canary") for _ in range(2))
    for page in (one, other):
        page.begin(7, 0.0)
    for percent in (5.0, 0.25, 100.0, 0.0, 20.0):
        one.set(percent)
        assert (one.percent, other.percent) == (percent, percent)
    late = Canary(tmp_path / "canary")
    assert late.percent == 0.0  # it does not know of what
    late.begin(7, 0.0)
    assert late.percent == 20.0


def test_a_share_does_not_outlive_its_trial_in_any_worker(tmp_path):
    one, other = (Canary(tmp_path / "canary") for _ in range(2))
    for page in (one, other):
        page.begin(7, 20.0)
    one.begin(8, 0.0)  # the trial has ended, as this worker knows
    assert (one.percent, other.percent) == (0.0, 0.0)
    other.begin(8, 0.0)
    one.set(3.0)
    other.begin(8, 0.0)  # as it knows already
    assert (one.percent, other.percent) == (3.0, 3.0)
    other.end()
    assert (one.percent, other.percent) == (3.0, 0.0)


def test_where_the_disk_has_no_room_the_champion_answers_all(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        page = Canary(tmp_path / "canary")
    with pytest.raises(OSError, match="No space"):
        page.set(5.0)
    assert page.percent == 0.0
    page.share()
    page.begin(7, 0.0)
    page.set(5.0)
    assert page.percent == 5.0
