"""A team's server that goes away at the n-th request of a register, a rollback and a verdict.

The request is not handed on, or it is and its answer is lost; nothing is answered afterwards. The
command then ends in one line, what is exported stays what it was, and the next register completes
what was begun: the same state as if nothing had happened. Here a sample of n is tried;
`make test-cuts` tries every one.
"""

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sales import estimators, files, params
from sales.errors import run
from sales.registry import changing, history, homes, tracking, trials
from sales.serving import on_trial
from sales.serving.mlflow_server import TRIAL
from stages import champion, register, trial
from tests import mlflow_server
from tests.cutting_proxy import CuttingProxy
from tests.paired_rows import errors, keep
from tests.trained_project import NAMES, boosted, copied, open_registry, train

pytestmark = pytest.mark.team

EVERY = int(os.environ.get("CUT_EVERY", "14"))
COMMANDS = {
    "register": (register.main, ()),
    "rollback": (champion.main, ("rollback", "--reason", "a test")),
    "verdict": (trial.main, ()),
}
ALL = [(command, how) for command in COMMANDS for how in ("never", "lost")]
SAMPLE = {("rollback", "never")}  # the others take minutes


@pytest.fixture
def proxy(tmp_path, monkeypatch):
    """Start a server of this test's own, and the proxy before it, at which the project looks."""
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for variable in ("DVC_ROOT", "DVC_EXP_NAME", "SALES_STATE"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "server"
    folder.mkdir()
    with mlflow_server.cheap(folder) as server:
        proxy = CuttingProxy(server.url)
        monkeypatch.setenv(homes.TRACKING, proxy.url)
        yield proxy
        proxy.close()


def told():
    """Return what server and exports say, by content hash: numbers of runs do not count."""
    registry = open_registry()
    events = changing.events(params.read("register", tracking.RegisterParams))
    copies = registry.copies()
    holders = {alias: registry.holder(alias) for alias in ("champion", "challenger")}
    exported = files.read_json(Path("models/promoted/promoted.json"))
    return {
        "aliases": {a: v.tags["content_hash"] if v else None for a, v in holders.items()},
        "versions": sorted(copies),
        "twice": [h for h, found in copies.items() if len(found) > 1],
        "history": [(e.what, str(e.to and e.to.content_hash)) for e in events],
        "exports": {a: (e or {}).get("content_hash") for a, e in exported.items() if a in holders},
        "barred": sorted(history.barred(events)),
        "trial": [
            registry.client.get_registered_model(registry.name).tags.get(TRIAL, ""),
            on_trial.written(trials.told(events)),
        ],
        "tags": {
            h: {k: found[0].tags.get(k) for k in ("decision", "barred", "bar_reason")}
            for h, found in copies.items()
        },
        "under way": [
            r.info.run_id
            for r in registry.client.search_runs([registry.experiment])
            if r.info.status == "RUNNING"
        ],
    }


def timeless(state):
    """Return a state without the moment of a bar, which is another one each time."""
    tags = {h: {**found, "barred": bool(found["barred"])} for h, found in state["tags"].items()}
    return {**state, "tags": tags}


@pytest.mark.parametrize(
    ("command", "how"),
    [one if one in SAMPLE else pytest.param(*one, marks=pytest.mark.cuts) for one in ALL],
)
def test_a_cut_after_every_request(proxy, trained, tmp_path, monkeypatch, capsys, command, how):
    project, pristine = tmp_path / "project", tmp_path / "pristine"
    copied(trained, project)
    monkeypatch.chdir(project)
    shutil.rmtree("state")
    boosted(10)
    register.main()
    train()
    monkeypatch.setenv("SERVED", "state/served")
    if command != "register":
        register.main()
    if command == "verdict":
        begun()
    main, words = COMMANDS[command]
    sys.argv = [command, *words]
    database, snapshot = tmp_path / "server" / "mlflow.db", tmp_path / "snapshot.db"
    copy(database, snapshot)
    os.chdir(tmp_path)
    shutil.copytree(project, pristine, symlinks=True)

    def restore():
        os.chdir(tmp_path)
        shutil.rmtree(project)
        shutil.copytree(pristine, project, symlinks=True)
        os.chdir(project)
        copy(snapshot, database)
        proxy.reset()

    restore()
    before = told()
    register.main()
    healed = [timeless(told())]  # as from before, and as from after
    restore()
    main()
    requests, seen = proxy.count, proxy.seen
    after = told()
    assert after != before
    register.main()
    healed.append(timeless(told()))
    tried, wrong, outcomes = [], [], {"before": 0, "after": 0}
    step = min(EVERY, max(1, requests // 6))
    for number in range(1, requests + 1):
        if number % step and not ("create" in seen[number - 1] and "version" in seen[number - 1]):
            continue
        tried.append(number)
        restore()
        proxy.reset(number, how)
        capsys.readouterr()
        code = 0
        try:
            run(main)
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr().err.splitlines(keepends=True)
        said = "".join(line for line in said if " INFO " not in line)  # MLflow's own account
        exported = files.content_hash(Path("models/promoted"))
        proxy.reset()
        now = told()
        moment = "after" if now["history"] == after["history"] else "before"
        outcomes[moment] += 1
        if now["history"] not in (before["history"], after["history"]):
            wrong.append([number, seen[number - 1], "a mixture", now])
        if code != 1 or said.count("\n") != 1 or "cannot be reached" not in said:
            wrong.append([number, seen[number - 1], code, said])
        # What comes after a verdict's change may be cut too.
        done = command == "verdict" and moment == "after"
        if exported != files.content_hash(pristine / "models/promoted") and not done:
            wrong.append([number, seen[number - 1], "exports were touched"])
        register.main()
        if timeless(told()) not in healed:
            wrong.append([number, seen[number - 1], "not healed", told(), healed])
    with capsys.disabled():
        sys.stdout.write(
            f"\n{command}, answer {how}: {len(tried)} of {requests} requests tried, {outcomes}, "
            f"{len(wrong)} wrong\n"
        )
    assert wrong == []
    assert len(tried) >= 5


def begun():
    """Begin a trial, whose truths speak for the challenger."""
    sys.argv = ["trial", "--name", "spring", "--share", "20"]
    trial.main()
    entries = files.read_json(Path("models/promoted/promoted.json"))
    pair = [entries[alias]["content_hash"] for alias in ("champion", "challenger")]
    keep("state/served", *pair, errors(2_000, 15), datetime.now(UTC))


def copy(source, target):
    with closing(sqlite3.connect(source)) as a, closing(sqlite3.connect(target)) as b:
        a.backup(b)
