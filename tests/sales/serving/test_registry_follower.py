"""One look at a registry after another: what is brought, told, and tried again."""

import logging
import time

import pytest

from sales.errors import PipelineError
from sales.serving import contact, registry_follower
from sales.serving.mlflow_server import AwayError, Version
from sales.serving.registry_follower import Follower

ONE, TWO = ({"champion": Version(number, "r", "m", str(number))} for number in (1, 2))


class Scripted:
    """A registry, or the downloads of one, that does what it is told to do next."""

    name = "scripted"
    on_trial = ""

    def __init__(self) -> None:
        self.holds: object = ONE
        self.lacks: object = []
        self.brought: list[object] = []

    def holders(self):
        return _done(self.holds)

    def bring(self, _, wanted):
        self.brought.append(wanted)
        return _done(self.lacks)


def _done(what):
    if isinstance(what, Exception):
        raise what
    return what


@pytest.fixture
def scripted(tmp_path, monkeypatch):
    scripted = Scripted()
    clock = {"now": 1000.0}
    monkeypatch.setattr(registry_follower.time, "monotonic", lambda: clock["now"])
    scripted.clock = clock
    scripted.follower = Follower(scripted, scripted, tmp_path / "registry.json", 10)
    scripted.told = lambda: contact.read(tmp_path / "registry.json")
    return scripted


def test_what_was_brought_is_not_brought_again(scripted):
    for held, brought in ((ONE, [ONE]), (ONE, [ONE]), (TWO, [ONE, TWO]), (TWO, [ONE, TWO])):
        scripted.holds = held
        scripted.follower.look()
        scripted.clock["now"] += 1e6
        assert scripted.brought == brought
    assert scripted.told() == contact.WELL


def test_another_trial_is_brought_though_the_versions_are_the_same(scripted):
    for told, brought in (("", 1), ("a", 2), ("a", 2), ("b", 3), ("", 4)):
        scripted.on_trial = told
        scripted.follower.look()
        assert len(scripted.brought) == brought


def test_since_when_it_is_away_is_told_until_it_is_back(scripted, caplog):
    scripted.follower.look()
    before = time.time()
    with caplog.at_level(logging.INFO, "registry"):
        for _ in range(3):
            scripted.holds = AwayError("nobody answers")
            scripted.follower.look()
        told = scripted.told()
        assert before <= told.away_since <= time.time()
        assert told.away_why == "nobody answers"
        assert caplog.text.count("nobody answers") == 1
        scripted.holds = AwayError("asks who this is (401)")
        scripted.follower.look()
        assert scripted.told().away_since == told.away_since
        assert scripted.told().away_why == "asks who this is (401)"
        scripted.holds = ONE
        scripted.follower.look()
        assert scripted.told() == contact.WELL
        assert "can be asked again" in caplog.text
    assert scripted.brought == [ONE]


@pytest.mark.parametrize(
    "trouble",
    [
        ["no challenger: lost"],
        PipelineError("another hash"),
        OSError(28, "No space left on device"),
        RuntimeError("a defect"),
    ],
)
def test_what_could_not_be_had_is_told_and_tried_again_after_a_while(scripted, trouble):
    scripted.lacks = trouble
    scripted.follower.look()
    told = scripted.told()
    assert told.behind_since
    assert told.behind_why
    assert told.away_since is None
    for seconds, tries in ((59, 1), (2, 2)):
        scripted.clock["now"] += seconds
        scripted.follower.look()
        assert len(scripted.brought) == tries
    assert scripted.told() == told  # since the first time
    scripted.lacks = []
    scripted.holds = TWO  # what is new is not waited for
    scripted.follower.look()
    assert scripted.told() == contact.WELL


def test_a_registry_that_goes_away_in_the_middle_is_asked_at_the_next_look(scripted):
    scripted.lacks = AwayError("cut off")
    scripted.follower.look()
    assert scripted.told().away_why == "cut off"
    assert scripted.told().behind_since is None
    scripted.lacks = []
    scripted.follower.look()
    assert scripted.brought == [ONE, ONE]
    assert scripted.told() == contact.WELL


def test_one_that_takes_the_place_of_another_takes_over_what_that_told(scripted, tmp_path):
    path = tmp_path / "registry.json"
    contact.write(path, contact.Contact(away_since=5.0, away_why="it has ended"))
    scripted.holds = AwayError("nobody answers")
    Follower(scripted, scripted, path, 10).look()
    assert scripted.told() == contact.Contact(away_since=5.0, away_why="nobody answers")
    scripted.holds = ONE
    Follower(scripted, scripted, path, 10).look()
    assert scripted.told() == contact.WELL


def test_a_full_disk_does_not_end_it(scripted, tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(contact, "write", full)
    scripted.follower.look()
    assert "the workers cannot be told how the registry is" in caplog.text
