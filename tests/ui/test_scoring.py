"""A file scored piece by piece: what is sent, what comes back, and what may happen in between."""

import io
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests import patience
from ui import scoring
from ui.client import Scored, ServiceError
from ui.scoring import Scoring
from ui.upload_check import Upload

ROWS = 10


class Doubling:
    """A service that answers with twice the row's number."""

    def __init__(self, hashes=(), gate=None):
        self.hashes, self.gate, self.sent = list(hashes), gate, []
        self.named = []
        self.asked = threading.Event()

    def score(self, orders, alias="", *, keep=True):
        self.asked.set()
        if self.gate:
            assert self.gate.wait(patience.SECONDS)
        self.sent.append(orders.column_names)
        self.named.append((alias, keep))
        found = pa.table({"Predicted": pa.array(orders["n"].to_numpy() * 2.0)})
        content_hash = self.hashes.pop(0) if self.hashes else "h"
        return Scored(found, "champion, version 1", content_hash, ["odd"], "champion")


def upload(good=None, name="a.csv"):
    table = pa.table({"n": list(range(ROWS)), "note": ["x"] * ROWS})
    good = np.ones(ROWS, bool) if good is None else good
    return Upload(name, table, np.arange(2, ROWS + 2), [], pd.DataFrame(), good, ["n"])


@pytest.fixture(autouse=True)
def pieces_of_four(monkeypatch):
    monkeypatch.setattr(scoring, "PIECE", 4)


def scored(service, uploaded):
    run = Scoring(service, uploaded)
    run.start()
    run.wait(patience.SECONDS)
    return run


def test_the_file_comes_back_with_a_prediction_a_row_and_only_what_is_asked_for_is_sent():
    service = Doubling()
    run = scored(service, upload())
    assert run.finished
    assert service.sent == [["n"]] * 3
    assert run.table().to_pydict() == {
        "n": list(range(ROWS)),
        "note": ["x"] * ROWS,
        "Predicted": [2.0 * n for n in range(ROWS)],
    }
    assert run.warnings == ["odd"]
    assert run.model == "champion, version 1"


def test_bad_rows_are_not_sent_and_come_back_without_a_prediction():
    good = np.arange(ROWS) % 3 != 0
    run = scored(Doubling(), upload(good))
    assert run.rows == 6
    expected = [2.0 * n if n % 3 else None for n in range(ROWS)]
    assert run.added()["Predicted"].to_pylist() == expected


READ = {
    "csv": pd.read_csv,
    "parquet": pd.read_parquet,
    "feather": pd.read_feather,
    "xlsx": pd.read_csv,
    "json lines": lambda body: pd.read_json(body, lines=True),
}


@pytest.mark.parametrize("kind", READ)
def test_the_file_is_given_back_in_the_format_in_which_it_came(kind):
    body = scored(Doubling(), replace(upload(), kind=kind)).file()
    assert list(READ[kind](io.BytesIO(body))["Predicted"]) == [2.0 * n for n in range(ROWS)]


@pytest.mark.parametrize(
    ("name", "kind", "scored_name"),
    [
        ("a.b.csv", "csv", "scored_a.b.csv"),
        ("a.TSV.gz", "csv", "scored_a.TSV"),
        ("a.zip", "json lines", "scored_a.jsonl"),
        ("a.xlsx", "xlsx", "scored_a.csv"),
        ("a.feather", "feather", "scored_a.feather"),
    ],
)
def test_it_has_a_name_that_tells_so(name, kind, scored_name):
    assert replace(upload(name=name), kind=kind).scored_name == scored_name


def test_a_prediction_that_the_file_holds_already_is_replaced():
    uploaded = upload()
    table = uploaded.table.append_column("Predicted", pa.array([0.0] * ROWS))
    run = scored(Doubling(), replace(uploaded, table=table))
    assert run.table().column_names == ["n", "note", "Predicted"]
    assert run.table()["Predicted"].to_pylist()[-1] == 18


def test_two_models_never_answer_for_one_file():
    run = scored(Doubling(hashes=["a", "b"]), upload())
    assert not run.finished
    assert "Another model was switched to" in run.failed
    assert run.done == 0
    run.start()
    run.wait(patience.SECONDS)
    assert run.finished
    assert run.added().num_rows == ROWS


def test_all_pieces_of_a_file_go_to_the_model_that_answered_the_first():
    service = Doubling()
    scored(service, upload())
    assert service.named == [("", True), ("champion", True), ("champion", True)]


def test_a_model_that_is_only_compared_is_named_and_nothing_is_kept():
    service = Doubling()
    run = Scoring(service, upload(), "champion", keep=False)
    assert run.alias == "champion"
    run.start()
    run.wait(patience.SECONDS)
    assert service.named == [("champion", False)] * 3


def test_a_service_that_cannot_be_told_which_model_is_to_answer_is_not_believed():
    run = Scoring(Doubling(), upload(), "challenger")
    run.start()
    run.wait(patience.SECONDS)
    assert not run.finished
    assert "older" in run.failed
    assert run.done == 0


def test_a_failure_keeps_what_is_done(monkeypatch):
    service = Doubling()
    ask, failures = service.score, iter([None, ServiceError("busy")])

    def sometimes(orders, *_, **__):
        failure = next(failures, None)
        if failure:
            raise failure
        return ask(orders)

    monkeypatch.setattr(service, "score", sometimes)
    run = scored(service, upload())
    assert (run.failed, run.done) == ("busy", 4)
    run.start()
    run.wait(patience.SECONDS)
    assert run.finished
    assert run.added()["Predicted"].to_pylist() == [2.0 * n for n in range(ROWS)]


def test_a_mistake_of_ours_is_logged_and_told_without_its_text(caplog):
    service = Doubling()
    service.score = lambda *_, **__: 1 / 0
    run = scored(service, upload())
    assert "its log tells" in run.failed
    assert "ZeroDivisionError" in caplog.text


def test_it_can_be_stopped_on_the_way():
    gate = threading.Event()
    service = Doubling(gate=gate)
    run = Scoring(service, upload())
    run.start()
    assert service.asked.wait(patience.SECONDS)
    assert run.running
    run._stop.set()
    gate.set()
    run.wait(patience.SECONDS)
    assert (run.running, run.finished, run.done) == (False, False, 4)
