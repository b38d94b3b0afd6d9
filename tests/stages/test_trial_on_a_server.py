"""A trial on a team's MLflow server: what `make trial` says there, every replica that follows does.

The server is a real one, over HTTP, and so are two services that follow it, each with its own
downloads; they keep their rows in one place.
"""

import shutil
import sys
from contextlib import ExitStack

import httpx
import pytest

from sales import estimators, params
from sales.registry import changing, history, homes, tracking
from sales.serving import canary, on_trial
from sales.serving.mlflow_server import TRIAL
from stages import champion, register, trial
from tests import mlflow_server, patience
from tests.bento_server import serve, stop
from tests.examples import set_params
from tests.shop import Shop, answering_version, as_predicted, traffic
from tests.trained_project import NAMES, copied, open_registry

pytestmark = pytest.mark.team

NAME = "tried"
ROWS = 160  # asked of each replica; a verdict asks for a hundred
SECONDS = "1"  # REGISTRY_SECONDS of the services


@pytest.fixture
def server(tmp_path):
    """Start a server on SQLite and files."""
    folder = tmp_path / "server"
    folder.mkdir()
    with mlflow_server.cheap(folder) as running:
        yield running


@pytest.fixture
def project(server, trained, tmp_path, monkeypatch):
    """Change into a project that has registered linear_regression 1 and xgboost 2 there."""
    folder = tmp_path / "project"
    copied(trained, folder)
    shutil.rmtree(folder / "state")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    monkeypatch.setenv(homes.TRACKING, server.url)
    monkeypatch.setenv("SERVED", str(tmp_path / "served"))
    for variable in ("DVC_ROOT", "DVC_EXP_NAME", "SALES_STATE"):
        monkeypatch.delenv(variable, raising=False)
    set_params(
        {"register.model_name": NAME, "register.experiment": NAME}
        | {"trial.least_rows": 100, "trial.tightest_at": 200}
    )
    register.main()
    return folder


@pytest.fixture
def replicas(project, server, tmp_path):
    """Start two services that follow the server; return their addresses."""
    with ExitStack() as running:
        urls = []
        for one in ("one", "two"):
            folder = tmp_path / one
            folder.mkdir()
            process, url = serve(
                *(folder / "nowhere", folder),
                **{"MODEL_URI": f"models:/{NAME}", "REGISTRY_SECONDS": SECONDS},
                **{"MLFLOW_TRACKING_URI": server.url, "SERVED_SECONDS": "2"},
                # However slow the machine: a slow server is no server that is away.
                MLFLOW_HTTP_REQUEST_TIMEOUT=str(int(patience.SECONDS)),
            )
            running.callback(stop, process)
            urls.append(url)
        yield urls


def tries(*words):
    sys.argv = ["trial", *words]
    trial.main()


def events():
    return changing.events(params.read("register", tracking.RegisterParams))


def told_there():
    """Return what the server's tag tells of the trial, to whoever follows."""
    text = open_registry().client.get_registered_model(NAME).tags[TRIAL]
    return on_trial.parsed(text).trial


def deal(urls, share, name):
    """Wait until all replicas give the challenger a share, in a trial of that name or in none."""
    wanted = {"challenger": share, "trial": name, "answers": "both" if share else "champion"}
    for url in urls:
        patience.until(lambda url=url: traffic(url) == wanted, lambda url=url: str(traffic(url)))


def asked(urls, address, seed, expected):
    """Ask each replica for the same prices; return the rows that are kept of both.

    `expected` returns whether an order's id is the challenger's.
    """
    shops = [Shop(url, address) for url in urls]
    answers = [shop.asks(ROWS, seed) for shop in shops]
    for told in answers:
        by = {name: answer["model"]["alias"] == "challenger" for name, answer in told.items()}
        assert by == {name: expected(name) for name in told}
    patience.until(lambda: len(shops[0].until_kept(answers[0])) == 2 * ROWS, every=0.3)
    return shops[0], shops[0].until_kept(answers[0]).groupby(level=0).first()


def test_every_replica_follows_the_registrys_trial(project, replicas, capsys, tmp_path):
    address = str(tmp_path / "served")
    for url in replicas:
        answering_version(url, 1)

    # Begun: all deal alike, by the registry's share, and none otherwise.
    tries("--name", "spring", "--share", "30")
    assert (told_there().name, told_there().share_pct) == ("spring", 30.0)
    deal(replicas, 30.0, "spring")
    refused = httpx.post(f"{replicas[0]}/traffic", json={"challenger": 50})
    assert refused.status_code == 409
    assert "make trial NAME=spring SHARE=" in refused.json()["detail"]
    shop, rows = asked(*(replicas, address, 31), lambda name: canary.place("spring", name) < 3_000)
    assert {*rows["alias"]} == {"champion", "challenger"}

    # Another share, in all of them.
    tries("--name", "spring", "--share", "60")
    deal(replicas, 60.0, "spring")

    # What came true is what the challenger had said: it is promoted, and answers everywhere.
    shop.truths(as_predicted(rows, "challenger"))
    capsys.readouterr()
    tries()
    said = capsys.readouterr().out
    assert "better: champion: xgboost, version 2" in said
    assert told_there().outcome == "better"
    for url in replicas:
        answering_version(url, 2)
    deal(replicas, 0.0, None)
    shown = [httpx.get(f"{url}/trial").json() for url in replicas]
    assert shown[0] == shown[1]
    assert (shown[0]["name"], shown[0]["outcome"]) == ("spring", "better")
    assert shown[0]["rows"] > ROWS  # of both replicas

    # The one before is tried against it, is worse, and answers nobody from then on.
    tries("--name", "june", "--share", "40")
    deal(replicas, 40.0, "june")
    shop, rows = asked(*(replicas, address, 32), lambda name: canary.place("june", name) < 4_000)
    shop.truths(as_predicted(rows, "champion"))
    tries()
    assert "worse: xgboost, version 2 stays champion" in capsys.readouterr().out
    deal(replicas, 0.0, None)
    for url in replicas:
        barred = httpx.post(f"{url}/traffic", json={"challenger": 5})
        assert barred.status_code == 409
        assert "was worse in the trial 'june'" in barred.json()["detail"]

    # A person ends the next one; until then the same challenger may answer again.
    tries("--name", "july", "--share", "20")
    deal(replicas, 20.0, "july")
    tries("--end", "--reason", "sale begins")
    deal(replicas, 0.0, None)
    assert told_there().outcome == "stopped"

    assert [
        (e.what, e.to.version, e.from_ and e.from_.version, e.by, e.outcome)
        for e in events()
        if e.what not in ("registered", "challenger")
    ] == [
        ("promoted", 1, None, "rule", None),
        ("trial begun", 2, 1, "person", None),
        ("trial changed", 2, 1, "person", None),
        ("trial ended", 2, 1, "rule", "better"),
        ("promoted", 2, 1, "rule", None),
        ("trial begun", 1, 2, "person", None),
        ("trial ended", 1, 2, "rule", "worse"),
        ("trial begun", 1, 2, "person", None),
        ("trial ended", 1, 2, "person", "stopped"),
    ]
    assert history.champion(events()).version == 2
    capsys.readouterr()
    sys.argv = ["champion", "history"]
    champion.main()
    assert capsys.readouterr().out.count("trial ended") == 3
