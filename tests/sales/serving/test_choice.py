"""One choice of the active alias, for all who look at it."""

import errno
import os

import pytest

from sales.serving import choice


def test_a_choice_is_seen_by_all_who_look_at_the_same_file(tmp_path):
    one, other = (choice.Active(tmp_path / "active") for _ in range(2))
    assert (one.alias(), other.alias()) == ("champion", "champion")
    for alias in ("challenger", "fallback", "champion", "challenger"):
        one.choose(alias)
        assert (one.alias(), other.alias()) == (alias, alias)
    late = choice.Active(tmp_path / "active")  # a worker that is started anew
    assert late.alias() == alias


def test_where_the_disk_has_no_room_the_champion_answers_until_there_is_some(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        active = choice.Active(tmp_path / "active")
    assert active.alias() == "champion"
    assert active.alone.errno == errno.ENOSPC
    with pytest.raises(OSError, match="No space"):
        active.choose("fallback")
    assert not (tmp_path / "active").exists()
    active.share()
    assert active.alone is None
    active.choose("fallback")
    assert choice.Active(tmp_path / "active").alias() == "fallback"
