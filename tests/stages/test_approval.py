"""`register.approval: manual`, on a real registry: the rule proposes, and a person promotes."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sales import estimators, files, params
from sales.errors import PipelineError
from sales.registry import changing, clock, history, proposals, tracking
from stages import champion, register
from tests.examples import set_params
from tests.faults import agree, told
from tests.histories import START
from tests.trained_project import NAMES, boosted, copied, decision, gate, open_registry


def run(*words):
    sys.argv = ["champion", *words]
    champion.main()


def events():
    return changing.events(params.read("register", tracking.RegisterParams))


def what():
    return [event.what for event in events()]


def stands():
    """Return the versions of champion and challenger, on which all that is kept agrees."""
    assert agree(told(Path.cwd()))
    first, second = history.champion(events()), history.challenger(events())
    return first and first.version, second and second.version


def tags(version):
    found = {int(each.version): each.tags for each in open_registry().versions().values()}[version]
    return {key: found.get(key, "") for key in ("decision", "proposed", "proposed_until")}


@pytest.fixture
def at(monkeypatch):
    """Return a function that sets the day; it is the first."""

    def set_day(number):
        moment = START + timedelta(days=number)
        monkeypatch.setenv(clock.NOW, moment.isoformat())
        return moment.isoformat()

    set_day(0)
    return set_day


@pytest.fixture(scope="module")
def once(trained, tmp_path_factory):
    """Leave a champion, version 1, and the proposal of version 2; every test copies the folder."""
    folder = tmp_path_factory.mktemp("proposed")
    copied(trained, folder)
    with pytest.MonkeyPatch.context() as there:
        there.chdir(folder)
        there.setattr(estimators, "NAMES", NAMES)
        there.setenv(clock.NOW, START.isoformat())
        set_params({"register.approval": "manual"})
        boosted(10)
        register.main()
        assert stands() == (1, None)  # the first is promoted, though nobody was asked
        boosted(60)
        register.main()
    return folder


@pytest.fixture
def proposed(project, once, at, monkeypatch):
    """Change into a copy of it."""
    copied(once, project)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    return project


def test_a_better_model_waits_and_the_champion_answers(proposed, capsys):
    assert stands() == (1, 2)
    assert what() == ["registered", "promoted", "registered", "proposed", "challenger"]
    found = proposals.waiting(events())
    assert (found.to.version, found.from_.version, found.by) == (2, 1, "rule")
    assert found.until == (START + timedelta(days=14)).isoformat()
    assert found.improvement_pct > 1
    assert decision()["outcome"] == "proposed"
    assert tags(2) == {
        "decision": "proposed",
        "proposed": START.isoformat(),
        "proposed_until": found.until,
    }
    before = events()
    for _ in range(2):  # settled, and looked at again
        register.main()
        Path("state/registry/settled").unlink()
    assert events() == before
    run("history")
    assert "proposed" in capsys.readouterr().out


def test_a_person_approves(proposed, at, capsys):
    approved = at(3)
    found = proposals.waiting(events())
    capsys.readouterr()
    run("approve", "", "--reason", "looked at\nthe errors")
    assert capsys.readouterr().out == (
        "champion: xgboost, version 2\nchallenger: xgboost, version 1\n"
    )
    assert stands() == (2, 1)
    last = events()[-1]
    assert (last.when, last.what, last.by) == (approved, "promoted", "person")
    assert last.reason == "looked at the errors"
    assert last.improvement_pct == found.improvement_pct
    assert tags(2) == {"decision": "approved", "proposed": "", "proposed_until": ""}
    assert decision()["outcome"] == "approved"
    assert files.read_json(Path("models/promoted/promoted.json"))["fallback"]["version"] == 1
    register.main()
    assert stands() == (2, None)  # today's only candidate is champion
    with pytest.raises(PipelineError, match="nothing waits for approval"):
        run("approve", "", "--reason", "again")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["approve", "1", "--reason", "x"], "version 1 is not proposed: xgboost, version 2 is"),
        (["approve", "two", "--reason", "x"], "'two' is no version: make approve VERSION=3, or no"),
        (["approve", "2"], 'say why, for the history: make approve REASON="..."'),
        (["approve", "", "--reason", " \n"], "say why, for the history"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(proposed, words, message):
    before = events()
    with pytest.raises(PipelineError, match=message):
        run(*words)
    assert events() == before
    assert stands() == (1, 2)


def test_there_is_nothing_to_approve_yet(gated):
    with pytest.raises(PipelineError, match="there is no champion yet"):
        run("approve", "", "--reason", "x")


def test_a_proposal_expires_and_the_next_register_judges_anew(proposed, at):
    over = at(14)
    with pytest.raises(PipelineError, match="the proposal of xgboost, version 2 has expired on"):
        run("approve", "2", "--reason", "late")
    register.main()  # though all was settled: time has passed
    assert what()[-2:] == ["expired", "proposed"]
    assert tags(2)["proposed"] == over
    assert tags(2)["proposed_until"] == (START + timedelta(days=28)).isoformat()
    run("approve", "2", "--reason", "in time")
    assert stands() == (2, 1)


def test_an_expired_one_that_is_no_better_any_more_is_not_proposed_again(proposed, at):
    at(14)
    set_params({"register.min_improvement_pct": 99.0})
    register.main()
    assert what()[-2:] == ["expired", "refused"]
    assert proposals.waiting(events()) is None
    assert tags(2) == {"decision": "kept", "proposed": "", "proposed_until": ""}


def test_a_newer_proposal_takes_its_place(proposed):
    boosted(90)
    register.main()
    assert proposals.waiting(events()).to.version == 3
    assert stands() == (1, 3)
    assert tags(2)["proposed"] == ""
    with pytest.raises(PipelineError, match="version 2 is not proposed: xgboost, version 3 is"):
        run("approve", "2", "--reason", "the one I looked at")
    run("approve", "3", "--reason", "this one then")
    assert stands() == (3, 1)


@pytest.mark.parametrize("way", ["promote", "auto"])
def test_another_way_to_the_champion_ends_it(proposed, way):
    if way == "promote":
        run("promote", "challenger", "--reason", "my own choice")
    else:
        set_params({"register.approval": "auto"})
        register.main()
    assert stands()[0] == 2
    assert proposals.waiting(events()) is None
    assert tags(2)["decision"] == ("approved" if way == "promote" else "replaced")
    with pytest.raises(PipelineError, match="nothing waits for approval"):
        run("approve", "", "--reason", "x")


def test_one_that_is_barred_is_never_proposed(proposed):
    run("approve", "2", "--reason", "looked at")
    run("rollback", "--reason", "too low")
    register.main()
    assert stands()[0] == 1
    assert what()[-1] == "refused"
    assert proposals.waiting(events()) is None


def test_in_place_of_a_champion_that_does_not_load_one_is_promoted_at_once(proposed):
    for file in Path().rglob("booster.ubj"):
        if "promoted" in file.parts or "artifacts" in file.parts:
            file.write_text("{")
    boosted(90)
    register.main()
    assert history.champion(events()).version == 3
    assert proposals.waiting(events()) is None
    assert "cannot be loaded" in decision()["reason"]


def test_an_experiment_proposes_nothing(proposed, monkeypatch):
    before = events()
    boosted(90)
    monkeypatch.setenv("DVC_EXP_NAME", "deeper")
    register.main()
    assert events() == before


def test_where_nobody_passes_the_gate_the_proposal_goes_on_waiting(proposed):
    gate(min_skill_pct=100.0)
    with pytest.raises(PipelineError, match="no model passed the gate"):
        register.main()
    assert proposals.waiting(events()).to.version == 2
