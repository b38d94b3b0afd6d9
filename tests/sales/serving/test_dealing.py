"""Who may deal requests out to the challenger does, and the answer says who gave it."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from sales import files
from sales.serving import answering, on_trial
from sales.serving.on_trial import OnTrial, Told, Watch
from sales.watching import trial_file
from tests.examples import PUBLISHED_ORDER, make_orders
from tests.kept import Keeping
from tests.paired_rows import tried


@pytest.fixture
def exports(promoted, tmp_path):
    return shutil.copytree(promoted, tmp_path / "exports")


def hashes(folder):
    entries = files.read_json(folder / "promoted.json")
    return {alias: entries[alias]["content_hash"] for alias in answering.ALIASES}


def on(folder, **facts) -> OnTrial:
    held = hashes(folder)
    return OnTrial("spring", held["champion"], held["challenger"], **facts)


def tell(folder, told: Told):
    (folder / on_trial.FILE).write_text(on_trial.written(told))


def share(service, percent, **request):
    return service.ask("POST", "/traffic", json={"challenger": percent}, **request)


def alias(service, request_id="a", **order) -> str:
    told = {"json": {**PUBLISHED_ORDER, **order}, "headers": {"X-Request-ID": request_id}}
    return service.ask("POST", "/predict", **told).json()["model"]["alias"]


def test_a_share_of_the_requests_is_answered_by_the_challenger_until_it_is_none(promoted, tmp_path):
    service = Keeping(promoted, tmp_path)
    assert service.ask("GET", "/traffic").json() == {
        **{"challenger": 0.0, "trial": None, "answers": "champion"}
    }
    assert share(service, 20).json() == {"challenger": 20.0, "trial": None, "answers": "both"}
    first = [alias(service, f"row-{number}") for number in range(200)]
    assert 15 <= first.count("challenger") <= 70
    assert first.count("champion") == 200 - first.count("challenger")
    assert [alias(service, f"row-{number}") for number in range(50)] == first[:50]
    text = service.ask("GET", "/metrics").text
    assert "canary_percent 20.0" in text
    assert share(service, 0).json()["challenger"] == 0.0
    assert {alias(service, f"row-{number}") for number in range(50)} == {"champion"}


def test_the_answer_is_the_very_one_of_the_challenger(promoted, tmp_path):
    service = Keeping(promoted, tmp_path)
    share(service, 100)
    body = json.dumps(PUBLISHED_ORDER).encode()
    answered = service.ask("POST", "/predict", content=body).json()
    del answered["request_id"]
    assert answered == answering.load(promoted)["challenger"].one(body).told
    orders = make_orders(5)
    sent = json.loads(orders.to_json(orient="records", date_format="iso"))
    assert service.ask("POST", "/predict_batch", json=sent).json()["model"] == answered["model"]
    scored = service.ask("POST", "/predict_file", content=orders.to_csv(index=False).encode())
    assert scored.headers["x-model-alias"] == "challenger"


def test_the_same_customer_is_answered_by_the_same_model(exports, tmp_path):
    tell(exports, Told(on(exports, share_pct=50.0, customer="CustomerID")))
    service = Keeping(exports, tmp_path)
    dealt = {
        name: {alias(service, f"{name}-{n}", OrderID=f"O{n}", CustomerID=name) for n in range(4)}
        for name in (f"CUST{number}" for number in range(30))
    }
    assert all(len(models) == 1 for models in dealt.values())
    assert set.union(*dealt.values()) == {"champion", "challenger"}


def test_without_a_customers_column_it_is_the_contracts_id(promoted, tmp_path):
    service = Keeping(promoted, tmp_path)
    share(service, 50)
    dealt = [{alias(service, f"{n}-{o}", OrderID=f"O{o}") for n in range(4)} for o in range(20)]
    assert all(len(models) == 1 for models in dealt)
    assert set.union(*dealt) == {"champion", "challenger"}


def test_whoever_switched_to_a_model_gets_that_one(promoted, tmp_path):
    service = Keeping(promoted, tmp_path)
    share(service, 100)
    service.ask("POST", "/models/load?alias=fallback")
    assert alias(service) == "fallback"
    assert service.ask("GET", "/traffic").json()["answers"] == "fallback"
    service.ask("POST", "/models/load?alias=champion")
    assert alias(service) == "challenger"


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"5", b'{"challenger": -1}', b'{"challenger": 101}', b"{"]
)
def test_what_is_no_share_is_refused_and_changes_nothing(promoted, tmp_path, body):
    service = Keeping(promoted, tmp_path)
    share(service, 5)
    assert service.ask("POST", "/traffic", content=body).status_code == 422
    for strange in (True, "5", None, float("nan")):
        told = json.dumps({"challenger": strange}).encode()
        assert service.ask("POST", "/traffic", content=told).status_code == 422
    assert service.ask("GET", "/traffic").json()["challenger"] == 5.0


def test_who_may_not_switch_models_may_not_deal_them_out(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, ADMIN_TOKEN="secret")  # noqa: S106
    assert share(service, 5).status_code == 401
    assert service.ask("GET", "/traffic").json()["challenger"] == 0.0
    told = {"headers": {"Authorization": "Bearer secret"}}
    assert share(service, 5, **told).json()["challenger"] == 5.0


def test_a_trial_brings_its_share_and_takes_it_away_again(exports, tmp_path):
    tell(exports, Told(on(exports, share_pct=100.0)))
    service = Keeping(exports, tmp_path)
    assert service.ask("GET", "/traffic").json() == {
        **{"challenger": 100.0, "trial": "spring", "answers": "both"}
    }
    assert share(service, 30).json()["challenger"] == 30.0  # the last word counts
    for told, percent in (
        (Told(on(exports, share_pct=100.0)), 30.0),  # nothing new
        (Told(on(exports, share_pct=40.0)), 40.0),
        (Told(on(exports, share_pct=40.0, outcome="equal")), 0.0),
        (Told(), 0.0),
    ):
        service.models.take(answering.load(exports), told)
        assert service.ask("GET", "/traffic").json()["challenger"] == percent


def test_the_challenger_that_was_worse_answers_nobody_until_another_trial(exports, tmp_path):
    tell(exports, Told(on(exports, share_pct=20.0, outcome="worse")))
    service = Keeping(exports, tmp_path)
    refused = share(service, 5)
    assert refused.status_code == 409
    assert "was worse in the trial 'spring'" in refused.json()["detail"]
    assert share(service, 0).status_code == 200
    service.models.take(answering.load(exports), Told(on(exports, share_pct=3.0)))
    assert share(service, 5).status_code == 200


def test_a_follower_does_as_the_registrys_trial_says_and_may_end_it_for_itself(exports, tmp_path):
    service = Keeping(exports, tmp_path)
    service.api_settings(model_uri="models:/orders")
    service.models.take(answering.load(exports), Told(on(exports, share_pct=20.0)))
    refused = share(service, 30)
    assert refused.status_code == 409
    assert "make trial NAME=spring SHARE=" in refused.json()["detail"]
    assert service.ask("GET", "/traffic").json()["challenger"] == 20.0
    assert share(service, 0).json()["challenger"] == 0.0
    assert share(service, 20).json()["challenger"] == 20.0


def test_other_models_end_a_share(exports, tmp_path):
    service = Keeping(exports, tmp_path)
    share(service, 100)
    promoted = files.read_json(exports / "promoted.json")
    files.write_json(exports / "promoted.json", {**promoted, "challenger": None})
    service.models.take(answering.load(exports))
    assert share(service, 5).status_code == 409
    assert alias(service) == "champion"
    files.write_json(exports / "promoted.json", promoted)
    service.models.take(answering.load(exports))
    assert service.ask("GET", "/traffic").json()["challenger"] == 0.0


def test_metrics_tell_what_goes_on_and_nothing_of_it_later(exports, tmp_path):
    service = Keeping(exports, tmp_path)
    held = hashes(exports)
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    watch = Watch(held["champion"], held["fallback"], until)
    for told, expected in (
        (Told(on(exports, share_pct=20.0)), ("20.0", "1.0", "0.0")),
        (Told(on(exports, share_pct=20.0, outcome="worse")), ("0.0", "0.0", "0.0")),
        (Told(watch=watch), ("0.0", "0.0", "1.0")),
        (Told(), ("0.0", "0.0", "0.0")),
    ):
        service.models.take(answering.load(exports), told)
        text = service.ask("GET", "/metrics").text
        names = ("canary_percent", "challenger_on_trial", "champion_watched")
        for name, value in zip(names, expected, strict=True):
            assert f"\n{name} {value}\n" in text
    assert "trial_truths" not in text
    trial_file.write(service.address, tried())
    service = Keeping(exports, tmp_path)
    assert "\ntrial_truths 0.0\n" in service.ask("GET", "/metrics").text


def test_a_trial_of_other_models_is_none(exports, tmp_path):
    told = Told(OnTrial("spring", "other", hashes(exports)["challenger"], 100.0))
    tell(exports, told)
    service = Keeping(exports, tmp_path)
    assert alias(service) == "champion"
    assert not service.models.comparing


@pytest.mark.parametrize("text", ["{", "[1]", '{"trial": {"nme": 1}}', '{"watch": {"until": "x"}}'])
def test_a_file_that_is_none_of_ours_is_told(exports, text):
    (exports / on_trial.FILE).write_text(text)
    with pytest.raises(answering.PipelineError, match="cut short, or not ours"):
        on_trial.read(exports)


def test_what_is_written_is_read_again():
    told = Told(
        OnTrial("spring", "a", "b", 5.0, "CustomerID", "equal"),
        Watch("a", "b", "2027-01-01T00:00:00+00:00"),
    )
    assert on_trial.parsed(on_trial.written(told)) == told
    assert on_trial.written(Told()) == ""


def test_there_is_no_trial_to_show_at_first(promoted, tmp_path):
    service = Keeping(promoted, tmp_path)
    assert service.ask("GET", "/trial").status_code == 404
    assert "make trial" in service.ask("GET", "/trial").json()["detail"]
