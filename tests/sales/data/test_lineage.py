"""An order's way through the folders that a run leaves."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.data import lineage
from sales.errors import PipelineError


@pytest.fixture
def folders(tmp_path):
    """Return raw and prepared: two files, an order twice, a bad one, ids that are numbers."""
    raw, prepared = tmp_path / "raw", tmp_path / "prepared"
    raw.mkdir()
    prepared.mkdir()
    first = pa.table({"id": ["a", "b", "c"], "price": ["1", "-2", "3"]})
    second = pa.table({"id": pa.array(["a", "d", None]).dictionary_encode(), "price": [1, 4, 5]})
    for name, table in (("first.csv", first), ("second", second)):
        pa.parquet.write_table(table, raw / f"{name}.parquet")
    pa.parquet.write_table(pa.table({"id": [7, 8], "price": [9, 9]}), raw / "third.parquet")
    for part, ids in (("train", ["a", "7"]), ("valid", ["c"]), ("test", ["d"])):
        pd.DataFrame({"id": ids, "price": 1.0}).to_parquet(prepared / f"{part}.parquet")
    pd.DataFrame(
        [
            ("first.csv", 2, "price", "-2", "below 0"),
            ("first.csv", 2, "note", "", "missing"),
            ("second", 1, "id", "a", "duplicate of row 1 of first.csv"),
            ("second", 3, "id", "", "missing"),
        ],
        columns=["file", "row", "column", "value", "reason"],
    ).to_csv(prepared / "quarantine.csv", index=False)
    return raw, prepared


def test_an_accepted_order_has_its_row_and_its_part(folders):
    found = lineage.trace("d", "id", *folders)
    [row] = found.rows
    assert (row.file, row.number, row.cells, row.faults) == (
        "second",
        2,
        {"id": "d", "price": 4},
        (),
    )
    assert found.part == "test"
    assert found.order.to_dict("list") == {"id": ["d"], "price": [1.0]}


def test_every_row_of_an_order_is_found_and_why_only_one_was_accepted(folders):
    found = lineage.trace("a", "id", *folders)
    assert [(row.file, row.number) for row in found.rows] == [("first.csv", 1), ("second", 1)]
    assert [row.faults for row in found.rows] == [
        (),
        (("id", "a", "duplicate of row 1 of first.csv"),),
    ]
    assert found.part == "train"


def test_a_quarantined_order_has_its_faults_and_no_part(folders):
    found = lineage.trace("b", "id", *folders)
    [row] = found.rows
    assert row.faults == (("price", "-2", "below 0"), ("note", "", "missing"))
    assert row.cells == {"id": "b", "price": "-2"}  # as it was typed
    assert (found.part, found.order) == (None, None)


def test_ids_that_came_as_numbers_are_found_as_text(folders):
    assert lineage.trace("7", "id", *folders).part == "train"


def test_an_unknown_order_is_told_with_what_ids_look_like(folders):
    with pytest.raises(PipelineError, match=r"no order 'x' in .*raw: 8 rows, the first is 'a'"):
        lineage.trace("x", "id", *folders)


def test_folders_of_different_runs_are_told_of(folders):
    with pytest.raises(PipelineError, match=r"made from other rows than .* make repro"):
        lineage.trace("8", "id", *folders)
