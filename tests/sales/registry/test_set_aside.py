"""Which rows of the quarantine are exported, what they hold, and what they never hold."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract import Contract, decimals
from sales.data import preparation
from sales.engine.execution import Local
from sales.registry import set_aside
from sales.registry.set_aside import Cell

CONTRACT = {
    "columns": {
        "Id": {"role": "id"},
        "Owner": {"role": "ignored"},
        "City": {"role": "categorical", "values": ["Bonn", "Kiel"], "private": True},
        "Area": {"role": "categorical", "follows": {"City": {"Bonn": "NW", "Kiel": "SH"}}},
        "Net": {"role": "numeric", "private": True},
        "Tax": {"role": "numeric", "min": 0},
        "Price": {"role": "target", "min": 0},
    },
    "rules": {"sum": {"left": "Price", "right": "Net + Tax", "tolerance": 0.01}},
}
GOOD = ("0", "Ann", "Bonn", "NW", "10", "1", "11")
BAD = {
    2: ("1", "Bob", "Bonn", "NW", "10", "-1", "9"),  # Tax below 0
    4: ("2", "Cid", "Ulm", "NW", "10", "2", "12"),  # a private cell is wrong
    5: ("3", "Dot", "Kiel", "NW", "10", "3", "13"),  # Area does not follow what is private
    7: ("4", "Eve", "Kiel", "SH", "77.25", "4", "12"),  # does not add up with what is private
}
SECRETS = ("Ann", "Bob", "Cid", "Dot", "Eve", "Ulm", "Kiel", "77.25", "81.25")


@pytest.fixture
def prepared(project):
    """Write a raw file of two row groups, hold it against the contract; return the contract."""
    contract = Contract(**CONTRACT)
    lines = [BAD.get(number, (f"g{number}", *GOOD[1:])) for number in range(1, 9)]
    table = pa.table(dict(zip(CONTRACT["columns"], zip(*lines, strict=True), strict=True)))
    set_aside.RAW.mkdir(parents=True)
    pa.parquet.write_table(table, set_aside.RAW / "may.csv.parquet", row_group_size=5)
    written(contract)
    return contract


def written(contract):
    """Leave behind what the prepare stage does."""
    found = preparation.check(contract, set_aside.RAW, Local(), Path("scratch"))
    set_aside.QUARANTINE.parent.mkdir(parents=True, exist_ok=True)
    found.quarantine.to_csv(set_aside.QUARANTINE, index=False)


def test_each_row_is_there_with_what_is_wrong_and_without_what_is_private(prepared):
    told = set_aside.told(prepared, 10)
    assert (told["rows"], told["left_out"]) == (4, ["City", "Net"])
    assert [tuple(cell.values()) for cell in told["cells"]] == [
        ("may.csv", 2, "Tax", "-1", "below 0"),
        ("may.csv", 4, "City", "", "not one of the allowed values"),
        ("may.csv", 5, "Area", "NW", "does not follow City"),
        ("may.csv", 7, "Price", "", "sum"),
    ]
    assert [one["row"] for one in told["whole"]] == [2, 4, 5, 7]
    assert told["whole"][3]["cells"] == {"Id": "4", "Area": "SH", "Tax": "4", "Price": "12"}
    assert not [secret for secret in SECRETS if secret in json.dumps(told)]


def test_where_nothing_is_private_the_reasons_stand_word_for_word(prepared):
    columns = {
        n: {k: v for k, v in c.items() if k != "private"} for n, c in CONTRACT["columns"].items()
    }
    told = set_aside.told(Contract(**{**CONTRACT, "columns": columns}), 10)
    assert [cell["reason"] for cell in told["cells"]][2:] == [
        "City Kiel means SH",
        "sum: 12.00 is not 81.25 within 0.01",
    ]
    assert told["whole"][0]["cells"]["City"] == "Bonn"


def test_no_more_rows_than_are_asked_for_and_none_for_none(prepared):
    assert set_aside.told(prepared, 0) is None
    told = set_aside.told(prepared, 2)
    assert told["rows"] == 4
    assert len(told["whole"]) == len({cell["row"] for cell in told["cells"]}) == 2


def test_raw_rows_that_are_not_here_leave_the_cells(prepared):
    (set_aside.RAW / "may.csv.parquet").unlink()
    told = set_aside.told(prepared, 10)
    assert (len(told["cells"]), told["whole"]) == (4, [])


def test_nothing_was_set_aside(project):
    told = set_aside.told(Contract(**CONTRACT), 10)
    assert (told["rows"], told["cells"], told["whole"]) == (0, [], [])


def test_decimal_commas_become_points_and_what_is_no_number_stays(prepared):
    noted = {decimals.CSV: json.dumps({"decimal": ","})}
    rows = pa.table({"Tax": ["1.234,5", "1.5", "much"], "Price": ["1", "2", None]})
    found = set_aside._texts(prepared, rows.replace_schema_metadata(noted))
    assert [one["Tax"] for one in found] == ["1234.5", "1.5", "much"]
    assert found[2]["Price"] == ""


LINES = st.lists(st.tuples(st.integers(1, 30), st.sampled_from("abcd")), max_size=60, unique=True)


@given(lines=LINES, most=st.integers(1, 12))
def test_every_column_has_its_share_of_the_rows_that_are_told(lines, most):
    cells = [Cell("f", row, column, "", "") for row, column in sorted(lines)]
    picked = set_aside._picked(iter(cells), most)
    rows = {(cell.file, cell.row) for cell in cells}
    assert picked <= rows
    assert len(picked) == min(most, len(rows))
    if most >= 4:
        assert {cell.column for cell in cells if (cell.file, cell.row) in picked} == {
            cell.column for cell in cells
        }


def test_a_table_in_partitions_counts_its_rows_on(prepared):
    whole = pd.read_parquet(set_aside.RAW / "may.csv.parquet")
    (set_aside.RAW / "may.csv.parquet").unlink()
    (set_aside.RAW / "may.csv.parquet").mkdir()
    for number, rows in enumerate((whole[:3], whole[3:])):
        rows.to_parquet(set_aside.RAW / "may.csv.parquet" / f"part.{number:06d}.parquet")
    told = set_aside.told(prepared, 10)
    assert [(one["row"], one["cells"]["Id"]) for one in told["whole"]] == [
        *((2, "1"), (4, "2"), (5, "3"), (7, "4")),
    ]
