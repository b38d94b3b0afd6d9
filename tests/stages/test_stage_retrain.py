"""`make retrain` on a real registry; what the pipeline does stands in for `make repro`."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sales import estimators, files, params
from sales.errors import PipelineError
from sales.registry import changing, clock, history, lock, tracking
from sales.retraining import course
from stages import champion, register, retrain
from tests import patience
from tests.examples import ROOT, make_orders, set_params
from tests.histories import START
from tests.trained_project import NAMES, boosted, copied, gate

ROWS = 600  # that `train` learns from


def events():
    return changing.events(params.read("register", tracking.RegisterParams))


def what():
    return [event.what for event in events()]


def on_day(number):
    return (START + timedelta(days=number)).isoformat()


@pytest.fixture(scope="module")
def once(trained, tmp_path_factory):
    """Let `make retrain` make a first champion, an xgboost; every test copies the folder."""
    folder = tmp_path_factory.mktemp("retrained")
    copied(trained, folder)
    with pytest.MonkeyPatch.context() as there:
        there.chdir(folder)
        there.setattr(estimators, "NAMES", NAMES)
        there.setattr(retrain, "_pipeline", lambda *_: grown(10, ROWS)())
        there.setattr(sys, "argv", ["retrain"])
        there.setenv(clock.NOW, on_day(0))
        set_params({"retrain.cooldown_days": 7.0, "retrain.age_days": None})
        set_params({"ingest.rows": ROWS})
        with pytest.raises(SystemExit) as stopped:
            retrain.main()
        assert stopped.value.code == 0
    return folder


class Calls:
    """Calls `make retrain` on a day; `pipeline` is what `make repro` does then."""

    def __init__(self, monkeypatch, capsys):
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, on=0, *words):
        """Return the exit code and the lines that were said."""
        self.monkeypatch.setenv(clock.NOW, on_day(on))
        self.monkeypatch.setattr(retrain, "_pipeline", lambda *_: self.pipeline())
        self.monkeypatch.setattr(sys, "argv", ["retrain", *words])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            retrain.main()
        return stopped.value.code, self.capsys.readouterr().out.splitlines()

    def pipeline(self):
        register.main()
        return True


@pytest.fixture
def calls(project, once, monkeypatch, capsys):
    copied(once, project)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    return Calls(monkeypatch, capsys)


def grown(rounds, rows):
    """Let data come in, and make of `make repro` what trains on it an xgboost of so many rounds."""

    def pipeline():
        boosted(rounds, orders=make_orders(rows))
        register.main()
        return True

    set_params({"ingest.rows": rows})
    return pipeline


def test_a_rehearsal_does_nothing(gated, monkeypatch, capsys):
    calls = Calls(monkeypatch, capsys)
    before = sorted(Path().rglob("*"))
    code, said = calls(0, "--dry")
    assert (code, said) == (
        15,
        [
            "champion: fires: there is none yet",
            "due: champion: fires: there is none yet (DRY=1: nothing is done)",
        ],
    )
    assert sorted(Path().rglob("*")) == before


def test_nor_does_one_where_there_is_nothing_to_do(calls):
    stood = files.content_hash(Path("state"))
    code, said = calls(1, "--dry")
    assert code == 10
    assert said[-1] == "not due: no trigger fires (DRY=1: nothing is done)"
    assert files.content_hash(Path("state")) == stood


def test_the_first_one(calls):
    assert what() == ["retraining", "registered", "promoted", "retrained"]
    begun, *_, ended = events()
    assert (begun.due, begun.outcome, ended.outcome) == (("champion",), None, "promoted")
    assert begun.reason == "champion: fires: there is none yet"
    assert begun.at
    assert ended.reason == "xgboost, version 1: xgboost is the first champion"
    assert {event.when for event in (begun, ended)} == {START.isoformat()}
    assert ended.data_rows == ROWS
    assert (ended.champion, ended.challenger) == (events()[2].champion, None)


def test_what_is_not_due_is_told_once(calls):
    before = files.content_hash(Path("state/registry"))
    for day in (1, 2, 3):
        code, said = calls(day)
        assert (code, said[-1]) == (10, "not due: no trigger fires")
        assert what()[4:] == ["not due"]
    assert files.content_hash(Path("state/registry")) != before
    last = events()[-1]
    assert (last.when, last.by) == ((START + timedelta(days=1)).isoformat(), "rule")
    assert history.champion(events()).version == 1


def test_new_rows_wait_for_the_cooldown_and_then_are_learnt_from(calls):
    calls.pipeline = grown(60, 700)
    code, said = calls(3)
    assert code == 11
    assert said[1] == (
        "new_rows_pct: fires: 700 rows of the generator (ingest.rows), 100 more than the 600 of "
        "2027-01-01, 16.67 %; 10 % are asked for"
    )
    assert said[-1].startswith("waiting: not before 2027-01-08T03:00:00+00:00; new_rows_pct: fires")
    assert calls(6.9)[0] == 11
    code, said = calls(7)
    assert code == 0
    assert "promoted: xgboost, version 2: " in said[-1]
    assert what()[-5:] == ["waiting", "retraining", "registered", "promoted", "retrained"]
    assert [event.due for event in events() if event.what == "waiting"] == [("new_rows_pct",)]
    code, said = calls(30)
    assert code == 10
    assert "0 more than the 700 of 2027-01-08" in said[1]


def test_a_candidate_that_is_no_better_is_not_tried_again_on_the_same_rows(calls):
    set_params({"register.min_improvement_pct": 99.0})
    calls.pipeline = grown(12, 700)
    code, said = calls(7)
    assert (code, said[-1].split(":")[0]) == (14, "kept")
    assert history.champion(events()).version == 1
    assert events()[-1].outcome == "kept"
    assert calls(20)[0] == 10


def test_where_all_is_as_it_was_that_is_told(calls):
    set_params({"retrain.age_days": 30.0})
    code, said = calls(31)
    assert (code, said[-1]) == (
        *(14, "kept: the run has changed nothing: today's best is known already"),
    )
    assert what()[-2:] == ["retraining", "retrained"]
    assert calls(60.9)[0] == 10  # thirty days from that run on
    assert calls(61)[0] == 14


def test_what_fails_may_be_tried_again_at_once(calls):
    set_params({"ingest.rows": 700})
    calls.pipeline = lambda: False
    code, said = calls(10)
    assert (code, said[-1]) == (1, "failed: the pipeline did not come to a decision")
    assert what()[-2:] == ["retraining", "retrained"]
    assert calls(10.1)[0] == 1
    assert [e.outcome for e in events() if e.what == "retrained"][1:] == ["failed", "failed"]


def test_where_nobody_passes_the_gate_it_says_so(calls):
    def pipeline():
        gate(min_skill_pct=100.0)
        with pytest.raises(PipelineError):
            register.main()
        return False

    set_params({"ingest.rows": 700})
    calls.pipeline = pipeline
    code, said = calls(10)
    assert code == 3
    assert said[-1].startswith("refused: no model passed the gate")
    assert history.champion(events()).version == 1
    assert calls(10.1)[0] == 11  # it has decided: the same rows would fail again


@pytest.mark.parametrize("moment", ["before the rule", "after it"])
def test_one_that_was_cut_is_gone_on_with(calls, moment):
    """As a killed process leaves it: the history has no end of it."""
    whole = grown(60, 700)

    def cut():
        if moment == "after it":
            whole()
        raise KeyboardInterrupt

    calls.pipeline = cut
    with pytest.raises(KeyboardInterrupt):
        calls(8)
    assert [event.what for event in events()].count("retraining") == 2
    ran = []

    def again():
        ran.append(1)
        return whole()

    calls.pipeline = again
    code, said = calls(9)
    assert code == 0
    assert len(ran) == (moment == "before the rule")
    assert said[-1].endswith(" (cut short after that)") == (moment == "after it")
    told = [event.what for event in events()]
    assert told.count("retraining") == (3 if moment == "before the rule" else 2)
    assert told.count("promoted") == told.count("retrained") == 2
    set_params({"ingest.rows": 900})
    # the cooldown counts from the beginning of the one that decided
    assert calls(14.9)[0] == 11
    calls.pipeline = lambda: False
    assert calls(15)[0] == (11 if moment == "before the rule" else 1)


def test_findings_of_who_watches_fire(calls):
    set_params({"retrain.drift": 0.2, "retrain.live_error": 5.0})
    assert calls(8)[1][3:5] == ["drift: not watched", "live_error: not watched"]
    found = {
        "when": (START + timedelta(days=8)).isoformat(),
        "content_hash": history.champion(events()).content_hash,
        "drift": {"value": 0.31, "what": "UnitPrice"},
    }
    path = Path("state/watch/findings.json")
    path.parent.mkdir()
    path.write_text(json.dumps(found))
    code, said = calls(9)
    assert code == 14
    assert said[3] == "drift: fires: 0.31 (UnitPrice) on 2027-01-09; 0.2 are asked for"
    assert [event.due for event in events() if event.due][-1] == ("drift",)
    path.write_text("{")
    with pytest.raises(PipelineError, match=r"findings\.json is damaged: "):
        calls(10)


def test_by_hand_it_is_only_proposed(calls):
    set_params({"register.approval": "manual"})
    calls.pipeline = grown(60, 700)
    code, said = calls(8)
    assert code == 13
    assert said[-1].startswith("proposed: xgboost, version 2: ")
    assert history.champion(events()).version == 1
    sys.argv = ["champion", "approve", "2", "--reason", "looked at"]
    champion.main()
    assert history.champion(events()).version == 2
    assert calls(8.1)[0] == 10
    assert what()[-2:] == ["promoted", "not due"]


def test_two_at_once_in_a_folder(calls):
    with (
        lock.locked(Path("state/retrain"), 0),
        pytest.raises(PipelineError, match=r"a retraining is under way by process \d+ \(.*\) sin"),
    ):
        calls()
    assert len(what()) == 4


def test_another_machine_is_left_at_it_for_a_while(calls, monkeypatch):
    def cut():
        raise KeyboardInterrupt

    calls.pipeline = cut
    set_params({"ingest.rows": 700})
    with monkeypatch.context() as elsewhere, pytest.raises(KeyboardInterrupt):
        elsewhere.setattr(retrain.platform, "node", lambda: "another")
        calls(8)
    assert events()[-1].at.startswith("another-")
    before = events()
    code, said = calls(8.2)
    assert code == 12
    assert said[-1].startswith("under way: at another-")
    assert events() == before
    calls.pipeline = lambda: False
    code, said = calls(8.25)
    assert code == 1
    assert any(line.startswith("retraining: goes on with that of 2027-01-09") for line in said)


def test_experiments_retrain_nothing(calls, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "deeper")
    with pytest.raises(PipelineError, match="experiments never promote"):
        calls()


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("failing", [None, "dvc", "make"])
def test_ingest_reads_again_what_dvc_does_not_see(monkeypatch, unseen, failing):
    ran = []

    def run(command, check, pass_fds):
        assert pass_fds == (7,)
        words = [word for word in command if word not in (sys.executable, "-m")]
        ran.append(words)
        return subprocess.CompletedProcess(command, int(words[0] == failing))

    monkeypatch.setattr(subprocess, "run", run)
    succeeded = retrain._pipeline(unseen, 7)
    assert succeeded == (failing is None or (failing == "dvc" and not unseen))
    forced = [["dvc", "repro", "--force", "--single-item", "ingest"]] if unseen else []
    repro = [["make", "--no-print-directory", "repro"]]
    assert ran == forced + ([] if unseen and failing == "dvc" else repro)


def test_where_it_alone_is_killed_the_pipeline_holds_the_lock_until_it_ends(tmp_path):
    (tmp_path / "Makefile").write_text(
        "repro:\n\t@touch begun; while ! test -e go; do sleep 0.05; done\n"
    )
    program = (
        "from pathlib import Path; from sales.registry.lock import locked\n"
        "from stages import retrain\n"
        "with locked(Path('state'), 0) as held: retrain._pipeline(False, held)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=env)

    def free():
        try:
            with lock.locked(tmp_path / "state", 0):
                return True
        except PipelineError:
            return False

    try:
        patience.until((tmp_path / "begun").exists)
        process.kill()
        process.wait(patience.SECONDS)
        assert not free()
    finally:
        (tmp_path / "go").touch()
    patience.until(free)


def test_the_page_has_every_code():
    page = (ROOT / "docs/retraining.md").read_text()
    for word, code in retrain.CODES.items():
        assert f"| {code} | `{word}`" in page
    assert len(set(retrain.CODES.values())) == len(retrain.CODES)
    fine = {word for word, code in retrain.CODES.items() if code == 0 or code >= 10}
    assert fine == set(retrain.CODES) - {course.FAILED, course.REFUSED}
