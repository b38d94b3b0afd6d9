"""What teams have: PostgreSQL, artifacts in S3. Two clones, many at once, all lost and back."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sales import estimators, files, params
from sales.registry import changing, history, homes, tracking
from stages import champion, register
from tests import mlflow_server, patience
from tests.at_once import AtOnce
from tests.trained_project import NAMES, boosted, copied, open_registry, train

pytestmark = pytest.mark.team

ROUNDS = int(os.environ.get("AT_ONCE_ROUNDS", "1"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start a server on PostgreSQL and S3; with it its database's address."""
    with mlflow_server.real(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def clones(server, trained, tmp_path, monkeypatch):
    """Return a function that changes into the clone of that name, made when first asked for."""
    monkeypatch.setenv(homes.TRACKING, server[0].url)
    # However slow the machine: eight ask one server with one worker.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", str(int(patience.SECONDS)))
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    for variable in ("DVC_ROOT", "DVC_EXP_NAME", "SALES_STATE"):
        monkeypatch.delenv(variable, raising=False)

    def go(clone):
        folder = tmp_path / clone
        if not folder.exists():
            copied(trained, folder)
            shutil.rmtree(folder / "state")
        monkeypatch.chdir(folder)
        return folder

    return go


def by_hand(*words):
    sys.argv = ["champion", *words]
    champion.main()


def stands():
    events = changing.events(params.read("register", tracking.RegisterParams))
    holder = open_registry().holder("champion")
    assert holder.tags["content_hash"] == history.champion(events).content_hash
    exported = files.read_json(Path("models/promoted/promoted.json"))["champion"]
    assert exported["content_hash"] == history.champion(events).content_hash
    return str(history.champion(events)), sorted(history.barred(events))


def test_two_clones_and_a_database_that_is_dropped(server, clones, capsys):
    running, database = server
    clones("a")
    boosted(10)
    register.main()
    boosted(60)
    register.main()
    assert stands()[0] == "xgboost, version 2"
    clones("b")
    boosted(10)
    by_hand("rollback", "--reason", "too low in Texas")
    rolled_back = stands()
    clones("a")
    register.main()
    assert stands() == rolled_back
    assert rolled_back[0] == "xgboost, version 1"

    running.stop()
    for sql in ("drop schema public cascade", "create schema public"):
        psql(database, sql)
    running.start()
    by_hand("rebuild")
    assert "restored: xgboost, version 1" in capsys.readouterr().out
    assert stands() == rolled_back
    register.main()
    assert stands() == rolled_back


def psql(database, sql):
    tool = mlflow_server.POSTGRES[-1] / "psql"
    subprocess.run([tool, database, "-q", "-c", sql], check=True, capture_output=True)


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    """Start what registers at once, after the server is there; end it."""
    with AtOnce(tmp_path_factory.mktemp("at_once")) as ones:
        yield ones


@pytest.mark.parametrize("number", [2, 8])
def test_registers_at_once(clones, at_once, number, capsys):
    """Each second one has another best model, so that they do not agree."""
    folders = [clones("linear"), clones("boosted")]
    boosted(60)
    clones("linear")
    train()
    table = [at_once.round(f"at_once_{number}_{turn}", folders, number) for turn in range(ROUNDS)]
    with capsys.disabled():
        sys.stdout.write("\n".join(shown(table, number)) + "\n")
    for one in table:
        assert one["failed"] == []
        assert one["told"] == number
        for moment in (one, one["next run"]):
            assert (moment["champions"], moment["lost"], moment["registered twice"]) == (1, 0, 0)
        assert (one["next run"]["twice"], one["next run"]["failed"]) == (0, "")


def shown(table, number):
    """Return what was promised and what was counted, a line each."""
    rounds = len(table)
    after = [one["next run"] for one in table]
    rows = [
        ("promised", "counted", "of"),
        ("ends well", sum(number - len(one["failed"]) for one in table), rounds * number),
        ("is told who is champion", sum(one["told"] for one in table), rounds * number),
        ("exactly one champion", sum(one["champions"] == 1 for one in table), rounds),
        ("a content hash twice, at once", sum(one["twice"] for one in table), 0),
        ("a content hash twice, after the next run", sum(one["twice"] for one in after), 0),
        ("lost events", sum(one["lost"] for one in after), 0),
        ("decided again", sum(one["decided again"] for one in table), ""),
    ]
    return [f"{number} at once, {rounds} rounds", *(f"{a:42}{b!s:>8}{c!s:>6}" for a, b, c in rows)]
