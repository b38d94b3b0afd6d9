"""Loading the exports, and answering by them."""

import json
import shutil

import pytest

from sales import files
from sales.errors import PipelineError
from sales.serving import answering
from sales.serving.ranges import UNSEEN
from sales.serving.request import RequestError
from tests.examples import PUBLISHED_ORDER, make_orders

BODY = json.dumps(PUBLISHED_ORDER).encode()


@pytest.fixture
def copy(promoted, tmp_path):
    return shutil.copytree(promoted, tmp_path / "promoted")


def test_every_export_is_loaded_with_its_entry(promoted):
    served = answering.load(promoted)
    assert list(served) == ["champion", "challenger", "fallback"]
    assert served["challenger"].model.name == "xgboost"
    about = served["challenger"].about()
    assert about["version"] == "2"
    assert about["metrics"] == {"test.rmse": 2.0}
    assert about["feature_set"] == "priced"
    assert about["trained_on_sha256"] == "e" * 64
    assert about["content_hash"] == files.content_hash(promoted / "challenger")


def test_an_answer_is_signed_by_the_model(promoted):
    champion = answering.load(promoted)["champion"]
    answered = champion.one(BODY).told
    assert answered["predicted_total_amount"] == pytest.approx(593.97, abs=0.01)
    assert answered["model"] == {
        "alias": "champion",
        "version": 1,
        "content_hash": champion.model.content_hash,
    }
    many = champion.many(b"[" + BODY + b"," + BODY + b"]", most=2).told
    assert many["predictions"] == [answered["predicted_total_amount"]] * 2
    with pytest.raises(answering.TooManyError, match="2 rows, at most 1 are taken at once"):
        champion.many(b"[" + BODY + b"," + BODY + b"]", most=1)
    with pytest.raises(RequestError):
        champion.one(b"{}")


def test_an_interval_says_where_it_does_not_hold(promoted):
    challenger = answering.load(promoted)["challenger"]
    far = json.dumps({**PUBLISHED_ORDER, "Quantity": 50}).encode()
    warning = f"Quantity: 50 is outside 1 to 5, {UNSEEN}"
    within, outside = challenger.one(BODY).told, challenger.one(far).told
    assert "holds" not in within["prediction_interval"]
    assert outside["prediction_interval"]["holds"] is False
    assert set(outside["warnings"]) - set(within["warnings"]) == {warning}
    assert challenger.explain(far)["warnings"] == outside["warnings"]
    many = challenger.many(b"[" + BODY + b"," + far + b"]", most=2).told
    assert many["prediction_intervals"]["holds"] == [True, False]
    assert many["warnings"] == outside["warnings"]
    assert "holds" not in challenger.many(b"[" + BODY + b"]", most=2).told["prediction_intervals"]


def test_a_file_is_answered_with_warnings_of_what_lies_outside_and_of_rows_without_cells(promoted):
    champion = answering.load(promoted)["champion"]
    orders = make_orders(3).assign(Quantity=[2, 50, 60])
    text = orders.to_csv(index=False) + "," * (orders.shape[1] - 1) + "\n"
    body, predictions, warnings, *_ = champion.file(text.encode(), 10)
    assert len(predictions) == 3
    assert body.count(b"\n") == 4
    assert warnings[0] == "rows without any cell, which were skipped: 1"
    assert f"Quantity: 2 rows, 50 to 60, are outside 1 to 5, {UNSEEN}" in warnings


def test_an_explanation_against_zero_is_warned_of(copy):
    path = copy / "champion" / "linear_regression.json"
    told = files.read_json(path)
    for feature in told["features"]:
        del feature["mean"]
    files.write_json(path, told)
    promoted = files.read_json(copy / "promoted.json")
    promoted["champion"]["content_hash"] = files.content_hash(copy / "champion")
    files.write_json(copy / "promoted.json", promoted)
    champion = answering.load(copy)["champion"]
    explained, answered = champion.explain(BODY), champion.one(BODY).told
    assert explained["predicted_total_amount"] == answered["predicted_total_amount"]
    *same, against_zero = explained["warnings"]
    assert same == answered["warnings"]
    assert against_zero.startswith("explained against zero")


def test_without_a_challenger_or_fallback_the_champion_serves_alone(copy):
    promoted = files.read_json(copy / "promoted.json")
    files.write_json(copy / "promoted.json", {**promoted, "challenger": None, "fallback": None})
    assert list(answering.load(copy)) == ["champion"]


def test_no_export_says_what_to_do(tmp_path):
    with pytest.raises(PipelineError, match="holds no promoted models: run `make repro`"):
        answering.load(tmp_path)


def test_no_champion_says_what_to_do(copy):
    promoted = files.read_json(copy / "promoted.json")
    files.write_json(copy / "promoted.json", {**promoted, "champion": None})
    with pytest.raises(PipelineError, match="holds no champion: run `make repro`"):
        answering.load(copy)


def test_another_model_in_its_place_is_refused(copy):
    shutil.rmtree(copy / "champion")
    shutil.copytree(copy / "fallback", copy / "champion")
    with pytest.raises(PipelineError, match="champion is not the model that was promoted"):
        answering.load(copy)


def test_a_damaged_model_is_refused(copy):
    (copy / "challenger" / "booster.ubj").write_bytes(b"")
    with pytest.raises(PipelineError, match="challenger cannot be loaded"):
        answering.load(copy)


def test_a_golden_order_answered_otherwise_is_refused_to_the_last_bit(copy):
    promoted = files.read_json(copy / "promoted.json")
    golden = promoted["challenger"]["golden"]
    golden["prediction"] += 1e-9
    files.write_json(copy / "promoted.json", promoted)
    with pytest.raises(PipelineError, match="the challenger answers its golden row with"):
        answering.load(copy)
