"""What the service answers is kept as it was answered, whatever came and whatever the disk does."""

import errno
import io
import json
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sales.serving import answering
from sales.watching import parts, served_log
from sales.watching.secret import Secret
from tests.examples import PUBLISHED_ORDER, make_orders
from tests.kept import Keeping


@pytest.fixture
def service(promoted, tmp_path):
    return Keeping(promoted, tmp_path)


def sent(rows: int, seed: int = 3) -> list[dict]:
    orders = make_orders(rows, seed=seed)
    return json.loads(orders.to_json(orient="records", date_format="iso", double_precision=15))


def test_an_answer_is_as_it_was_but_for_its_id(service, promoted):
    body = json.dumps(PUBLISHED_ORDER).encode()
    answered = service.ask("POST", "/predict", content=body).json()
    request_id = answered.pop("request_id")
    assert answered == answering.load(promoted)["champion"].one(body).told
    assert list(service.rows()["request_id"]) == [request_id]


def test_a_row_is_kept_as_it_was_read_and_answered(service):
    before = time.time_ns() // 1000
    order = {**PUBLISHED_ORDER, "Quantity": 50}
    headers = {"X-Request-ID": "checkout-17"}
    answered = service.ask("POST", "/predict", json=order, headers=headers).json()
    assert answered["request_id"] == "checkout-17"
    [row] = service.rows().to_dict("records")
    bounds = answered["prediction_interval"]
    assert before <= row.pop("time").value // 1000 <= time.time_ns() // 1000
    assert row.pop("truth") is None or np.isnan(row.get("truth", np.nan))
    assert pd.isna(row.pop("truth_time"))
    fields = {f"field.{name}": {"Monday": 0}.get(value, value) for name, value in order.items()}
    assert row == {
        "request_id": "checkout-17",
        "route": "/predict",
        **answered["model"],
        "prediction": answered["predicted_total_amount"],
        "low": bounds["low"],
        "high": bounds["high"],
        "outside": True,
        "weight": 1.0,
        **fields,
    }


def test_a_list_and_a_file_are_kept_with_each_rows_id(service):
    orders = sent(30)
    answered = service.ask("POST", "/predict_batch", json=orders).json()
    ids = answered["request_ids"]
    assert ids == [f"{ids[0][:-2]}-{n}" for n in range(30)]
    body = make_orders(30, seed=4).to_csv(index=False).encode()
    scored = service.ask("POST", "/predict_file", content=body, headers={"X-Request-ID": "nightly"})
    assert scored.headers["x-request-id"] == "nightly"
    back = pd.read_csv(io.BytesIO(scored.content))
    assert list(back["RequestId"]) == [f"nightly-{n}" for n in range(30)]
    rows = service.rows().set_index("request_id")
    assert rows.loc[ids, "prediction"].tolist() == answered["predictions"]
    assert rows.loc[back["RequestId"], "prediction"].tolist() == list(back["PredictedTotalAmount"])
    assert rows.loc[back["RequestId"], "low"].tolist() == list(back["PredictedTotalAmountLow"])
    assert rows.loc[back["RequestId"], "key.OrderID"].tolist() == list(back["OrderID"])
    assert rows.loc[ids, "key.OrderID"].tolist() == [one["OrderID"] for one in orders]
    assert rows.loc[ids, "field.City"].tolist() == [one["City"] for one in orders]
    assert rows.loc[ids, "field.UnitPrice"].tolist() == [one["UnitPrice"] for one in orders]
    assert rows["route"].value_counts().to_dict() == {"/predict_batch": 30, "/predict_file": 30}
    assert set(rows["weight"]) == {1.0}
    assert service.counted("served_rows_kept_total") == 60


def test_a_date_and_its_parts_are_kept_as_they_were_sent(service):
    dated = sent(1)[0]
    service.ask("POST", "/predict", json=dated)
    service.ask("POST", "/predict", json=PUBLISHED_ORDER)
    rows = service.rows()
    assert rows["field.OrderDate"].notna().tolist() == [True, False]
    assert str(rows["field.OrderDate"][0])[:10] == dated["OrderDate"][:10]
    assert rows["field.OrderMonth"].tolist()[1] == 6
    assert np.isnan(rows["field.OrderMonth"][0])


def test_what_is_refused_or_explained_is_not_kept(service):
    assert service.ask("POST", "/predict", json={}).status_code == 422
    assert service.ask("POST", "/predict_batch", json=[]).status_code == 400
    assert service.ask("POST", "/explain", json=PUBLISHED_ORDER).status_code == 200
    assert service.rows().empty


@pytest.mark.parametrize("rows", [10, 100, 5000])
def test_of_many_rows_some_are_drawn_and_stand_for_all(promoted, tmp_path, rows):
    service = Keeping(promoted, tmp_path, SERVED_ROWS="100")
    body = make_orders(rows).to_csv(index=False).encode()
    scored = service.ask("POST", "/predict_file", content=body)
    back = pd.read_csv(io.BytesIO(scored.content)).set_index("RequestId")
    found = service.rows().set_index("request_id")
    assert len(found) == min(rows, 100)
    assert found["weight"].sum() == pytest.approx(rows)
    assert found["prediction"].tolist() == back.loc[found.index, "PredictedTotalAmount"].tolist()
    assert found["key.OrderID"].tolist() == back.loc[found.index, "OrderID"].tolist()
    numbers = [int(one.rpartition("-")[2]) for one in found.index]
    assert numbers == sorted(set(numbers))
    assert rows <= 100 or max(numbers) > 100


def test_a_share_is_kept_with_its_weight(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SERVED_SHARE="0.25")
    one = json.dumps(PUBLISHED_ORDER)
    for _ in range(400):
        service.ask("POST", "/predict", content=one)
    service.ask("POST", "/predict_batch", json=sent(400))
    found = service.rows()
    assert set(found["weight"]) == {4.0}
    for _, kept in found.groupby("route"):
        assert 40 < len(kept) < 170  # 100 are expected, with a deviation of 8.7


def test_a_share_of_none_keeps_nothing_and_says_so(promoted, tmp_path):
    told = Keeping(promoted, tmp_path, SERVED_SHARE="0").log.keeping
    assert told.address == ""


def test_ids_that_are_private_and_private_fields_are_kept_as_hashes_or_not_at_all(
    promoted, tmp_path
):
    service = Keeping(promoted, tmp_path, SERVED_KEY="known to the test")
    service.models.picture["keys"] = {"id": "OrderID", "private": ["CustomerID"]}
    champion = service.models.models["champion"]
    fields = champion.model.featuriser.fields
    private = {
        name: fields[name].model_copy(update={"private": True})
        for name in ("City", "UnitPrice", "OrderDate")
    }
    featuriser = replace(champion.model.featuriser, fields={**fields, **private})
    model = replace(champion.model, featuriser=featuriser)
    service.models.models["champion"] = replace(champion, model=model)
    order = {**PUBLISHED_ORDER, "OrderID": "ORD1", "CustomerID": "CUST1"}
    service.ask("POST", "/predict", json=order)
    service.ask("POST", "/predict_batch", json=[order])
    hashes = Secret(b"known to the test")
    for row in service.rows().to_dict("records"):
        assert row["key.OrderID"] == "ORD1"
        assert row["key.CustomerID"] == hashes.hashed("CustomerID", "CUST1")
        assert row["field.City"] == hashes.hashed("City", "New York")
        gone = {"field.UnitPrice", "field.OrderDate", "field.OrderYear", "field.OrderMonth"}
        assert not gone & row.keys()
        assert row["field.Quantity"] == 2
        assert not {"CUST1", "New York"} & {*map(str, row.values())}


def test_without_a_secret_private_columns_are_not_kept(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SERVED="memory://served_log/no_secret")
    service.address = "memory://served_log/no_secret"
    service.models.picture["keys"] = {"id": "OrderID", "private": ["OrderID"]}
    service.ask("POST", "/predict", json={**PUBLISHED_ORDER, "OrderID": "ORD1"})
    [row] = service.rows().to_dict("records")
    assert pd.isna(row["key.OrderID"])
    refused = service.ask("POST", "/truths", json=[{"OrderID": "ORD1", "TotalAmount": 1}])
    assert refused.status_code == 409


def test_while_rows_are_written_who_answers_gets_his_turn_sooner(service):
    before = sys.getswitchinterval()
    service.log.start()
    assert sys.getswitchinterval() < before
    service.log.stop()
    assert sys.getswitchinterval() == before


def test_what_is_told_of_it(service, promoted, tmp_path):
    told = service.ask("GET", "/kept").json()
    assert told == {
        **{"kept": True, "share": 1.0, "days": 90.0, "mb": 1000.0},
        **{"keys": ["OrderID"], "private": []},
    }
    service.log.keeping = replace(service.log.keeping, share=0.5)
    assert service.ask("GET", "/kept").json()["share"] == 0.5


# --- the disk and the buffer -----------------------------------------------------------------


@pytest.fixture
def full(monkeypatch):
    """Return a switch: while it is set, the disk has no room."""
    switch = threading.Event()
    write = parts.Parts.add

    def add(*given):
        if switch.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(*given)

    monkeypatch.setattr(parts.Parts, "add", add)
    return switch


def test_while_the_disk_is_full_rows_wait_and_are_kept_when_there_is_room(service, full):
    full.set()
    for _ in range(3):
        assert service.ask("POST", "/predict", json=PUBLISHED_ORDER).status_code == 200
        service.log.flush()
    assert service.counted("served_rows_waiting") == 3
    assert service.counted("served_rows_kept_total") == 0
    full.clear()
    assert len(service.rows()) == 3
    assert service.counted("served_rows_waiting") == 0
    assert service.counted("served_rows_kept_total") == 3
    assert service.counted("served_rows_lost_total", reason="disk") == 0


def test_what_waits_too_long_is_lost_the_oldest_first_and_counted(service, full, monkeypatch):
    monkeypatch.setattr(served_log, "MOST_TABLED", 25)
    full.set()
    for number in range(4):
        headers = {"X-Request-ID": f"r{number}"}
        service.ask("POST", "/predict_batch", json=sent(10), headers=headers)
        service.log.flush()
    assert service.counted("served_rows_lost_total", reason="disk") > 0
    full.clear()
    found = service.rows()
    lost = service.counted("served_rows_lost_total", reason="disk")
    assert len(found) + lost == 40
    assert "r3-9" in set(found["request_id"])


def test_truths_that_the_disk_refuses_are_refused(service, full):
    full.set()
    told = service.ask("POST", "/truths", json=[{"request_id": "a", "TotalAmount": 1}])
    assert told.status_code == 507
    assert service.counted("truths_kept_total") == 0


def test_a_buffer_that_nobody_empties_ends_somewhere(service, monkeypatch):
    monkeypatch.setattr(served_log, "MOST_ONES", 5)
    monkeypatch.setattr(served_log, "MOST_DRAWN", 25)
    service.log.keeping = replace(service.log.keeping, rows=10)
    for _ in range(7):
        assert service.ask("POST", "/predict", json=PUBLISHED_ORDER).status_code == 200
    for _ in range(3):
        assert service.ask("POST", "/predict_batch", json=sent(10)).status_code == 200
    assert len(service.rows()) == 25
    assert service.counted("served_rows_lost_total", reason="buffer_full") == 12
    service.ask("POST", "/predict_batch", json=sent(10))
    assert len(service.rows()) == 35


def test_a_defect_of_ours_loses_rows_and_ends_nothing(service, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(served_log.rows, "of_group", broken)
        service.ask("POST", "/predict", json=PUBLISHED_ORDER)
        assert service.rows().empty
    assert service.counted("served_rows_lost_total", reason="failed") == 1
    with monkeypatch.context() as patched:
        patched.setattr(served_log.rows, "draw", broken)
        assert service.ask("POST", "/predict_batch", json=sent(3)).status_code == 200
        assert service.rows().empty
    assert service.counted("served_rows_lost_total", reason="failed") == 4
    service.ask("POST", "/predict", json=PUBLISHED_ORDER)
    assert len(service.rows()) == 1


def test_rows_that_come_while_others_are_written_are_all_kept(service):
    """From many threads, with the log's own running."""
    service.log.keeping = replace(service.log.keeping, seconds=0.02)
    served = service.models.models["champion"]
    body = json.dumps(PUBLISHED_ORDER).encode()
    answer = served.one(body)
    service.log.start()

    def come(name: str) -> None:
        for number in range(300):
            service.log.one(f"{name}-{number}", served, answer, body)
            time.sleep(0)

    threads = [threading.Thread(target=come, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service.log.stop()
    found = service.rows()
    assert len(found) == 1200
    assert found["request_id"].nunique() == 1200


def test_a_question_that_is_no_real_row_is_answered_and_not_kept(service):
    no = {"X-Keep": "no"}
    assert "request_id" in service.ask("POST", "/predict", json=PUBLISHED_ORDER, headers=no).json()
    assert service.ask("POST", "/predict_batch", json=sent(3), headers=no).status_code == 200
    body = make_orders(3).to_csv(index=False).encode()
    assert service.ask("POST", "/predict_file", content=body, headers=no).status_code == 200
    assert service.rows().empty
