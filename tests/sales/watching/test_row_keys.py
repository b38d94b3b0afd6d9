"""By what rows are found again."""

import json

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.watching.row_keys import RowKeys
from sales.watching.secret import Secret
from sales.watching.singles import Bodies

KEYS = RowKeys("OrderID", frozenset(["CustomerID"]))


def none(_: str) -> bool:
    return False


def test_they_come_from_what_an_export_tells():
    picture = {"keys": {"id": "OrderID", "private": ["OrderID", "CustomerID"]}}
    assert RowKeys.of(picture).names == ("OrderID", "CustomerID")
    assert RowKeys.of({}).names == ()  # an older export


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"OrderID": "A1"}, {"OrderID": ["A1"]}),
        ({"OrderID": 17, "CustomerID": "C"}, {"OrderID": [17], "CustomerID": ["C"]}),
        ({"Other": "OrderID"}, {"OrderID": [None]}),
        ({"Other": 1}, {}),
    ],
)
def test_in_an_object(sent, found):
    packed = orjson.dumps(sent)
    bodies = Bodies(packed, np.array([0]), np.array([len(packed)]))
    assert KEYS.in_json(bodies, none) == found
    assert KEYS.in_json(bodies, lambda _: True) == {}


def test_in_a_list_and_a_table_for_the_rows_that_are_drawn():
    rows = [{"OrderID": f"A{n}", "Price": n} for n in range(5)]
    drawn = np.array([1, 4])
    assert KEYS.in_list(orjson.dumps(rows), drawn, 5, none) == {"OrderID": ["A1", "A4"]}
    nan = b'[{"Price": NaN, "OrderID": "A"}, {"OrderID": "B"}]'  # which pydantic reads
    assert KEYS.in_list(nan, np.array([0, 1]), 2, none) == {"OrderID": [None, "B"]}
    assert KEYS.in_list(nan.replace(b"NaN", b'NaN, "x": {}'), np.array([1]), 2, none) == {}
    assert KEYS.in_list(orjson.dumps([{"Price": 1}]), np.array([0]), 1, none) == {}
    table = pa.Table.from_pylist(rows)
    assert KEYS.in_table(table, drawn, none) == {"OrderID": ["A1", "A4"]}
    twice = pa.Table.from_arrays([table["OrderID"]] * 2, names=["OrderID"] * 2)
    assert KEYS.in_table(twice, drawn, none) == {}


SPOKEN = st.text(st.sampled_from('ab{}[]",:\\é'), max_size=6)
ROW: st.SearchStrategy[dict] = st.fixed_dictionaries(
    {}, optional={"OrderID": SPOKEN, "x": SPOKEN | st.builds(dict)}
)


@given(st.lists(ROW, min_size=1, max_size=5), st.sampled_from([None, 2]), st.data())
def test_a_row_is_found_whatever_the_others_hold(sent, indent, data):
    body = json.dumps(sent, indent=indent).encode()
    drawn = data.draw(st.lists(st.integers(0, len(sent) - 1), min_size=1, unique=True).map(sorted))
    expected = [sent[number].get("OrderID") for number in drawn]
    found = KEYS.in_list(body, np.array(drawn), len(sent), none)
    assert found.get("OrderID", [None] * len(drawn)) == expected


def test_a_private_one_is_kept_as_a_hash_or_not_at_all():
    hashes = Secret(b"secret")
    values = pa.array(["C1", None, "C2", "C1"])
    assert KEYS.kept("OrderID", values, hashes) == values
    kept = KEYS.kept("CustomerID", values, hashes).to_pylist()
    assert kept == [hashes.hashed("CustomerID", "C1"), None, kept[2], kept[0]]
    assert kept[2] == hashes.hashed("CustomerID", "C2")
    assert KEYS.kept("CustomerID", values, None).to_pylist() == [None] * 4
