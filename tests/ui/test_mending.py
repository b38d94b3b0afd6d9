"""Bad cells put right in place, in the types of their columns."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sales.contract import Column
from ui import mending, upload_check
from ui.mending import MendError

FIELDS = {
    "Quantity": Column(role="numeric", integer=True, min=1, max=100),
    "Brand": Column(role="categorical"),
}
BODY = b"note,Quantity,Brand\nx,many,Apex\ny,2,Zenith\nz,,\n"


@pytest.fixture
def upload():
    return upload_check.check("a.csv", BODY, FIELDS, {})


def test_the_bad_rows_are_shown_with_what_is_wrong_their_bad_columns_first(upload):
    shown = mending.editable(upload)
    assert list(shown.columns) == ["Row", "What is wrong", "Quantity", "Brand"]
    assert shown.index.tolist() == [0, 2]
    assert shown["Row"].tolist() == [2, 4]
    assert shown["What is wrong"].tolist() == [
        "Quantity: not a number",
        "Quantity: missing; Brand: missing",
    ]
    assert shown["Quantity"].tolist() == ["many", ""]


def test_what_was_typed_is_put_back_and_checked_again(upload):
    before = mending.editable(upload)
    after = before.copy()
    after.loc[0, "Quantity"] = "5"
    after.loc[2, "Quantity"] = "7"
    changed = mending.edits(before, after)
    assert changed == {(0, "Quantity"): "5", (2, "Quantity"): "7"}
    again = upload.again(FIELDS, {}, table=mending.mended(upload.table, changed))
    assert again.table["Quantity"].to_pylist() == ["5", "2", "7"]
    assert again.table["note"].to_pylist() == ["x", "y", "z"]
    assert again.good.tolist() == [True, True, False]
    assert again.problems["problem"].tolist() == ["missing"]
    assert again.rows.tolist() == [2, 3, 4]


def test_nothing_typed_is_nothing_changed(upload):
    before = mending.editable(upload)
    assert mending.edits(before, before.copy()) == {}


def test_a_cell_that_was_emptied_is_empty(upload):
    before = mending.editable(upload)
    after = before.copy()
    after.loc[0, "Brand"] = None
    assert mending.edits(before, after) == {(0, "Brand"): ""}


@pytest.mark.parametrize(
    ("column", "text", "held"),
    [
        (pa.array([1, 2, 3]), "50", [1, 50, 3]),
        (pa.array([1.5, 2.5, 3.5]), "0.25", [1.5, 0.25, 3.5]),
        (pa.array([1, 2, 3]), "", [1, None, 3]),
        (pa.array(["a", "b", "c"]).dictionary_encode(), "d", ["a", "d", "c"]),
        (pa.array([True, False, True]), "true", [True, True, True]),
    ],
)
def test_a_column_keeps_its_type(column, text, held):
    table = pa.table({"n": column})
    found = mending.mended(table, {(1, "n"): text})
    assert found["n"].to_pylist() == held


def test_what_a_type_cannot_hold_is_said_and_nothing_is_changed():
    table = pa.table({"n": pa.array([1, 2])})
    with pytest.raises(MendError, match="n holds int64 in this file, and cannot hold 'many'"):
        mending.mended(table, {(1, "n"): "many"})
    assert table["n"].to_pylist() == [1, 2]


def test_of_many_bad_rows_the_first_are_shown(monkeypatch):
    monkeypatch.setattr(mending, "MOST", 2)
    body = b"Quantity,Brand\n" + b"0,Apex\n" * 5
    found = upload_check.check("a.csv", body, FIELDS, {})
    assert len(mending.editable(found)) == 2
    assert isinstance(mending.editable(found), pd.DataFrame)
    assert np.flatnonzero(found.good).tolist() == []


def test_how_the_file_was_read_stays_known_when_it_is_named_and_mended():
    fields = {"Price": Column(role="numeric", min=0), "Brand": Column(role="categorical")}
    body = b"cost;Brand\n1,5;Apex\nx;Zenith\n2,5;Apex\n"
    found = upload_check.check("a.csv", body, fields, {})
    assert found.lacking == ("Price",)
    named = found.again(fields, {}, names={"Price": "cost"})
    assert named.good.tolist() == [True, False, True]
    assert named.problems["column"].tolist() == ["cost"]
    table = mending.mended(named.table, {(1, "cost"): "3,5"})
    again = named.again(fields, {}, table=table)
    assert again.good.all()
    assert again.asked().column_names == ["Price", "Brand"]
    assert again.table["cost"].to_pylist() == ["1,5", "3,5", "2,5"]
