"""Whatever register reads or writes is in the hash by which it knows that nothing changed."""

from pathlib import Path

import pytest

from sales import estimators
from sales.registry import clock, fingerprint, history, standing
from tests.histories import day, event

NAMES = ("one", "two")
HASHES = {"one": "1", "two": "2"}
READ = (
    *("params.yaml", "sales/code.py", "stages/code.py", "data/prepared/test.parquet"),
    *("metrics/data.json", "metrics/gate.json", "metrics/two.json", "cards/one.md"),
)
PROPOSED = event("proposed", 2, 1, until=day(36_500).isoformat())
KEPT = ("mlflow.db", "history.jsonl", "registry.json", "promoted/promoted.json")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Return the standing's folder of a project in which all is settled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    for name in (*READ, "metrics/one.json", *(f"state/{name}" for name in KEPT)):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name if standing.HISTORY not in name else "")
    for link, target in (
        (standing.PROMOTED, "promoted"),
        (standing.REGISTRY_RECORD, "registry.json"),
    ):
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(Path("..", "state", target))
    history.append(Path("state") / standing.HISTORY, [PROPOSED])
    fingerprint.keep(Path("state"), HASHES)
    return Path("state")


def test_nothing_has_changed(kept):
    assert fingerprint.matches(kept, HASHES)
    Path("sales/__pycache__").mkdir()
    Path("sales/__pycache__/code.pyc").touch()
    assert fingerprint.matches(kept, HASHES)


def test_nothing_was_settled_yet(kept):
    (kept / fingerprint.FILE).unlink()
    assert not fingerprint.matches(kept, HASHES)


@pytest.mark.parametrize("name", [*READ, *(f"state/{name}" for name in KEPT)])
def test_another_file(kept, name):
    Path(name).write_text("another")
    assert not fingerprint.matches(kept, HASHES)


def test_another_model(kept):
    assert not fingerprint.matches(kept, {**HASHES, "two": "3"})


@pytest.mark.parametrize("link", [standing.PROMOTED, standing.REGISTRY_RECORD])
def test_a_lost_link(kept, link):
    link.unlink()
    assert not fingerprint.matches(kept, HASHES)


def test_time_changes_what_waits_for_approval(kept, monkeypatch):
    monkeypatch.setenv(clock.NOW, day(36_499).isoformat())
    assert fingerprint.matches(kept, HASHES)
    monkeypatch.setenv(clock.NOW, day(36_500).isoformat())
    assert not fingerprint.matches(kept, HASHES)
