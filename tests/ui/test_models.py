"""The view Models: side by side, the gate's verdicts, and the switch."""

import httpx
import pytest

from tests.bento_server import serve, stop
from tests.ui.shown import button, everything, labels
from ui.client import RefusedError, Service


@pytest.fixture
def switched_back(running):
    yield
    httpx.post(f"{running}/models/load?alias=champion")


def test_every_model_stands_there_with_metrics_and_verdicts_rule_by_rule(page, running):
    app = page("models", running)
    heads = [one.value for one in app.header]
    assert heads[0].startswith("Champion")
    assert "answers now" in heads[0]
    assert heads[1:] == ["Challenger", "Fallback"]
    for place, alias in enumerate(("champion", "challenger", "fallback")):
        told = httpx.get(f"{running}/models/{alias}/evaluation").json()
        rules = app.table[3 + place].value
        assert len(rules) == 9
        assert list(rules["Kept"]) == [
            "✓" if rule["passed"] else "✗" for rule in told["gate"]["rules"].values()
        ]
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
    assert "refused: 8 of 9 rules kept" in everything(app)
    rules = app.table[3].value.set_index("Rule")
    broken = rules.loc["How much worse on new rows than on known ones"]
    assert tuple(broken) == ("✗", "at most 2 %", "9 %")


def test_a_lone_champion_and_an_export_without_evaluations_are_told_of(page, promoted, tmp_path):
    import json
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
