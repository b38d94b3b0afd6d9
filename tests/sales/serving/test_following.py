"""What a worker tells of the registry that another process asks for it."""

import pytest

from sales.serving import answering, contact
from sales.serving.contact import Contact
from sales.serving.following import Promoted

WELL = {"status": "ready", "version": "1"}


@pytest.fixture
def told():
    """Return what the gauges were told."""
    return []


@pytest.fixture
def models(promoted, tmp_path, told):
    """Return the models of this process."""
    models = Promoted(
        promoted,
        tmp_path,
        lambda since: told.append(("behind", since)),
        lambda since: told.append(("away", since)),
    )
    models.take(answering.load(promoted))
    return models


def hears(models, tmp_path, **what):
    """Return what /readyz says, but for what is not wrong, once the other process has told that."""
    contact.write(tmp_path / contact.FILE, Contact(**what))
    models.hear()
    return {key: value for key, value in models.condition().items() if value}


def test_without_a_registry_nothing_is_told(models, told):
    models.hear()
    assert told == []
    assert models.condition() == {
        **WELL,
        "behind_since": None,
        "behind_why": None,
        "registry_away_since": None,
        "registry_away_why": None,
        "cannot_switch": None,
    }


def test_since_when_it_is_away_and_that_it_is_back(models, told, tmp_path):
    for _ in range(2):
        assert hears(models, tmp_path, away_since=86_400.0, away_why="nobody answers") == {
            **WELL,
            "registry_away_since": "1970-01-02T00:00:00+00:00",
            "registry_away_why": "nobody answers",
        }
    assert told == [("away", 86_400.0), ("behind", None)]
    assert hears(models, tmp_path) == WELL
    assert told[2:] == [("away", None), ("behind", None)]


def test_what_could_not_be_downloaded_is_behind_as_what_cannot_be_loaded_is(models, told, tmp_path):
    assert hears(models, tmp_path, behind_since=86_400.0, behind_why="another hash") == {
        **WELL,
        "behind_since": "1970-01-02T00:00:00+00:00",
        "behind_why": "another hash",
    }
    assert told == [("away", None), ("behind", 86_400.0)]
    # Its own loading, which fails and heals, leaves what the other process told.
    models.folder = tmp_path / "nowhere"
    models.look((0, 0))
    assert models.condition()["behind_why"] != "another hash"
    models.folder.mkdir()
    (models.folder / "promoted.json").write_text("{}")
    models.look(answering.stamp(models.folder))
    assert models.condition()["behind_why"] == "another hash"
    assert told[-1] == ("behind", 86_400.0)
