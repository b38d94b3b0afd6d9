"""What came true, in every form, late, repeated and corrected; what is wrong with it, by row."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sales.serving.request import RequestError
from sales.watching import truths
from tests.examples import PUBLISHED_ORDER, make_orders
from tests.kept import Keeping


def as_parquet(table: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    table.to_parquet(sink, index=False)
    return sink.getvalue()


TABLE = pd.DataFrame({"request_id": ["a", "b"], "TotalAmount": [1.5, 2.0], "other": ["x", "y"]})
FORMS = {
    "list": json.dumps(TABLE.to_dict("records")).encode(),
    "lines": TABLE.to_json(orient="records", lines=True).encode(),
    "csv": TABLE.to_csv(index=False).encode(),
    "semicolons": TABLE.to_csv(index=False, sep=";", decimal=",").encode(),
    "parquet": as_parquet(TABLE),
}


def read(body: bytes, most: int = 100) -> truths.Truths:
    return truths.read(body, "TotalAmount", "OrderID", most)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form):
    found = read(FORMS[form])
    assert found.request_ids == ["a", "b"]
    assert found.values.tolist() == [1.5, 2.0]
    assert found.ids == [None, None]
    assert not found.keyed


@pytest.mark.parametrize("name", ["request_id", "RequestId"])
def test_a_scored_file_with_the_target_beside_is_one(name):
    scored = TABLE.rename(columns={"request_id": name}).assign(OrderID=["O1", 17])
    found = read(as_parquet(scored.astype({"OrderID": str})))
    assert found.request_ids == ["a", "b"]
    assert found.ids == ["O1", "17"]


def test_the_contracts_id_may_stand_in_its_place():
    body = [{"OrderID": "O1", "TotalAmount": 1}, {"request_id": "a", "TotalAmount": 2}]
    found = read(json.dumps(body).encode())
    assert (found.request_ids, found.ids) == ([None, "a"], ["O1", None])
    assert found.keyed


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[", "not JSON"),
        (b"[1]", "not an object"),
        (b"[]", "no truths at all"),
        (b"[{}]", "missing, or not a number"),
        (b'[{"request_id": "a"}]', "missing, or not a number"),
        (b'[{"request_id": "a", "TotalAmount": "1"}]', "missing, or not a number"),
        (b'[{"request_id": "a", "TotalAmount": true}]', "missing, or not a number"),
        (b'[{"request_id": "a", "TotalAmount": null}]', "missing, or not a number"),
        (b'[{"TotalAmount": 1}]', "no request_id or OrderID that names a row"),
        (b'[{"request_id": "", "TotalAmount": 1}]', "no request_id or OrderID that names a row"),
        (b'[{"request_id": ["a"], "TotalAmount": 1}]', "no request_id or OrderID"),
        (b"request_id,Amount\na,1\n", "the column is missing"),
        (b"id,TotalAmount\na,1\n", "no column names the rows: request_id or OrderID"),
        (b"request_id,TotalAmount\na,1\nb,\n", "missing, or not a number"),
        (b"request_id,TotalAmount\na,1\n,2\n", "no request_id or OrderID that names a row"),
        (b"PAR1", "Parquet"),
    ],
)
def test_what_is_wrong_is_told(body, told):
    with pytest.raises(RequestError) as caught:
        read(body)
    assert told in str(caught.value)


def test_the_rows_that_are_wrong_are_named():
    rows = [{"request_id": "a", "TotalAmount": 1.0}] * 3 + [{"request_id": "b"}, {"TotalAmount": 2}]
    with pytest.raises(RequestError) as caught:
        read(json.dumps(rows).encode())
    assert [(one["loc"], one["rows"]) for one in caught.value.details] == [
        (["truths", "TotalAmount"], [4]),
        (["truths"], [5]),
    ]
    with pytest.raises(RequestError, match="at most 2"):
        read(FORMS["list"][:-1] + b"," + FORMS["list"][1:], most=2)


# --- through the service ---------------------------------------------------------------------


@pytest.fixture
def service(promoted, tmp_path):
    return Keeping(promoted, tmp_path)


def test_a_row_has_the_last_truth_that_came_and_all_are_kept(service):
    rows = [{**PUBLISHED_ORDER, "OrderID": f"O{n}"} for n in range(4)]
    ids = service.ask("POST", "/predict_batch", json=rows).json()["request_ids"]

    def tell(*told):
        answered = service.ask("POST", "/truths", json=[*told])
        assert answered.json() == {"kept": len(told)}

    tell({"request_id": ids[0], "TotalAmount": 1}, {"request_id": "nobody's", "TotalAmount": 9})
    tell({"request_id": ids[0], "TotalAmount": 2}, {"request_id": ids[0], "TotalAmount": 3})
    tell({"OrderID": "O1", "TotalAmount": 4})
    tell({"OrderID": "O2", "TotalAmount": 5}, {"request_id": ids[2], "TotalAmount": 6})
    tell({"OrderID": "nobody's", "TotalAmount": 9})
    found = service.rows().set_index("request_id").loc[ids, "truth"].tolist()
    assert found[:3] == [3, 4, 6]
    assert np.isnan(found[3])
    assert service.counted("truths_kept_total") == 8


def test_a_truth_that_comes_before_its_row_is_on_disk_counts_too(service):
    request_id = service.ask("POST", "/predict", json=PUBLISHED_ORDER).json()["request_id"]
    service.ask("POST", "/truths", json=[{"request_id": request_id, "TotalAmount": 590.5}])
    assert service.rows()["truth"].tolist() == [590.5]


def test_the_scored_file_comes_back_with_its_truths(service):
    orders = make_orders(20)
    body = orders.drop(columns="TotalAmount").to_csv(index=False).encode()
    scored = pd.read_csv(io.BytesIO(service.ask("POST", "/predict_file", content=body).content))
    scored["TotalAmount"] = orders["TotalAmount"]
    told = {"files": {"file": ("s.csv", scored.to_csv(index=False).encode())}}
    assert service.ask("POST", "/truths", **told).json() == {"kept": 20}
    found = service.rows().set_index("request_id").loc[scored["RequestId"]]
    assert found["truth"].tolist() == orders["TotalAmount"].tolist()


@pytest.mark.parametrize(
    ("admin", "own", "sent", "status"),
    [
        ("", "", None, 200),
        ("admin", "", None, 401),
        ("", "own", None, 401),
        ("admin", "own", "admin", 200),
        ("admin", "own", "own", 200),
        ("admin", "", "own", 401),
        ("admin", "own", "other", 401),
    ],
)
def test_who_may_send_them(promoted, tmp_path, admin, own, sent, status):
    service = Keeping(promoted, tmp_path, ADMIN_TOKEN=admin, TRUTHS_TOKEN=own)
    headers = {"Authorization": f"Bearer {sent}"} if sent else {}
    told = [{"request_id": "a", "TotalAmount": 1}]
    assert service.ask("POST", "/truths", json=told, headers=headers).status_code == status
    switched = service.ask("POST", "/models/load?alias=challenger", headers=headers)
    assert (switched.status_code == 200) == (sent == "admin" or not admin)


def test_no_other_machine_may_without_a_token(service):
    told = [{"request_id": "a", "TotalAmount": 1}]
    refused = service.ask("POST", "/truths", json=told, headers={"X-Forwarded-For": "10.0.0.1"})
    assert refused.status_code == 403
    assert "no TRUTHS_TOKEN or ADMIN_TOKEN is set" in refused.json()["detail"]


def test_where_nothing_is_kept_none_is_taken(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SERVED="")
    assert pa is not None
    from tests.bento_server import in_process

    app, _ = in_process(promoted, tmp_path)
    service.app = app
    told = [{"request_id": "a", "TotalAmount": 1}]
    assert service.ask("POST", "/truths", json=told).status_code == 409
    assert service.ask("GET", "/kept").json() == {"kept": False}
