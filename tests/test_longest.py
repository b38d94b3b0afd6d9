"""The files that are begun with are there, and stand first."""

from types import SimpleNamespace

from tests import longest
from tests.examples import ROOT


def test_each_of_them_is_there_and_once():
    assert [file for file in longest.FILES if not (ROOT / file).is_file()] == []
    assert len(set(longest.FILES)) == len(longest.FILES)


def test_they_come_first_and_within_a_file_the_order_stays():
    other, long = "tests/test_walk.py", longest.FILES[1]
    names = [f"{other}::b", f"{other}::a", f"{long}::b", f"{long}::a", f"{longest.FILES[0]}::c"]
    items = [SimpleNamespace(nodeid=name) for name in names]
    longest.first(items)
    assert [item.nodeid for item in items] == [names[4], *names[2:4], *names[:2]]
