"""Nothing of an id is left, whatever is written meanwhile, and nothing else is gone."""

import pytest

from sales.watching import erasure, joined
from sales.watching.secret import Secret
from tests.examples import PUBLISHED_ORDER
from tests.kept import Keeping, kept

HASHES = Secret(b"secret")


@pytest.fixture
def service(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SERVED_KEY="secret")
    service.models.picture["keys"] = {"id": "OrderID", "private": ["CustomerID"]}
    return service


def answer(service, order: str, customer: str) -> str:
    row = {**PUBLISHED_ORDER, "OrderID": order, "CustomerID": customer}
    return service.ask("POST", "/predict", json=row).json()["request_id"]


def tell(service, **truth) -> None:
    assert service.ask("POST", "/truths", json=[{**truth, "TotalAmount": 1}]).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ("ORD1", ["ORD2", "ORD3"]),
        ("CUST1", ["ORD3"]),
        ("CUST2", ["ORD1", "ORD2"]),
        ("nobody", ["ORD1", "ORD2", "ORD3"]),
        ("New York", ["ORD1", "ORD2", "ORD3"]),  # no field that is not private is an id
        ("/predict", ["ORD1", "ORD2", "ORD3"]),
    ],
)
def test_one_id_is_taken_out_with_its_truths(service, wanted, left):
    ids = [answer(service, f"ORD{n}", f"CUST{1 + n // 3}") for n in (1, 2, 3)]
    tell(service, request_id=ids[0])
    tell(service, OrderID="ORD1")
    tell(service, request_id=ids[2])
    service.log.flush()
    done = erasure.erase(service.address, wanted, HASHES, service.log.flush)
    assert kept(service.address)["key.OrderID"].tolist() == left
    assert done.rows == 3 - len(left)
    told = joined.window(service.address).truths
    assert ids[0] in told.by["request_id"].index or "ORD1" not in left
    assert (told.given, done.truths) == (
        3 - done.truths,
        2 * ("ORD1" not in left) + ("ORD3" not in left),
    )


def test_a_request_is_taken_out_by_its_id(service):
    ids = [answer(service, "ORD1", "CUST1"), answer(service, "ORD2", "CUST1")]
    service.log.flush()
    assert erasure.erase(service.address, ids[0], None, service.log.flush).rows == 1
    assert kept(service.address)["request_id"].tolist() == ids[1:]


def test_what_a_worker_holds_in_memory_does_not_bring_it_back(service):
    """Rows that wait, and those of the part that the worker writes again and again."""
    answer(service, "ORD1", "CUST1")
    answer(service, "ORD2", "CUST2")
    service.log.flush()
    answer(service, "ORD3", "CUST1")  # not yet on disk

    def pause():
        answer(service, "ORD4", "CUST2")
        service.log.flush()

    done = erasure.erase(service.address, "CUST1", HASHES, pause)
    assert done.rows == 2
    pause()
    assert set(service.rows()["key.OrderID"]) == {"ORD2", "ORD4"}


def test_a_folder_of_another_kind_is_as_good(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SERVED="memory://erasure/served", SERVED_KEY="secret")
    service.address = "memory://erasure/served"
    answer(service, "ORD1", "CUST1")
    answer(service, "ORD2", "CUST2")
    service.log.flush()
    assert erasure.erase(service.address, "ORD1", HASHES, service.log.flush).rows == 1
    assert kept(service.address)["key.OrderID"].tolist() == ["ORD2"]


def test_without_the_secret_hashes_are_not_found_and_ids_are(service):
    answer(service, "ORD1", "CUST1")
    service.log.flush()
    assert erasure.erase(service.address, "CUST1", None, service.log.flush).rows == 0
    assert erasure.erase(service.address, "ORD1", None, service.log.flush).rows == 1
