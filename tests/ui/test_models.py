"""The view Models: side by side, the gate's verdicts, and the switch."""

import json
import re
import threading

import httpx
import pytest

from tests import patience, watch_answers
from tests.bento_server import serve, stop
from tests.ui.shown import button, everything, labels
from ui import terms
from ui.client import DownError, RefusedError, Service


@pytest.fixture
def switched_back(running):
    yield
    httpx.post(f"{running}/models/load?alias=champion")


def test_every_model_stands_there_with_metrics_and_verdicts_rule_by_rule(page, running):
    app = page("models", running)
    heads = [one.value for one in app.header]
    assert heads[0].startswith("Champion")
    assert "answers now" in heads[0]
    assert "The champion answers now" in everything(app)
    assert heads[1:] == ["Challenger", "Fallback", "What differs"]
    scores, rules = app.table[0].value, app.table[1].value
    assert list(scores.columns) == ["Score", "Champion", "Challenger", "Fallback"]
    assert "Typical error, 95 % sure" in everything(app)
    assert len(rules) == 11
    for place, alias in enumerate(("champion", "challenger", "fallback")):
        told = httpx.get(f"{running}/models/{alias}/evaluation").json()
        marks = {
            terms.RULES[name][0]: "–" if not rule["applies"] else "✓" if rule["passed"] else "✗"
            for name, rule in told["gate"]["rules"].items()
        }
        shown = rules.set_index("Rule")[alias.capitalize()]
        assert {rule: cell.split()[0] for rule, cell in shown.items()} == marks
        shown = app.metric[3 * place]
        assert shown.label == "Typical error"
        assert float(shown.value.strip("$").replace(",", "")) == pytest.approx(
            told["metrics"]["test"]["rmse"], abs=0.01
        )
    assert not app.exception


def test_a_switch_asks_first_and_then_another_model_answers(page, running, switched_back):
    app = page("models", running)
    button(app, "Let the challenger answer").click().run()
    assert "answers, whoever asks" in everything(app)
    assert httpx.get(f"{running}/model-info").json()["alias"] == "champion"
    button(app, "Switch").click().run()
    assert httpx.get(f"{running}/model-info").json()["alias"] == "challenger"
    assert "The challenger answers now." in everything(app)
    assert "Let the champion answer" in labels(app)


def test_a_service_that_wants_a_token_is_given_one(page, running, monkeypatch, switched_back):
    """From another host: the page asks, and a wrong token is told of."""
    sent = []

    def models(self):
        return {**self._json("GET", "/models"), "may_switch": "with_token"}

    def switch(self, alias, token=""):
        sent.append((alias, token))
        if token != "right":  # noqa: S105
            raise RefusedError(401, "send the administrator's token: Authorization: Bearer ...")

    monkeypatch.setattr(Service, "models", models)
    monkeypatch.setattr(Service, "switch", switch)
    app = page("models", running)
    button(app, "Let the challenger answer").click().run()
    assert button(app, "Switch").disabled
    app.text_input[0].set_value("wrong").run()
    button(app, "Switch").click().run()
    assert "administrator's token" in app.error[0].value
    app.text_input[0].set_value("right").run()
    button(app, "Switch").click().run()
    assert sent == [("challenger", "wrong"), ("challenger", "right")]
    assert "The challenger answers now." in everything(app)


def test_where_nobody_may_switch_the_page_says_why(page, running, monkeypatch):
    def models(self):
        return {**self._json("GET", "/models"), "may_switch": "no"}

    monkeypatch.setattr(Service, "models", models)
    app = page("models", running)
    found = button(app, "Let the challenger answer")
    assert found.disabled
    assert "ADMIN_TOKEN" in found.help


def test_a_refused_model_shows_which_rules_it_broke(page, running, monkeypatch):
    ask = Service.evaluation

    def refused(self, alias):
        found = ask(self, alias)
        rule = {"value": 9.0, "threshold": 2.0, "passed": False, "why": "the gap is 9, at most 2"}
        rules = {**found["gate"]["rules"], "max_generalization_gap_pct": rule}
        return {**found, "gate": {"verdict": "refused", "failed": [], "rules": rules}}

    monkeypatch.setattr(Service, "evaluation", refused)
    app = page("models", running)
    assert "refused: 9 of 10 rules kept" in everything(app)
    first = app.table[1].value.iloc[0]  # what was broken stands first
    assert first["Rule"] == "How much worse on new rows than on known ones"
    assert tuple(first[["Limit", "Champion"]]) == ("at most 2 %", "✗ 9 %")


def test_a_lone_champion_and_an_export_without_evaluations_are_told_of(page, promoted, tmp_path):
    import shutil

    lone = tmp_path / "lone"
    shutil.copytree(promoted, lone)
    shutil.rmtree(lone / "evaluation")
    (lone / "data.json").unlink()
    entries = json.loads((lone / "promoted.json").read_text())
    entries["challenger"] = entries["fallback"] = None
    (lone / "promoted.json").write_text(json.dumps(entries))
    process, url = serve(lone, tmp_path)
    try:
        app = page("models", url)
        assert "There is no challenger" in everything(app)
        assert "There is no evaluation beside this model" in everything(app)
        assert not app.error
        app = page("data", url)
        assert "make repro" in app.error[0].value
    finally:
        stop(process)


def test_a_switch_can_be_cancelled(page, running):
    app = page("models", running)
    button(app, "Let the challenger answer").click().run()
    button(app, "Cancel").click().run()
    assert "answers, whoever asks" not in everything(app)
    assert "Switch" not in labels(app)
    assert httpx.get(f"{running}/model-info").json()["alias"] == "champion"


def test_a_switch_that_fails_is_told_in_the_dialog(page, running, monkeypatch):
    def down(*_):
        raise DownError("The service does not answer.")

    app = page("models", running)
    button(app, "Let the challenger answer").click().run()
    monkeypatch.setattr(Service, "switch", down)
    button(app, "Switch").click().run()
    assert "does not answer" in app.error[0].value
    assert "Cancel" in labels(app)
    assert app.title[0].value == "Models"


def test_what_is_behind_the_scores_is_folded(page, running):
    app = page("models", running, unfolded=False)
    assert len(app.table) == 0
    assert len(app.get("vega_lite_chart")) == 0
    assert [(one.label, one.proto.expanded) for one in app.expander] == [
        ("All scores, what differs most first", False),
        ("How far off", False),
        ("Predicted against true", False),
        ("Error by group", False),
        ("The gate, rule by rule", False),
        ("Why it is champion, or not", False),
        ("How a model ages", False),
    ]


def test_no_score_is_written_with_an_exponent_or_a_hash(page, running):
    app = page("models", running)
    shown = "\n".join([everything(app), *(table.value.to_string() for table in app.table)])
    assert not re.search(r"\d[eE][+-]\d", shown)
    for model in httpx.get(f"{running}/models").json()["registered_models"]:
        assert model["content_hash"][:8] not in shown
        assert any(model["content_hash"] in one.help for one in app.caption)


def test_the_models_are_asked_for_at_the_same_time(page, running, monkeypatch):
    """Each question waits until the others are asked too, or gives up after a while."""
    evaluations = threading.Barrier(3, timeout=patience.SECONDS)
    first = threading.Barrier(2, timeout=patience.SECONDS)

    def waiting(name, others):
        ask = getattr(Service, name)

        def waits(self, *arguments):
            others.wait()
            return ask(self, *arguments)

        monkeypatch.setattr(Service, name, waits)

    app = page("models", running)  # which the view Predict was before: it asks for data too
    for name in ("models", "data"):
        waiting(name, first)
    waiting("evaluation", evaluations)
    app.session_state["evaluations"] = {}
    app.run()
    assert len(app.metric) == 9
    assert not app.error


def test_an_evaluation_is_kept_until_the_model_is_another(page, running, monkeypatch):
    asked = []
    ask = Service.evaluation
    monkeypatch.setattr(
        Service, "evaluation", lambda self, alias: asked.append(alias) or ask(self, alias)
    )
    app = page("models", running)
    app.run()
    assert sorted(asked) == ["challenger", "champion", "fallback"]
    models = Service(running).models()
    models["registered_models"][1]["content_hash"] = "another"
    monkeypatch.setattr(Service, "models", lambda _: models)
    app.run()
    assert asked[3:] == ["challenger"]


def test_all_models_are_drawn_on_the_same_axes(page, running):
    drawn = {
        one.proto.alt: json.dumps(json.loads(one.proto.spec))
        for one in page("models", running).get("vega_lite_chart")
    }
    assert len(drawn) == 3
    for spec in drawn.values():
        assert all(name in spec for name in ("Champion", "Challenger", "Fallback"))


def test_how_the_models_followed_one_another_is_told_where_it_was_watched(
    page, running, monkeypatch
):
    monkeypatch.setattr(Service, "watched", lambda _: watch_answers.found(12))
    app = page("models", running)
    assert "How the models followed one another" in [one.label for one in app.expander]
    told = app.table[-1].value
    assert told["Model"].tolist() == [
        "Linear regression, version 3: promoted".replace(":", r"\:"),
        "XGBoost, version 2: promoted".replace(":", r"\:"),
    ]
    assert told["Why"].tolist()[0] == "test RMSE better by 12 %"
