"""Several clones on one MLflow server: what one does holds for all, and what is lost comes back."""

import shutil
import sys
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from bench import watched_rows
from sales import estimators, files, params
from sales.errors import PipelineError, run
from sales.registry import changing, clock, history, homes, journal, tracking
from sales.serving import answering
from stages import champion, register, retrain, watch
from tests import mlflow_server
from tests.cutting_proxy import CuttingProxy
from tests.examples import make_orders, set_params
from tests.trained_project import (
    NAMES,
    boosted,
    copied,
    decision,
    gate,
    hashes,
    open_registry,
    refuse,
    train,
)

pytestmark = pytest.mark.team


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start a server on SQLite and files, for all tests here: each has a model of its own."""
    with mlflow_server.cheap(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def clones(server, trained, tmp_path, monkeypatch, request):
    """Return a function that changes into the clone of that name, made when first asked for."""
    name = f"m{abs(hash(request.node.nodeid)):x}"
    monkeypatch.setenv(homes.TRACKING, server.url)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for variable in ("DVC_ROOT", "DVC_EXP_NAME", "SALES_STATE"):
        monkeypatch.delenv(variable, raising=False)

    def go(clone="a"):
        folder = tmp_path / clone
        if not folder.exists():
            copied(trained, folder)
            shutil.rmtree(folder / "state")
            monkeypatch.chdir(folder)
            set_params({"register.model_name": name, "register.experiment": name})
        monkeypatch.chdir(folder)
        return folder

    go()
    return go


def by_hand(*words):
    sys.argv = ["champion", *words]
    champion.main()


def settings():
    return params.read("register", tracking.RegisterParams)


def events():
    return changing.events(settings())


def what():
    return [event.what for event in events()]


def entries():
    registry = open_registry()
    return journal.Journal(registry.client, registry.name).read()


def stands():
    """Return who is champion and challenger by server, history, exports and record, which agree."""
    registry, told = open_registry(), events()
    found = {}
    for alias in ("champion", "challenger"):
        holder = registry.holder(alias)
        entry = files.read_json(Path("models/promoted/promoted.json"))[alias]
        who = getattr(history, alias)(told)
        if holder is None:
            assert entry is who is None
            found[alias] = None
            continue
        assert int(holder.version) == entry["version"] == who.version
        assert files.content_hash(Path("models/promoted") / alias) == who.content_hash
        assert holder.tags["content_hash"] == who.content_hash
        found[alias] = f"{who.model} {who.version}"
    copies = registry.copies()
    assert all(len(versions) == 1 for versions in copies.values())
    assert answering.load(Path("models/promoted"))["champion"]
    return found


def one_line(main, capsys):
    """Return what a command says as it ends with exit code 1, in one line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert stopped.value.code == 1
    # MLflow's own account of what it does is logged, or is not, as another test has left it.
    lines = capsys.readouterr().err.splitlines(keepends=True)
    said = "".join(line for line in lines if " INFO " not in line)
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


# --- what stays true -------------------------------------------------------------------------


def test_a_register_puts_all_on_the_server_and_the_next_changes_nothing(clones, server, capsys):
    register.main()
    assert f"in MLflow at {server.url}" in capsys.readouterr().out
    assert stands() == {"champion": "linear_regression 1", "challenger": "xgboost 2"}
    assert what() == ["registered", "registered", "promoted", "challenger"]
    registry = open_registry()
    version = registry.holder("champion")
    assert version.description == Path("cards/linear_regression.md").read_text()
    assert version.tags["decision"] == "first"
    run = registry.client.get_run(version.run_id)
    assert run.data.metrics["test.rmse"] > 0
    assert run.data.tags["verdict"] == "passed"
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert not Path("state/registry").exists()
    assert not Path("state/artifacts").exists()
    assert not Path("mlruns").exists()
    before = (entries(), files.content_hash(Path("models/promoted")))
    runs = len(registry.client.search_runs([registry.experiment]))
    register.main()
    assert (entries(), files.content_hash(Path("models/promoted"))) == before
    assert len(registry.client.search_runs([registry.experiment])) == runs == 2


def test_another_clone_registers_nothing_twice_and_serves_the_same(clones):
    clones("a")
    register.main()
    first = files.content_hash(Path("models/promoted"))
    clones("b")
    register.main()
    assert decision()["outcome"] == "unchanged"
    assert stands() == {"champion": "linear_regression 1", "challenger": "xgboost 2"}
    assert files.content_hash(Path("models/promoted")) == first
    assert len(entries()) == 1


def test_who_has_nothing_but_the_server_watches_by_it(clones, tmp_path, monkeypatch, capsys):
    """As the pod of deploy/watch.yaml has: neither an export nor a reference of its own."""
    clones("a")
    register.main()
    of = watched_rows.champion(Path("models/promoted"), make_orders(300))
    watched_rows.write(tmp_path / "served", 300, of, date(2025, 11, 25), days=1)
    clones("b")
    assert not Path("models/promoted").exists()
    shutil.rmtree("models")
    monkeypatch.setenv("SERVED", str(tmp_path / "served"))
    monkeypatch.setenv(clock.NOW, "2025-11-26T01:00:00+00:00")
    monkeypatch.setattr(sys, "argv", ["watch"])
    capsys.readouterr()
    for _ in range(2):  # the second time by the reference that was kept
        with pytest.raises(SystemExit) as ended:
            watch.main()
        told = capsys.readouterr()
        assert ended.value.code == 0, told
        assert told.out.startswith("ok: 1 window judged; the last one, of 2025-11-25 (300 orders")
    found = files.read_json(Path("state/watch/metrics.json"))
    assert found["champion"]["content_hash"] == of.model.content_hash
    assert (found["champion"]["version"], found["unit"]) == (1, "$")


def test_one_promotes_the_other_rolls_back_and_the_bar_holds_for_both(clones, capsys):
    clones("a")
    boosted(10)
    register.main()
    boosted(60)
    register.main()
    assert stands()["champion"] == "xgboost 2"
    clones("b")  # which has never had the models of a: they come from the server
    boosted(10)
    by_hand("rollback", "--reason", "too low in Texas")
    assert stands()["champion"] == "xgboost 1"
    assert history.barred(events()).keys() == {
        v.tags["content_hash"] for v in open_registry().versions().values() if int(v.version) == 2
    }
    clones("a")
    register.main()
    assert stands()["champion"] == "xgboost 1"
    assert any("too low in Texas; `make lift" in event.reason for event in events())
    tags = next(v.tags for v in open_registry().versions().values() if int(v.version) == 2)
    assert tags["bar_reason"] == "too low in Texas"
    by_hand("lift", "2", "--reason", "it was the data")
    clones("b")
    capsys.readouterr()
    by_hand("history")
    assert "it was the data" in capsys.readouterr().out
    clones("a")
    register.main()
    assert stands()["champion"] == "xgboost 2"


def test_one_proposes_and_another_one_approves(clones):
    clones("a")
    set_params({"register.approval": "manual"})
    boosted(10)
    register.main()
    boosted(60)
    register.main()
    assert stands() == {"champion": "xgboost 1", "challenger": "xgboost 2"}
    tags = open_registry().holder("challenger").tags
    assert tags["decision"] == "proposed"
    clones("b")  # which has never had the proposed model: it comes from the server
    by_hand("approve", "2", "--reason", "errors looked at")
    assert stands() == {"champion": "xgboost 2", "challenger": "xgboost 1"}
    assert open_registry().holder("champion").tags["decision"] == "approved"
    clones("a")
    with pytest.raises(PipelineError, match="nothing waits for approval"):
        by_hand("approve", "2", "--reason", "so do I")
    register.main()
    assert stands()["champion"] == "xgboost 2"


def test_two_schedules_call_at_once_and_one_trains(clones, monkeypatch, capsys):
    for clone in ("b", "a"):
        clones(clone)
        set_params({"ingest.rows": 600})
    codes = []

    def called():
        monkeypatch.setattr(sys, "argv", ["retrain"])
        with pytest.raises(SystemExit) as stopped:
            retrain.main()
        codes.append(stopped.value.code)

    def pipeline(*_):
        clones("b")
        called()
        clones("a")
        register.main()
        return True

    monkeypatch.setattr(retrain, "_pipeline", pipeline)
    called()
    assert codes == [12, 0]
    assert "under way: at " in capsys.readouterr().out
    told = ["retraining", "registered", "registered", "promoted", "challenger", "retrained"]
    assert what() == told
    clones("b")
    called()
    assert codes[-1] == 10
    assert what() == [*told, "not due"]


def test_the_server_has_lost_everything_and_rebuild_brings_it_back(clones, capsys):
    boosted(10)
    register.main()
    boosted(60)
    register.main()
    by_hand("rollback", "--reason", "too low")
    train()
    register.main()
    before = (stands(), what(), [str(event.to) for event in events()])
    registry = open_registry()
    for name in (registry.name, f"{registry.name}.history"):
        registry.client.delete_registered_model(name)
    registry.client.delete_experiment(registry.experiment)
    said = one_line(register.main, capsys)
    assert "has lost" in said
    assert "`make rebuild`" in said
    by_hand("rebuild")
    printed = capsys.readouterr().out
    assert "restored: 4 entries of the history" in printed
    numbers = {int(v.version) for v in open_registry().versions().values()}
    if "lost: xgboost, version 2" in printed:  # barred: nobody exports it, no DVC cache here
        assert numbers == {1, 3}
    assert (stands(), what(), [str(event.to) for event in events()]) == before
    written = len(entries())
    by_hand("rebuild")
    assert len(entries()) == written
    register.main()
    assert (stands(), what()) == before[:2]


def test_a_project_takes_its_own_history_to_a_server(clones, monkeypatch, server):
    monkeypatch.delenv(homes.TRACKING)
    boosted(10)
    register.main()
    boosted(60)
    register.main()
    by_hand("rollback", "--reason", "before there was a server")
    alone = (stands(), what())
    monkeypatch.setenv(homes.TRACKING, server.url)
    by_hand("rebuild")
    assert (stands(), what()) == alone
    assert history.barred(events())
    monkeypatch.delenv(homes.TRACKING)  # and the folder's own registry is what it was
    register.main()
    assert Path("models/promoted").resolve().parent == Path("state/registry").resolve()


def test_experiments_are_tracked_and_promote_nothing(clones, monkeypatch, capsys):
    monkeypatch.setenv("DVC_EXP_NAME", "brave-otter")
    register.main()
    assert "experiments never promote" in capsys.readouterr().out
    registry = open_registry()
    assert len(registry.client.search_runs([registry.experiment])) == 2
    assert (registry.versions(), events()) == ({}, [])
    assert not Path("models/promoted").exists()


def test_nobody_passes_and_all_are_told(clones):
    register.main()
    gate(min_skill_pct=100.0)
    for _ in range(2):
        with pytest.raises(PipelineError, match="no model passed the gate"):
            register.main()
    assert what()[-2:] == ["challenger", "refused"]
    assert stands()["champion"] == "linear_regression 1"


def test_an_alias_moved_by_hand_and_a_copy_are_put_right(clones):
    register.main()
    before = stands()
    registry = open_registry()
    registry.client.set_registered_model_alias(registry.name, "champion", 2)
    first = registry.versions()[hashes()["xgboost"]]
    tags = {key: first.tags[key] for key in ("content_hash", "model")}
    registry.client.create_model_version(
        registry.name,
        first.source,
        first.run_id,
        tags=tags,
        model_id=first.source.rpartition("/")[2],
    )
    register.main()
    assert stands() == before


def test_a_database_address_shares_a_registry_too(clones, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(homes.TRACKING, f"sqlite:///{tmp_path}/shared.db")
    assert f"set {homes.ARTIFACT_ROOT}" in one_line(register.main, capsys)
    monkeypatch.setenv(homes.ARTIFACT_ROOT, (tmp_path / "files").as_uri())
    register.main()
    clones("b")
    boosted(60)
    register.main()
    assert stands()["champion"] == "linear_regression 1"
    assert not Path("mlruns").exists()


# --- at the same moment ----------------------------------------------------------------------


@contextmanager
def between(monkeypatch, do):
    """Let another clone act once, just before this one's next entry is written."""
    append, done = journal.Journal.append, []

    def late(self, told, seen):
        if not done:
            done.append(True)
            do()
        return append(self, told, seen)

    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "append", late)
        yield


def test_who_comes_second_decides_again_and_is_told(clones, monkeypatch, capsys):
    here = clones("a")

    def other():
        clones("b")
        register.main()
        monkeypatch.chdir(here)

    with between(monkeypatch, other):
        register.main()
    printed = capsys.readouterr().out
    assert "meanwhile another one has changed the registry, so once more" in printed
    assert stands() == {"champion": "linear_regression 1", "challenger": "xgboost 2"}
    assert what() == ["registered", "registered", "promoted", "challenger"]
    assert decision()["outcome"] == "unchanged"


def test_a_person_who_comes_second_is_asked_to_look_again(clones, monkeypatch, capsys):
    here = clones("a")
    boosted(10)
    register.main()
    boosted(60)
    register.main()

    def other():
        clones("b")
        train()
        register.main()
        monkeypatch.chdir(here)

    sys.argv = ["champion", "rollback"]
    exported = files.content_hash(Path("models/promoted"))
    with between(monkeypatch, other):
        said = one_line(champion.main, capsys)
    assert "meanwhile another one has decided" in said
    assert history.barred(events()) == {}
    assert history.champion(events()).model == "linear_regression"
    assert files.content_hash(Path("models/promoted")) == exported


def test_a_person_is_not_bothered_with_what_changes_nothing(clones, monkeypatch):
    here = clones("a")
    boosted(10)
    register.main()
    boosted(60)
    register.main()

    def other():
        clones("b")
        boosted(60)
        gate(min_skill_pct=100.0)
        with pytest.raises(PipelineError):
            register.main()
        monkeypatch.chdir(here)

    with between(monkeypatch, other):
        by_hand("rollback")
    assert what()[-2:] == ["refused", "rolled back"]
    assert stands()["champion"] == "xgboost 1"


def test_what_another_registers_while_the_shadow_is_cast_is_left_to_it(clones):
    register.main()
    registry = open_registry()
    read = registry.versions()
    unread = read.pop(hashes()["xgboost"])
    registry.drop_copies(read)
    assert registry.versions()[hashes()["xgboost"]].version == unread.version


def test_a_copy_that_another_drops_at_the_same_moment_is_gone(clones, monkeypatch):
    register.main()
    registry = open_registry()
    read, first = registry.versions(), registry.versions()[hashes()["xgboost"]]
    another = {"tags": first.tags, "model_id": first.source.rpartition("/")[2]}
    registry.client.create_model_version(registry.name, first.source, first.run_id, **another)
    there = registry.copies()
    registry.drop_copies(read)
    monkeypatch.setattr(registry, "copies", lambda: there)  # as read before that
    registry.drop_copies(read)
    monkeypatch.undo()
    assert [len(found) for found in registry.copies().values()] == [1, 1]


# --- a server that is not there --------------------------------------------------------------


@pytest.fixture
def proxy(server, clones, monkeypatch):
    proxy = CuttingProxy(server.url)
    monkeypatch.setenv(homes.TRACKING, proxy.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield proxy
    proxy.close()


# As servers of MLflow 2.22.0 and 3.0.0 were seen to answer: one is refused, the other one serves.
TROUBLE = (
    ({"at": 1}, "cannot be reached"),
    ({"refusing": 401}, "does not know you (401): set MLFLOW_TRACKING_TOKEN"),
    ({"refusing": 403}, "does not let you do that (403)"),
    ({"refusing": 500}, "failed (500)"),
    ({"version": "2.22.0"}, "is 2.22.0: 3.0 or newer is needed"),
    ({"refusing": 404}, "no MLflow that tells its version"),
    ({"stalling": True}, "did not answer in time"),
)


def test_a_server_in_trouble_is_told_in_a_line(proxy, capsys, monkeypatch):
    proxy.version = "3.0.0"  # which serves
    register.main()
    before = (entries(), files.content_hash(Path("models/promoted")))
    for changes, told in TROUBLE:
        proxy.reset()
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1" if "stalling" in changes else "30")
        for name, value in changes.items():
            setattr(proxy, name, value)
        for command in (register.main, lambda: by_hand("rollback"), lambda: by_hand("history")):
            said = one_line(command, capsys)
            assert told in said
            assert proxy.url in said
    proxy.go_on.set()
    proxy.reset()
    assert (entries(), files.content_hash(Path("models/promoted"))) == before


def test_no_secret_is_printed(clones, monkeypatch, capsys):
    monkeypatch.setenv(homes.TRACKING, "http://ann:secret@127.0.0.1:9/")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    said = one_line(register.main, capsys)
    assert "secret" not in said
    assert "http://127.0.0.1:9 cannot be reached" in said


def test_a_damaged_entry_is_named(clones, capsys):
    register.main()
    registry = open_registry()
    registry.client.set_model_version_tag(f"{registry.name}.history", "1", "document.000", "{")
    assert f"{registry.name}.history, version 1 is damaged" in one_line(register.main, capsys)


def test_a_champion_whose_files_cannot_be_asked_for_is_not_replaced(proxy, capsys, monkeypatch):
    """A server whose artifacts are away is no reason to promote another model."""
    register.main()
    clones_record = entries()
    shutil.rmtree("models/promoted", ignore_errors=True)
    Path("models/promoted").unlink(missing_ok=True)
    shutil.rmtree(Path("state/servers"))
    train({"linear_regression": {"digits": 5}, "xgboost": {}})
    refuse("linear_regression")
    register.main()  # kept: the champion's files come from the server
    assert decision()["outcome"] == "kept"
    shutil.rmtree(Path("state/servers"))
    Path("models/promoted").unlink()
    fetch = tracking.Registry.folder

    def away(self, of, into=None):
        proxy.refusing = 503
        return fetch(self, of, into)

    monkeypatch.setattr(tracking.Registry, "folder", away)
    assert "failed (503)" in one_line(register.main, capsys)
    proxy.reset()
    assert history.champion(events()).model == "linear_regression"
    assert len(entries()) >= len(clones_record)
