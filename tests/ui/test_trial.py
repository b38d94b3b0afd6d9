"""The challenger on trial, as the view Models shows it: who, how it stands, how it closes in."""

import json

import httpx
import pytest

from tests.paired_rows import tried
from tests.ui.shown import everything
from ui import trial, trial_chart

LATER = {"runs": False, "share_pct": 0.0}


def document(rows=2_000, better_pct=0.0, **changes):
    told = json.loads(json.dumps(tried(rows, better_pct)))
    for alias, model in (("champion", "linear_regression"), ("challenger", "xgboost")):
        told[alias]["model"] = model
    return {**told, **changes}


@pytest.fixture
def models(page, running, answering):
    """Return a function that opens the view over the real service, which tells so of a trial."""

    def opened(status, body):
        def answer(path):
            if path == "/trial":
                return status, json.dumps(body).encode()
            found = httpx.get(f"{running}{path}")
            return found.status_code, found.content

        return page("models", answering(answer))

    return opened


def charted(app):
    return [one.proto.alt for one in app.get("vega_lite_chart")]


def test_where_there_was_no_trial_nothing_is_said_of_one(models):
    app = models(404, {"detail": "no trial yet"})
    assert "On trial" not in [one.value for one in app.header]
    assert not app.error
    assert not app.exception


def test_a_trial_that_runs_is_shown_closing_in(models):
    app = models(200, document(share_pct=5.0))
    shown = everything(app).replace("\\", "")
    assert "On trial" in [one.value for one in app.header]
    assert "“spring”: XGBoost, version 2, against Linear regression, version 1" in shown
    assert "It answers 5 % of the requests" in shown
    assert "Too early to tell; about " in shown
    assert "2,000 true amounts of answers that both predicted: its typical error is " in shown
    assert "95 % sure, however often it is looked at" in shown
    assert "How much smaller the challenger's typical error is, as true amounts came in" in charted(
        app
    )
    assert "Within the dotted lines, 1 % to both sides, the two count as equal." in shown
    assert not app.exception


def test_before_the_first_truth_there_is_no_chart(models):
    app = models(200, document(0))
    shown = everything(app).replace("\\", "")
    assert "Nothing can be said yet: no true amounts came." in shown
    assert "It answers nobody: what it would have answered is kept beside." in shown
    assert not [name for name in charted(app) if "challenger's" in name]
    assert not app.exception


@pytest.mark.parametrize(("outcome", "said"), trial.OUTCOMES.items())
def test_how_it_ended_is_said(outcome, said):
    found = document(outcome=outcome, **LATER)
    assert trial.stands(found) == said
    assert trial.who(found).endswith("It has ended.")


@pytest.mark.parametrize(("better_pct", "verdict"), [(15, "better"), (-15, "worse")])
def test_a_verdict_that_nobody_has_acted_on_yet(better_pct, verdict):
    found = document(better_pct=better_pct)
    assert (found["verdict"], found["outcome"]) == (verdict, None)
    assert trial.stands(found) == trial.VERDICTS[verdict]
    way = "smaller" if better_pct > 0 else "larger"
    assert f"% {way}, surely between" in trial.counted(found)
    assert "-" not in trial.counted(found)


def test_only_what_was_bounded_is_drawn():
    found = document(points=[])
    assert trial.course(found).empty
    point = {"rows": 40, "improvement_pct": 1.0, "low_pct": None, "high_pct": 9.0}
    found["points"] = [point, {**point, "rows": 80, "low_pct": -5.0, "verdict": "not yet"}]
    told = trial.course(found).to_dict("records")
    assert told == [{"rows": 80.0, "improvement_pct": 1.0, "low": -5.0, "high": 9.0}]


def test_the_first_wide_bands_do_not_hide_the_last_one():
    table = trial.course(document())
    low, high = trial_chart.seen(table, 1.0)
    last = table.iloc[-1]
    assert table["low"].min() < low <= min(0.0, last["low"])
    assert max(0.0, last["high"]) <= high < table["high"].max()
    drawn = trial_chart.closing_in(table, 1.0).to_dict()
    assert len(drawn["layer"]) == 4


def test_a_margin_that_lies_outside_is_not_drawn_there():
    table = trial.course(document())
    drawn = trial_chart.closing_in(table, 500.0).to_dict()
    assert drawn["layer"]


def test_a_single_error_score_has_its_own_words():
    assert "average error" in trial.counted(document(score="MAE"))
