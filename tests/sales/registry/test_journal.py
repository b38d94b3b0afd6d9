"""The order of a shared history: of all who write at one moment, one is first, for everybody."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.errors import PipelineError
from sales.registry import journal
from sales.registry.history import Event, Who
from sales.registry.journal import Entry


def entry(number, seen, name="", position=None):
    return Entry(number=number, id=name or f"id{number}", seen=seen, position=position, events=())


def numbers(entries):
    return [(one.number, one.position) for one in journal.counted(entries)]


def test_one_after_another_all_count():
    assert numbers([entry(1, 0), entry(2, 1), entry(3, 2)]) == [(1, 1), (2, 2), (3, 3)]


def test_who_has_not_seen_the_last_one_does_not_count_and_is_in_nobodys_way():
    told = [entry(1, 0), entry(2, 1), entry(3, 1), entry(4, 2)]
    assert numbers(told) == [(1, 1), (2, 2), (4, 4)]


def test_what_is_there_twice_counts_once():
    assert numbers([entry(1, 0, "a"), entry(2, 0, "a"), entry(3, 1, "b")]) == [(1, 1), (3, 3)]


def test_one_that_a_person_deleted_does_not_make_the_next_void():
    assert numbers([entry(1, 0), entry(3, 2)]) == [(1, 1), (3, 3)]


def test_what_was_lost_and_brought_back_stands_where_it_stood():
    told = [entry(1, 0), entry(4, 1), entry(5, 0, "lost", position=2), entry(6, 5)]
    assert numbers(told) == [(1, 1), (5, 2), (4, 4), (6, 6)]


def test_after_a_history_of_higher_numbers_came_back_the_next_is_the_last():
    told = [entry(1, 0, position=7), entry(2, 0, position=9), entry(3, 2)]
    assert numbers(told) == [(1, 7), (2, 9), (3, 10)]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=40), st.randoms())
def test_writers_at_once_agree_and_never_decide_on_what_they_have_not_seen(lag, shuffled):
    """Each writer has read all but the last few entries; whatever they do, the rule is kept."""
    there = []
    for number, behind in enumerate(lag, start=1):
        known = journal.counted(there[: max(0, len(there) - behind + 1)])
        seen = max((one.number for one in known), default=0)
        there.append(entry(number, seen))
    found = journal.counted(there)
    for before, after in itertools.pairwise(found):
        assert before.number <= after.seen < after.number
    mixed = list(there)
    random.Random(shuffled.random()).shuffle(mixed)  # noqa: S311
    assert journal.counted(mixed) == found


def test_a_copy_on_the_disk_is_the_same(tmp_path):
    who = Who(model="xgboost", version=1, content_hash="1" * 64)
    event = Event(when="2026-11-26T00:00:00+00:00", what="promoted", to=who, champion=who)
    told = [Entry(number=3, id="a", seen=1, position=3, events=(event,))]
    journal.keep(tmp_path / "journal.jsonl", told)
    assert journal.kept(tmp_path / "journal.jsonl") == told
    assert journal.events(told) == [event]
    (tmp_path / "journal.jsonl").write_text("{\n")
    with pytest.raises(PipelineError, match="line 1 is damaged"):
        journal.kept(tmp_path / "journal.jsonl")
    assert journal.kept(tmp_path / "none.jsonl") == []


def test_a_history_that_no_server_has_seen_is_the_same_entries_each_time():
    event = Event(when="2026-11-26T00:00:00+00:00", what="refused", reason="too | bad")
    told = journal.adopted([event, event])
    assert told == journal.adopted([event, event])
    assert len({one.id for one in told}) == 2
    assert journal.events(told) == [event, event]
    assert "refused, by the rule: too | bad" in journal.described([event])
