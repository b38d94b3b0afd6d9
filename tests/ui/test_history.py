"""What was asked in a session, and how it is written to a file."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ui import history
from ui.asked import Asked
from ui.history import Entry

WHEN = datetime(2026, 11, 26, 12, 30, 5, tzinfo=UTC)
MODEL = {"alias": "champion", "version": 3, "content_hash": "h"}


def entry(number, order, total, **answer):
    told = {"predicted_total_amount": total, "model": MODEL, "request_id": f"id{number}", **answer}
    return Entry(number, WHEN + timedelta(seconds=number), Asked(order, told, "no why"))


def rows(*entries):
    body = history.table(list(entries), "TotalAmount", "predicted_total_amount")
    return list(csv.DictReader(io.StringIO(body.decode())))


def test_a_session_is_a_file_that_can_be_scored_and_filled_with_truths():
    within = {"prediction_interval": {"low": 1.0, "high": 3.0, "coverage": 0.9}}
    [one] = rows(entry(1, {"Brand": "Apex", "Quantity": 2}, 2.5, **within))
    assert one == {
        "Brand": "Apex",
        "Quantity": "2",
        "RequestId": "id1",
        "PredictedTotalAmount": "2.5",
        "PredictedTotalAmountLow": "1.0",
        "PredictedTotalAmountHigh": "3.0",
        "AnsweredAt": "2026-11-26T12:30:06+00:00",
        "Alias": "champion",
        "Version": "3",
    }


def test_fields_that_another_model_did_not_ask_for_are_empty():
    first, second = rows(entry(1, {"Tax": 1.5}, 2.0), entry(2, {"Brand": "Apex"}, 3.0))
    assert (first["Tax"], first["Brand"]) == ("1.5", "")
    assert (second["Tax"], second["Brand"]) == ("", "Apex")
    assert second["PredictedTotalAmountLow"] == ""


@pytest.mark.parametrize("text", ["=1+1", "+49", "-x", "@me"])
def test_no_spreadsheet_takes_a_cell_for_a_formula(text):
    [one] = rows(entry(1, {"Brand": text, "Quantity": -2}, 1.0))
    assert one["Brand"] == f"'{text}"
    assert one["Quantity"] == "-2"


def test_an_answer_is_called_by_number_time_and_amount():
    said = history.label(entry(2, {}, 593.97), "predicted_total_amount", "$")
    assert said == "2, at 12:30:07: $593.97"
    east = timezone(timedelta(hours=2))
    assert "14:30:07" in history.label(entry(2, {}, 1.0), "predicted_total_amount", "$", east)
