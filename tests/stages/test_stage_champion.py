"""Who becomes champion, on a real MLflow registry: by the rule, case by case, and by hand."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sales import files, params
from sales.errors import PipelineError
from sales.models import belonging, saved
from sales.registry import changing, history, learnt_from, lock, standing, tracking
from sales.serving import answering
from stages import champion, register
from tests import patience
from tests.examples import ROOT, set_params
from tests.trained_project import (
    FEATURES,
    NAME,
    PREPARED,
    boosted,
    decision,
    gate,
    hashes,
    open_registry,
    refuse,
    state,
    train,
)


def run(*words):
    """Run `python -m stages.champion ...` in this process."""
    sys.argv = ["champion", *words]
    champion.main()


def names(alias="champion"):
    """Return who holds an alias, by registry, export and record, which must agree."""
    holder = open_registry().holder(alias)
    entry = files.read_json(Path("models/promoted/promoted.json"))[alias]
    recorded = files.read_json(Path("metrics/registry.json"))[alias]
    told = getattr(history, alias)(events())
    if holder is None:
        assert entry is recorded is told is None
        return None
    assert int(holder.version) == entry["version"] == recorded["version"] == told.version
    assert files.content_hash(Path("models/promoted") / alias) == holder.tags["content_hash"]
    assert entry["content_hash"] == holder.tags["content_hash"] == told.content_hash
    return f"{told.model} {told.version}"


def events():
    return changing.events(params.read("register", tracking.RegisterParams))


def what():
    return [event.what for event in events()]


# --- the rule, case by case ------------------------------------------------------------------


def test_first_run(gated):
    register.main()
    assert names() == "linear_regression 1"
    assert names("challenger") == "xgboost 2"
    assert what() == ["registered", "registered", "promoted", "challenger"]
    assert decision()["outcome"] == "first"


def test_another_registered_model_has_a_history_of_its_own(registered, capsys):
    """Another problem in the same folder: no champion before it, nothing to restore, and back."""
    set_params({"register.model_name": "another_regressor"})
    refuse("linear_regression")
    register.main()
    assert files.read_json(Path("models/promoted/promoted.json"))["fallback"] is None
    assert decision()["outcome"] == "first"
    assert open_registry().holder("champion").name == "another_regressor"
    assert open_registry().holder("champion").version == 1
    capsys.readouterr()
    run("history")
    assert "linear_regression" not in capsys.readouterr().out
    with pytest.raises(PipelineError, match="no champion before xgboost, version 1"):
        run("rollback")

    set_params({"register.model_name": NAME})
    train()
    register.main()
    assert decision()["outcome"] == "unchanged"
    assert open_registry().holder("champion").name == NAME
    versions = {version.version for version in open_registry().versions().values()}
    assert versions == {1, 2}


def test_same_run_again(registered):
    before = what()
    Path("state/registry/settled").unlink()
    register.main()
    assert what() == before
    assert decision()["outcome"] == "unchanged"


def test_better(gated):
    boosted(10)
    register.main()
    boosted(60)
    register.main()
    assert names() == "xgboost 2"
    told = decision()
    assert told["outcome"] == "replaced"
    better = 100 * (1 - told["candidate_test_rmse"] / told["incumbent_test_rmse"])
    assert told["improvement_pct"] == pytest.approx(better)
    assert f"{better:.2f} % better" in told["reason"]
    event = events()[-1]
    assert (event.what, event.to.version, event.from_.version) == ("promoted", 2, 1)
    assert event.improvement_pct == told["improvement_pct"]
    tags = open_registry().holder("champion").tags
    assert tags["decision"] == "replaced"
    assert float(tags["improvement_pct"]) == told["improvement_pct"]
    assert float(tags["candidate_test_rmse"]) == told["candidate_test_rmse"]
    assert float(tags["incumbent_test_rmse"]) == told["incumbent_test_rmse"]


@pytest.mark.parametrize(
    ("first", "then", "least", "reason"),
    [(60, 10, 1.0, "no better"), (10, 60, 99.0, "99 % are asked for")],
    ids=["worse", "better by too little"],
)
def test_not_better_enough(gated, first, then, least, reason):
    boosted(first)
    register.main()
    boosted(then)
    set_params({"register.min_improvement_pct": least})
    register.main()
    assert names() == "xgboost 1"
    assert reason in decision()["reason"]
    assert names("challenger") == "xgboost 2"
    assert what()[-2:] == ["refused", "challenger"]
    Path("state/registry/settled").unlink()
    before = what()
    register.main()  # what was refused for the same reason is not told twice
    assert what() == before


def test_equal(registered):
    about = Path("models/linear_regression/model.json")
    files.write_json(about, {**files.read_json(about), "note": "the same numbers by another name"})
    scored = Path("metrics/linear_regression.json")
    [made_of] = belonging.of_metrics(PREPARED, FEATURES, [about.parent])
    files.write_json(scored, {**files.read_json(scored), "made_of": made_of})
    gate()
    register.main()
    assert names() == "linear_regression 1"
    assert "no better" in decision()["reason"]
    assert decision()["improvement_pct"] == 0.0


def test_champion_barred(three):
    run("rollback", "--reason", "prices too low")
    assert names() == "xgboost 2"
    register.main()  # today's best is the barred one
    assert names() == "xgboost 2"
    refused = next(e for e in reversed(events()) if e.what == "refused")
    assert refused.to.version == 3
    assert "prices too low; `make lift VERSION=" in refused.reason
    run("lift", "3", "--reason", "it was the data")
    register.main()
    assert names() == "linear_regression 3"
    assert history.barred(events()) == {}


def test_every_model_that_passes_is_barred(gated):
    boosted(10)
    register.main()
    boosted(60)
    register.main()
    run("rollback")
    register.main()
    assert names() == "xgboost 1"
    assert decision()["reason"] == "every model that passed is barred"
    shutil.rmtree("models/promoted/champion")
    shutil.rmtree("state/artifacts")
    with pytest.raises(PipelineError, match="barred, and there is no champion: `make lift"):
        register.main()


def test_gate_fails_for_all(registered):
    before = state()
    gate(min_skill_pct=100.0)
    for _ in range(2):
        with pytest.raises(PipelineError, match="no model passed the gate"):
            register.main()
    assert state()["aliases"] == before["aliases"]
    assert what()[-2:] == ["challenger", "refused"]
    last = events()[-1]
    assert last.to is None
    assert "linear_regression: RMSE saved against the mean" in last.reason


def test_incumbent_unloadable(registered):
    for file in Path().rglob("linear_regression.json"):
        if "promoted" in file.parts or "artifacts" in file.parts:
            file.write_text("{")
    boosted(60)
    register.main()
    assert names() == "xgboost 2"
    assert "cannot be loaded" in decision()["reason"]
    assert files.read_json(Path("models/promoted/promoted.json"))["fallback"] is None


def test_contract_changed(registered):
    train(feature_set="quote")
    register.main()
    assert names().startswith("linear_regression 3")
    assert "asks for other fields: OrderStatus, ShippingCost, Tax" in decision()["reason"]


def test_promote_while_a_repro_runs(three):
    """Both take the lock, in whichever order; one champion comes of it, and no line is lost."""
    boosted(90)
    script = (
        "import sys; from sales import estimators; "
        "estimators.NAMES = ('linear_regression', 'xgboost'); "
        "from stages import champion, register; "
        "register.main() if sys.argv[1] == 'register' else champion.main()"
    )
    commands = [["register"], ["promote", "challenger"]]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for words in commands
    ]
    assert [process.wait(patience.SECONDS) for process in running] == [0, 0]
    by_hand = [e for e in events() if e.by == "person"]
    assert len(by_hand) == 1
    assert names() in {"xgboost 2", "xgboost 4", "linear_regression 3"}
    assert sorted(e.to.version for e in events() if e.what == "registered") == [1, 2, 3, 4]


# --- by hand -------------------------------------------------------------------------------


def test_rollback_with_no_previous(gated):
    with pytest.raises(PipelineError, match="there is no champion yet"):
        run("rollback")
    register.main()
    before = state()
    with pytest.raises(PipelineError, match="no champion before linear_regression, version 1"):
        run("rollback")
    assert state() == before


def test_rollback_twice_and_no_further(three, capsys):
    fallback = files.read_json(Path("models/promoted/promoted.json"))["fallback"]
    run("rollback", "--reason", "first")
    assert names() == "xgboost 2"
    assert names("challenger") is None  # it has become champion
    exported = files.read_json(Path("models/promoted/promoted.json"))
    assert exported["champion"] == fallback
    assert exported["fallback"]["version"] == 1  # its files come from MLflow
    printed = capsys.readouterr().out
    assert "barred: linear_regression, version 3, until `make lift VERSION=3`" in printed
    run("rollback", "--reason", "second")
    assert names() == "xgboost 1"
    assert [e.from_.version for e in history.barred(events()).values()] == [3, 2]
    with pytest.raises(PipelineError, match="no champion before xgboost, version 1"):
        run("rollback")
    tags = {v.version: v.tags for v in open_registry().versions().values()}
    assert tags[3]["bar_reason"] == "first"
    assert answering.load(Path("models/promoted"))["champion"].entry["version"] == 1


def test_promote_by_hand_stands_until_something_better_comes(three):
    run("promote", "challenger", "--reason", "trusted more")
    assert (names(), names("challenger")) == ("xgboost 2", "linear_regression 3")
    assert files.read_json(Path("models/promoted/promoted.json"))["fallback"]["version"] == 3
    register.main()  # today's best is the one that a person decided against
    assert (names(), names("challenger")) == ("xgboost 2", "linear_regression 3")
    assert "a person promoted xgboost over linear_regression" in decision()["reason"]
    run("promote", "challenger")
    assert (names(), names("challenger")) == ("linear_regression 3", "xgboost 2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["promote", "champion"], "linear_regression, version 1 is champion already"),
        (["promote", "fallback"], "`make rollback` goes back"),
        (["promote", "chalenger"], "'chalenger' is no alias that can be promoted"),
        (["promote", ""], "'' is no alias"),
        (["lift", "2"], "version 2 is not barred; barred: none"),
        (["lift", ""], "name the version whose bar is to end"),
        (["lift", "two"], "name the version whose bar is to end"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(registered, words, message):
    before, told = state(), what()
    with pytest.raises(PipelineError, match=message):
        run(*words)
    assert (state(), what()) == (before, told)


def test_there_is_no_challenger_to_promote(gated):
    refuse("xgboost")
    register.main()
    with pytest.raises(PipelineError, match="there is no challenger"):
        run("promote", "challenger")


def test_no_history_yet(gated, capsys):
    run("history")
    assert "nothing has been promoted yet" in capsys.readouterr().out


def test_history_as_a_table(three, capsys):
    run("rollback", "--reason", "prices | too low")
    capsys.readouterr()
    run("history")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["when", "what", "to", "from"]
    assert len(lines) == 1 + len(events())
    assert "rolled back" in lines[-1]
    assert "prices | too low" in lines[-1]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (b"low\n2026-01-01 00:00:00  promoted  xgboost, version 9", "low 2026-01-01 00:00:00"),
        (b"low\x1b[1A\x1b[2K", "low\\x1b[1A\\x1b[2K"),
        ("zu niedrig in Zürich".encode("latin-1"), "zu niedrig in Zürich"),
        (b"\n", "no reason given"),
    ],
    ids=["line break", "escape sequence", "Latin-1", "nothing"],
)
def test_no_reason_forges_a_line_of_the_history(three, typed, told):
    def champion_by_hand(*words):
        command = [sys.executable, "-m", "stages.champion", *words]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    champion_by_hand("rollback", "--reason", typed)
    assert events()[-1].reason.startswith(told)
    lines = champion_by_hand("history").splitlines()
    assert len(lines) == 1 + len(events())
    assert told in lines[-1]


# --- what is lost comes back ---------------------------------------------------------------


def lose_the_database():
    for file in Path("state/registry").glob("mlflow.db*"):
        file.unlink()


@pytest.mark.parametrize("way", ["register", "rebuild"])
def test_the_registry_comes_back_from_the_history(gated, way):
    """The database and MLflow's files are gone; DVC's cache still has every model."""
    boosted(60)
    into_the_cache()
    register.main()
    boosted(10, linear=True)
    into_the_cache()
    register.main()
    run("rollback")
    assert (names(), names("challenger")) == ("xgboost 1", "xgboost 3")
    before = [v[:2] for v in state()["versions"]]
    lose_the_database()
    shutil.rmtree("state/artifacts")
    for alias in ("champion", "challenger"):
        shutil.rmtree(Path("models/promoted") / alias)
    if way == "rebuild":
        shutil.rmtree("models/linear_regression")
        run("rebuild")
    else:
        register.main()
    assert [v[:2] for v in state()["versions"]] == before
    assert (names(), names("challenger")) == ("xgboost 1", "xgboost 3")
    assert [e.from_.version for e in history.barred(events()).values()] == [2]
    for version in open_registry().versions().values():
        folder = open_registry().folder(version)
        assert saved.load(folder).content_hash == version.tags["content_hash"]
        record = learnt_from.kept(open_registry(), version.run_id)  # made anew of today's rows
        assert len(record) == 400


def test_a_model_that_is_nowhere_stays_lost_and_keeps_its_number(three, capsys):
    lose_the_database()
    shutil.rmtree("state/artifacts")
    shutil.rmtree("models/promoted/fallback")
    run("rebuild")
    printed = capsys.readouterr().out
    assert "lost: xgboost, version 1; `dvc fetch --all-commits` may bring its files back" in printed
    assert [v[0] for v in state()["versions"]] == [2, 3]
    assert names() == "linear_regression 3"


def test_there_is_nothing_to_rebuild_from(gated):
    with pytest.raises(PipelineError, match="there is no history"):
        run("rebuild")


def into_the_cache():
    """Do what `dvc repro` does with the models: keep their files by hash, and write dvc.lock."""
    if not Path(".dvc").exists():
        subprocess.run(["git", "init", "--quiet"], check=True)
        dvc("init", "--quiet")
        shutil.copy(ROOT / ".gitignore", ".gitignore")
    stages = {
        name: {"cmd": f"test -d models/{name}", "outs": [f"models/{name}"]} for name in hashes()
    }
    Path("dvc.yaml").write_text(json.dumps({"stages": stages}))
    dvc("commit", "--force", "--quiet")


def dvc(*words):
    subprocess.run([sys.executable, "-m", "dvc", *words], check=True)


# --- at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [8])  # two: see test_stage_register.py
def test_registers_at_once(gated, times):
    script = (
        "from sales import estimators; estimators.NAMES = ('linear_regression', 'xgboost'); "
        "from stages import register; register.main()"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(times)
    ]
    assert [process.wait(patience.SECONDS) for process in running] == [0] * times
    now = state()
    assert (now["runs"], [v[0] for v in now["versions"]]) == (2, [1, 2])
    assert what() == ["registered", "registered", "promoted", "challenger"]
    assert names() == "linear_regression 1"


def test_whoever_waits_too_long_is_told_for_whom(gated, monkeypatch):
    settings = params.read("register", tracking.RegisterParams)
    with (
        lock.locked(standing.state_folder()),
        pytest.raises(PipelineError, match=r"in use by process \d+ \(.*\) since \d\d:\d\d:\d\d"),
        lock.locked(standing.state_folder(), 0.2),
        changing.changing(settings),
    ):
        pass


def test_a_write_from_outside_is_not_lost(registered):
    """The MLflow UI writes while register is at work: register gives way, and says so."""
    settings = params.read("register", tracking.RegisterParams)
    with (
        pytest.raises(PipelineError, match="was written to meanwhile"),
        changing.changing(settings) as now,
    ):
        outside = open_registry()
        outside.client.update_registered_model(outside.name, description="from the UI")
        now.record("refused", reason="this is lost")
    found = open_registry().client.get_registered_model(settings.model_name)
    assert found.description == "from the UI"
    assert "refused" not in what()
