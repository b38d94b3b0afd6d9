"""What a model has learnt from, written down small and read again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract import Contract
from sales.data.split import PrepareParams
from sales.registry import learnt_from
from tests.examples import make_orders

HASH = PrepareParams(
    split="hash", seed=42, test_size=0.2, valid_size=0.1, max_rejected_pct=1.0, group=None
)


class Kept:
    """A registry whose one run has one file, or has lost it."""

    def __init__(self, content):
        self.content = content

    def artifact(self, run_id, path):
        assert (run_id, path) == ("run1", learnt_from.RECORD)
        return self.content


@pytest.fixture
def prepared(tmp_path):
    orders = make_orders(300)
    for part, rows in {
        "train": orders[:200],
        "valid": orders[200:240],
        "test": orders[240:],
    }.items():
        rows.to_parquet(tmp_path / f"{part}.parquet")
    return tmp_path


def test_it_names_split_key_and_rows(prepared, contract):
    told = learnt_from.told(prepared, HASH, contract)
    assert (told["split"], told["seed"], told["group"]) == ("hash", 42, None)
    assert told["key"] == {"version": 1, "made_of": "OrderID"}
    assert told["rows"] == {"train": 200, "valid": 40, "test": 60}
    again = learnt_from.told(prepared, HASH, contract)
    assert told == again
    make_orders(201)[1:].to_parquet(prepared / "train.parquet")
    other = learnt_from.told(prepared, HASH, contract)
    assert other["train_rows_sha256"] != told["train_rows_sha256"]
    assert other["valid_rows_sha256"] == told["valid_rows_sha256"]


@pytest.mark.parametrize(
    ("change", "apart"),
    [
        ({}, True),
        ({"seed": 43}, False),
        ({"test_size": 0.25}, False),
        ({"valid_size": 0.15}, False),
        ({"group": "CustomerID"}, False),
        ({"split": "random"}, False),
    ],
)
def test_only_the_same_hash_split_keeps_rows_apart_for_good(prepared, contract, change, apart):
    one = learnt_from.told(prepared, HASH, contract)
    other = learnt_from.told(prepared, HASH.model_copy(update=change), contract)
    assert learnt_from.always_apart(one, other) is apart
    assert learnt_from.always_apart(other, one) is apart


def test_without_an_id_other_columns_make_other_keys(prepared, contract):
    tree = contract.model_dump(mode="json")
    del tree["columns"]["OrderID"]
    one = learnt_from.told(prepared, HASH, Contract(**tree))
    tree["columns"]["PaymentMethod"] = {"role": "ignored"}
    other = learnt_from.told(prepared, HASH, Contract(**tree))
    assert learnt_from.always_apart(one, one)
    assert not learnt_from.always_apart(one, other)


def test_two_random_splits_are_never_known_to_be_apart(prepared, contract):
    told = learnt_from.told(prepared, HASH.model_copy(update={"split": "random"}), contract)
    assert not learnt_from.always_apart(told, told)


def test_the_record_holds_train_and_valid_rows_and_no_other(prepared, contract):
    record = learnt_from.fingerprints(prepared, contract)
    kept = learnt_from.kept(Kept(learnt_from.packed(record)), "run1")
    assert kept.dtype == np.uint32
    assert np.array_equal(kept, record)
    orders = make_orders(300)
    from sales.data import keys

    wanted = learnt_from.fingerprint(keys.of_rows(contract, orders, learnt_from.SEED))
    assert learnt_from.holds(kept, wanted).tolist() == [True] * 240 + [False] * 60


def test_the_record_is_small_and_the_same_bytes_each_time():
    record = np.unique(np.random.default_rng(7).integers(0, 2**32, 80_000, np.uint32))
    packed = learnt_from.packed(record)
    assert len(packed) < 2.5 * len(record)
    assert packed == learnt_from.packed(record)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 cut short"])
def test_a_record_that_is_lost_or_damaged_is_none(content):
    assert learnt_from.kept(Kept(content), "run1") is None


@given(
    record=st.sets(st.integers(0, 2**32 - 1), max_size=30),
    wanted=st.lists(st.integers(0, 2**32 - 1), max_size=30),
)
def test_what_a_record_holds_is_what_was_put_in(record, wanted):
    asked = [*wanted, *record]
    found = learnt_from.holds(
        np.array(sorted(record), np.uint32), np.array(asked, np.uint32)
    ).tolist()
    assert found == [each in record for each in asked]
