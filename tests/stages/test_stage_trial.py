"""`make trial` on a real registry: begun, looked at, ended, and what follows is one change."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sales import files, params
from sales.errors import PipelineError
from sales.registry import changing, clock, history, tracking, trials
from sales.serving import on_trial
from stages import champion, register, trial
from tests.examples import PUBLISHED_ORDER, set_params
from tests.faults import agree, told
from tests.histories import START
from tests.kept import Keeping
from tests.paired_rows import errors, keep

SERVED = "state/served"


def run(*words):
    sys.argv = ["trial", *words]
    trial.main()


def events():
    return changing.events(params.read("register", tracking.RegisterParams))


def what(last=2):
    return [event.what for event in events()][-last:]


def stands():
    """Return the versions of champion and challenger, on which all that is kept agrees."""
    assert agree(told(Path.cwd()))
    first, second = history.champion(events()), history.challenger(events())
    return first and first.version, second and second.version


def exported():
    return on_trial.read(Path("models/promoted"))


@pytest.fixture
def at(three, monkeypatch):
    """Return a function that sets the day; it is the first. Three champions are behind it."""
    monkeypatch.setenv("SERVED", SERVED)
    monkeypatch.setenv("API_URL", "http://127.0.0.1:9")  # where nobody is

    def set_day(number):
        moment = START + timedelta(days=number)
        monkeypatch.setenv(clock.NOW, moment.isoformat())
        return moment

    set_day(0)
    return set_day


def truths(better_pct, rows=2_000, on=0.1, **more):
    """Let truths come of the champion and the challenger as they stand."""
    pair = history.champion(events()), history.challenger(events())
    hashes = [who.content_hash for who in pair if who]
    keep(SERVED, *hashes, errors(rows, better_pct), START + timedelta(days=on), **more)


def test_from_the_beginning_to_a_promotion(at, capsys):
    assert stands() == (3, 2)
    run("--name", "spring", "--share", "5")
    assert stands() == (3, 2)
    told_ = exported().trial
    assert (told_.name, told_.share_pct, told_.outcome) == ("spring", 5.0, "")
    truths(10, rows=250)
    run()
    said = capsys.readouterr().out
    assert "trial 'spring': xgboost, version 2 against linear_regression, version 3" in said
    assert "the challenger answers 5 % of the requests" in said
    assert "verdict (alpha 0.05), after 100,000 truths or on 2027-01-31" in said
    card = Path("models/promoted/cards/challenger.md").read_text()
    assert "version 2 on trial against linear\\_regression, version 3 since 2027-01-01" in card
    assert "not yet: RMSE" in said
    assert stands() == (3, 2)
    run("--name", "spring", "--share", "20")
    assert exported().trial.share_pct == 20.0
    truths(10, rows=3_000, on=1, name="more", canary=600)
    at(2)
    run("--dry")
    assert "better (DRY=1: nothing is done)" in capsys.readouterr().out
    assert stands() == (3, 2)
    run()
    said = capsys.readouterr().out
    assert "champion: xgboost, version 2" in said
    assert stands() == (2, 3)
    ended, promoted = events()[-2:]
    assert (ended.what, ended.outcome, ended.by) == ("trial ended", "better", "rule")
    assert (promoted.what, promoted.by, promoted.trial) == (
        *("promoted", "rule"),
        {"name": "spring"},
    )
    assert "RMSE" in promoted.reason
    assert exported().trial.outcome == "better"
    for alias in ("champion", "challenger"):
        card = Path(f"models/promoted/cards/{alias}.md").read_text()
        assert "xgboost, version 2 on trial against linear\\_regression, version 3, better" in card
    shown = json.loads(Path(SERVED, "trial.json").read_text())
    assert (shown["outcome"], shown["verdict"], shown["rows"]) == ("better", "better", 3_250)
    assert shown["points"][-1]["low_pct"] > 0
    # Today's test rows, by which the other one was champion, do not undo what truths have said.
    register.main()
    assert stands() == (2, 3)
    assert "the trial 'spring' promoted xgboost over linear_regression" in events()[-1].reason
    run()
    assert "it has ended, better" in capsys.readouterr().out
    sys.argv = ["champion", "history"]
    champion.main()
    assert "trial begun" in capsys.readouterr().out


def test_where_a_person_approves_it_is_proposed(at, capsys):
    set_params({"register.approval": "manual"})
    run("--name", "spring")
    truths(15)
    run()
    assert "is proposed, make approve takes it" in capsys.readouterr().out
    assert stands() == (3, 2)
    assert what() == ["trial ended", "proposed"]
    sys.argv = ["champion", "approve", "", "--reason", "as the trial says"]
    champion.main()
    assert stands() == (2, 3)


@pytest.mark.parametrize(
    ("better_pct", "rows", "outcome"), [(-15, 2_000, "worse"), (0, 40_000, "equal")]
)
def test_on_any_other_verdict_the_champion_stays_and_the_canary_ends(
    at, capsys, better_pct, rows, outcome
):
    set_params({"register.min_improvement_pct": 2.0})
    run("--name", "spring", "--share", "20")
    truths(better_pct, rows)
    run()
    assert f"{outcome}: linear_regression, version 3 stays champion" in capsys.readouterr().out
    assert stands() == (3, 2)
    assert (exported().trial.outcome, exported().trial.share_pct) == (outcome, 0.0)
    assert what(1) == ["trial ended"]
    run()
    assert what(1) == ["trial ended"]  # once


def test_it_ends_undecided_after_its_rows_or_days(at, capsys):
    set_params({"trial.most_days": 3.0})
    run("--name", "spring")
    truths(0, 500)
    at(2.9)
    run()
    assert trials.running(events())
    at(3)
    run()
    assert "undecided: linear_regression, version 3 stays champion" in capsys.readouterr().out
    assert "after 3 days: not yet: RMSE" in events()[-1].reason
    set_params({"trial.most_rows": 500})
    run("--name", "june")
    truths(0, 500, on=3.1, name="june")
    run()
    assert "after 500 truths" in events()[-1].reason


def test_a_person_ends_it(at, capsys):
    run("--name", "spring", "--share", "20")
    run("--end", "--reason", "too risky\nbefore Christmas")
    assert "trial 'spring' is stopped" in capsys.readouterr().out
    last = events()[-1]
    assert (last.outcome, last.by) == ("stopped", "person")
    assert last.reason == "'spring', too risky before Christmas"
    assert exported().trial.share_pct == 0.0
    with pytest.raises(PipelineError, match="no such trial runs"):
        run("--end")


def test_terms_stay_what_they_were(at):
    run("--name", "spring")
    set_params({"trial.alpha": 0.5, "trial.least_rows": 2, "register.min_improvement_pct": 50.0})
    assert trials.running(events()).terms["alpha"] == 0.05
    truths(10, 3_000)
    run()
    assert stands() == (2, 3)


def test_a_trial_may_have_terms_of_its_own(at):
    words = ("--alpha", "0.2", "--most-rows", "400", "--most-days", "1.5")
    run("--name", "spring", *words)
    terms = trials.running(events()).terms
    assert (terms["alpha"], terms["most_rows"], terms["most_days"]) == (0.2, 400, 1.5)
    assert terms["least_rows"] == 300  # as params.yaml has it
    with pytest.raises(PipelineError, match="keeps the terms that it began with: SHARE alone"):
        run("--name", "spring", "--share", "5", "--alpha", "0.1")
    truths(0, 400)
    run()
    assert events()[-1].outcome == "undecided"
    assert "after 400 truths" in events()[-1].reason


def test_another_version_is_tried_and_becomes_challenger(at):
    run("--name", "spring", "--model", "1")
    assert stands() == (3, 1)
    register.main()  # today's second is version 2, which has to wait
    assert stands() == (3, 1)
    assert trials.running(events())
    run("--end")
    register.main()
    assert stands() == (3, 2)


def test_a_promotion_by_a_person_overtakes_it(at, capsys):
    run("--name", "spring", "--share", "20")
    sys.argv = ["champion", "promote", "challenger", "--reason", "I know better"]
    champion.main()
    assert exported().trial.outcome == "overtaken"
    run()
    assert "it has ended, overtaken: promoted xgboost, version 2" in capsys.readouterr().out


REFUSED = [
    (["--name", "june"], "the trial 'spring' runs: one at a time"),
    (["--name", "spring"], "the trial 'spring' runs: one at a time"),
    (["--name", "june", "--share", "120"], "SHARE=120: percent of the requests"),
    (["--share", "5"], "name the trial"),
    (["--alpha", "0.1"], "name the trial"),
    (["--name", "june", "--alpha", "3"], "ALPHA=3: Input should be less than"),
    (["--name", "june", "--most-rows", "many"], "MOST_ROWS=many: Input should be a valid integer"),
    (["--name", "june", "--most-days", "0"], "MOST_DAYS=0: Input should be greater than 0"),
    (["--name", "a/b"], "names no trial"),
    (["--name", "x", "--dry"], "DRY=1 tells how a trial stands"),
    (["--end", "--dry"], "DRY=1 tells how a trial stands"),
    (["--follow", "soon"], "FOLLOW=soon: seconds between two looks"),
]


def test_what_cannot_be_is_refused_in_a_line(at):
    run("--name", "spring")
    before = told(Path.cwd())
    for words, said in REFUSED:
        with pytest.raises(PipelineError, match=said):
            run(*words)
    assert told(Path.cwd()) == before


def test_who_cannot_be_tried_is_refused_in_a_line(at, monkeypatch):
    for model, said in (
        ("3", "is champion: it cannot be tried against itself"),
        ("9", "there is no version 9"),
        ("xgboost", "challenger, or the number of a version"),
    ):
        with pytest.raises(PipelineError, match=said):
            run("--name", "spring", "--model", model)
    sys.argv = ["champion", "rollback"]
    champion.main()
    with pytest.raises(PipelineError, match=r"there is no challenger|cannot be tried"):
        run("--name", "spring")
    with pytest.raises(PipelineError, match="is barred: `make lift VERSION=3`"):
        run("--name", "spring", "--model", "3")
    run("--name", "spring", "--model", "1")
    run("--end")
    with pytest.raises(PipelineError, match="there was a trial 'spring' already"):
        run("--name", "spring", "--model", "1")
    set_params({"trial.customer": "CustomerID"})
    with pytest.raises(PipelineError, match="CustomerID is not kept of answered rows"):
        run("--name", "june", "--model", "1")
    monkeypatch.setenv("SERVED", "")
    set_params({"trial.customer": None})
    with pytest.raises(PipelineError, match="SERVED names no folder"):
        run("--name", "june", "--model", "1")
    monkeypatch.setenv("DVC_EXP_NAME", "dearer")
    with pytest.raises(PipelineError, match="experiments never promote"):
        run("--name", "june")


def test_without_a_trial_it_says_how_to_begin_one(at, capsys):
    run()
    assert "no trial yet: make trial NAME=spring" in capsys.readouterr().out


def test_the_way_back_by_itself(at, capsys, monkeypatch):
    set_params({"trial.rollback": "auto", "trial.cooldown_days": 2.0})
    sys.argv = ["champion", "promote", "challenger", "--reason", "a test"]
    champion.main()
    run()
    assert "watched over, beside linear_regression, version 3" in capsys.readouterr().out
    watch = exported().watch
    assert datetime.fromisoformat(watch.until) == START + timedelta(days=7)
    one, before = (who.content_hash for who in (history.champion(events()), events()[-1].from_))
    assert (watch.champion, watch.before) == (one, before)
    run()
    assert what(1) == ["watch begun"]  # once
    assert "does not tell its metrics" in capsys.readouterr().out
    keep(SERVED, one, before, errors(3_000, 10), START + timedelta(days=1))
    at(2)
    run("--dry")
    assert "rollback: on truths the champion before it" in capsys.readouterr().out
    run()
    assert "barred: xgboost, version 2" in capsys.readouterr().out
    assert stands()[0] == 3
    last = events()[-1]
    assert (last.what, last.by, last.to.version) == ("rolled back", "rule", 3)
    assert "linear_regression, version 3, has RMSE" in last.reason
    assert exported().watch is None
    card = Path("models/promoted/cards/champion.md").read_text()
    told_ = "xgboost, version 2 went by itself, linear\\_regression, version 3 came back: on truths"
    assert told_ in card


@pytest.mark.parametrize(
    ("bounds", "body", "reason"),
    [
        ({"trial.most_refused_pct": 5.0}, {}, "5.45 % of the requests are refused, 5 % are let"),
        ({"trial.most_refused_pct": 6.0}, {}, ""),
        ({"trial.most_refused_pct": None}, {}, ""),
        ({"trial.most_p99_ms": 0.001}, PUBLISHED_ORDER, "p99 is up to "),
        ({"trial.most_p99_ms": 1e9}, PUBLISHED_ORDER, ""),
    ],
)
def test_it_goes_back_for_refusals_and_for_slow_answers(at, monkeypatch, bounds, body, reason):
    """By what a service really counts: 104 good requests, and six with a body."""
    set_params({"trial.rollback": "auto", **bounds})
    sys.argv = ["champion", "promote", "challenger", "--reason", "a test"]
    champion.main()
    service = Keeping(Path("models/promoted").absolute(), Path("service").absolute())
    monkeypatch.setattr(trial, "_metrics", lambda _: service.ask("GET", "/metrics").text)
    service.ask("POST", "/predict", json={})  # before the first look: no fault of this champion
    run()
    run()
    assert stands() == (2, 3)
    for number in range(110):
        service.ask("POST", "/predict", json=body if number < 6 else PUBLISHED_ORDER)
    run()
    assert stands()[0] == (3 if reason else 2)
    last = events()[-1]
    assert (last.what, last.by) == ("rolled back" if reason else "watch begun", "rule")
    assert not reason or last.reason.startswith(reason)


def test_it_goes_back_for_answers_that_are_none_and_not_within_a_cooldown(at, capsys, monkeypatch):
    set_params({"trial.rollback": "auto", "trial.cooldown_days": 2.0})
    counted = {"priced": 1000.0, "strange": 5.0}

    def metrics(_):
        return (
            f'orders_priced_total{{alias="champion"}} {counted["priced"]}\n'
            f'predictions_not_finite_total{{alias="champion"}} {counted["strange"]}\n'
        )

    monkeypatch.setattr(trial, "_metrics", metrics)
    sys.argv = ["champion", "promote", "challenger", "--reason", "a test"]
    champion.main()
    run()  # what was counted before is no fault of this champion
    counted["priced"] += 100
    run()
    assert stands() == (2, 3)
    counted["strange"] += 1
    run()
    assert stands()[0] == 3
    assert events()[-1].reason == "1 % of the answers are no numbers, 0 % are let"
    sys.argv = ["champion", "lift", "2"]
    champion.main()
    at(0.5)
    run("--name", "again", "--model", "2")
    keep(
        *(SERVED, history.champion(events()).content_hash),
        *(history.challenger(events()).content_hash, errors(3_000, 10)),
        START + timedelta(days=0.6),
    )
    run()
    assert stands() == (2, 3)
    capsys.readouterr()
    run()  # the watch
    counted["strange"] += 50
    run()
    assert "no rollback before 2027-01-03" in capsys.readouterr().out
    assert stands() == (2, 3)
    at(2)
    run()
    assert stands()[0] == 3


def test_what_is_shown_is_json_without_what_json_has_not(at):
    run("--name", "spring")
    run()
    shown = json.loads(Path(SERVED, "trial.json").read_text())
    assert (shown["verdict"], shown["rows"], shown["low_pct"]) == ("not yet", 0, None)
    assert shown["points"] == []
    assert "Infinity" not in Path(SERVED, "trial.json").read_text()
    assert np.isfinite(shown["rows_needed"])
    assert files.read_json(Path("metrics/registry.json"))["champion"]["version"] == 3
    assert datetime.fromisoformat(shown["begun"]) == datetime(2027, 1, 1, 3, tzinfo=UTC)
