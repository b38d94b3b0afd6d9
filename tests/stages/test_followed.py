"""What `register` and `champion` leave in MLflow is all that a service needs to follow them."""

from pathlib import Path

import pytest

from sales import files
from sales.serving import answering, on_trial
from sales.serving.downloads import Downloads
from sales.serving.mlflow_server import PATIENCE, RegisteredModel
from stages import champion, register, trial
from tests.examples import set_params
from tests.trained_project import NAME, boosted

PROMOTED = Path("models/promoted")


@pytest.fixture
def followed(three, monkeypatch):
    """Return what follows the project's registry from a folder elsewhere."""
    for key in PATIENCE:
        monkeypatch.setenv(key, PATIENCE[key])

    def look() -> dict[str, answering.Served]:
        database = Path("state/registry/mlflow.db").resolve()  # each change makes another one
        with monkeypatch.context() as there:  # here no server is shared
            there.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
            model, downloads = RegisteredModel(NAME), Downloads(three / "elsewhere")
            assert downloads.bring(model, model.holders()) == []
        return answering.load(downloads.link)

    return look


def of_the_model(entry):
    """Return an entry without what it learnt from, which is the history's: no service asks."""
    return {key: told for key, told in entry.items() if key not in ("data", "learnt_from")}


def decide(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["champion", *words])
    champion.main()


def test_a_follower_has_what_is_exported_here(followed, monkeypatch):
    for words in (None, ["promote", "challenger"], ["rollback"]):
        if words:
            decide(monkeypatch, *words)
        theirs, ours = followed(), answering.load(PROMOTED)
        assert set(theirs) == set(ours)
        for alias, one in theirs.items():
            assert one.entry == of_the_model(ours[alias].entry)
            # A run tells of the others as they were judged when it was tracked.
            told, here = dict(one.evaluation), dict(ours[alias].evaluation)
            assert told.pop("judged")["models"].keys() == here.pop("judged")["models"].keys()
            assert told == here
            assert one.evaluation["decision"]["reason"]
        elsewhere = Path("elsewhere/promoted")
        data = files.read_json(PROMOTED / "data.json")
        assert data["spans"][0]["first_seen"]
        assert files.read_json(elsewhere / "data.json") == data
        assert {path.name for path in (elsewhere / "cards").iterdir()} == {
            path.name for path in (PROMOTED / "cards").iterdir()
        }


def test_what_was_restored_can_be_followed(followed, monkeypatch):
    Path("state/registry/mlflow.db").unlink()
    decide(monkeypatch, "rebuild")
    theirs, ours = followed(), answering.load(PROMOTED)
    assert set(theirs) == set(ours)
    for alias, one in theirs.items():  # the run is another one, its first is lost
        found = {**one.entry, "run_id": ours[alias].entry["run_id"]}
        assert found == of_the_model(ours[alias].entry)


def test_a_decision_on_the_same_model_is_followed_too(followed, monkeypatch):
    """The challenger stays, and is compared anew: only what is told of it is another thing."""
    before = followed()["challenger"]
    set_params({"register.min_improvement_pct": 99.0})
    boosted(60)
    register.main()
    theirs, ours = followed()["challenger"], answering.load(PROMOTED)["challenger"]
    assert theirs.entry == before.entry
    assert theirs.evaluation["decision"] == ours.evaluation["decision"]
    assert theirs.evaluation["decision"] != before.evaluation["decision"]


def test_a_follower_follows_the_trial(followed, monkeypatch):
    monkeypatch.setenv("SERVED", "state/served")
    for words, share in (
        (["--name", "spring", "--share", "20"], 20.0),
        (["--name", "spring", "--share", "5"], 5.0),
        (["--end"], 0.0),
    ):
        monkeypatch.setattr("sys.argv", ["trial", *words])
        trial.main()
        followed()
        told = on_trial.read(Path("elsewhere/promoted"))
        assert told == on_trial.read(PROMOTED)
        assert told.trial.share_pct == share
