"""Cells and tables on the edge of what the contract can read."""

import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sales import params
from sales.contract import Contract
from sales.data import preparation
from sales.engine import Local
from sales.errors import PipelineError
from tests.examples import held, make_orders


def contract_of(rules=None, **columns):
    tree = {"columns": {**columns, "y": {"role": "target"}}, "rules": rules or {}}
    return params.validate(tree, Contract, "contract")


def checked(contract, **columns):
    table = pa.table(columns)
    table = table.append_column("y", pa.array([1.0] * len(table)))
    return held(contract, table)[1]


def accepted(contract, **columns):
    table = pa.table(columns)
    return held(contract, table.append_column("y", pa.array([1.0] * len(table))))[0]


def lines(result):
    return [tuple(line) for line in result.quarantine.itertuples(index=False)]


@pytest.mark.parametrize("text", ["today", "now", "2024", "12", "NaT", "2024-13-01"])
def test_what_is_no_date_and_never_read_from_the_clock(text):
    result = checked(contract_of(d={"role": "date"}), d=[text, "2024-01-01"])
    assert lines(result) == [("a.csv", 1, "d", text, "not a date")]


@pytest.mark.parametrize("text", ["2024-12-31T23:59:59.999", " 2024-12-31 ", "20241231"])
def test_the_last_day_counts_to_its_end(text):
    contract = contract_of(d={"role": "date", "max": "2024-12-31"})
    result = checked(contract, d=[text, "2025-01-01"])
    assert lines(result) == [("a.csv", 2, "d", "2025-01-01", "after 2024-12-31")]


@pytest.mark.parametrize(
    ("bound", "message"),
    [(2020, "is not a date"), ("today", "is not a date"), ("2020-01-01T00:00Z", "a time zone")],
)
def test_a_bound_that_dates_cannot_be_held_against(bound, message):
    with pytest.raises(PipelineError, match=rf"contract\.columns\.d: .*{message}"):
        contract_of(d={"role": "date", "min": bound})


def test_a_bound_may_be_yamls_own_date():
    column = contract_of(d={"role": "date", "min": datetime.date(2020, 1, 1)}).columns["d"]
    assert (column.min, column.low) == ("2020-01-01", pd.Timestamp("2020-01-01"))


def test_a_times_column_is_no_date():
    result = checked(contract_of(d={"role": "date"}), d=pa.array([1], pa.time32("s")))
    assert lines(result) == [("a.csv", 1, "d", "00:00:01", "not a date")]


def test_one_huge_integer_spoils_its_own_row_only():
    result = checked(contract_of(n={"role": "numeric", "max": 10}), n=[2**53 + 1, 1, 2])
    assert lines(result) == [("a.csv", 1, "n", "9007199254740993", "above 10")]


def test_an_integer_that_int64_cannot_hold():
    contract = contract_of(n={"role": "numeric", "integer": True})
    assert list(accepted(contract, n=["1e300", "3"])["n"]) == [3]


def test_categories_that_parquet_holds_as_numbers():
    contract = contract_of(k={"role": "categorical", "values": ["1", "2"]})
    result = checked(contract, k=pa.array([1, 2, 3]).dictionary_encode())
    assert lines(result) == [("a.csv", 3, "k", "3", "not one of the allowed values")]


def test_an_id_twice_beside_a_column_named_index():
    result = checked(contract_of(index={"role": "numeric"}, key={"role": "id"}),
                     index=["7", "8", "9"], key=["a", "b", "a"])  # fmt: skip
    assert lines(result) == [("a.csv", 3, "key", "a", "duplicate of row 1 of a.csv")]


def test_a_rule_is_judged_where_its_own_cells_are_good(contract):
    table = make_orders(20).astype(str)
    table.loc[2, ["Brand", "TotalAmount"]] = ["Acme", "123456.78"]
    table.loc[3, ["UnitPrice", "TotalAmount"]] = ["-1", "123456.78"]
    raw = pa.Table.from_pandas(table, preserve_index=False)
    result = held(contract, raw)[1]
    assert [(row, column) for _, row, column, _, _ in lines(result)] == [
        *((3, "Brand"), (3, "TotalAmount"), (4, "UnitPrice")),
    ]
    assert ": 123456.78 is not " in lines(result)[1][4]


def test_a_rule_may_compare():
    rule = {"left": "a > 1", "right": "y > 0", "tolerance": 0}
    result = checked(contract_of({"both": rule}, a={"role": "numeric"}), a=["0", "2"])
    assert result.by_reason == {"a > 1: both": 1}


@pytest.mark.parametrize("name", ["unitprice", "UNITPRICE", "Unit_Price"])
def test_a_name_in_other_letters_is_hinted_at(name):
    with pytest.raises(PipelineError, match=f"column UnitPrice; is it '{name}' for 'UnitPrice'"):
        checked(contract_of(UnitPrice={"role": "numeric"}), **{name: ["1"]})


def test_a_column_twice_in_parquet():
    twice = pa.Table.from_arrays([pa.array([1.0])] * 3, names=["a", "a", "y"])
    with pytest.raises(PipelineError, match=r"a\.parquet: the column 'a' stands there twice"):
        held(contract_of(a={"role": "numeric"}), twice, "a.parquet")


STATE_FOLLOWS = {
    "City": {"role": "categorical"},
    "State": {"role": "categorical", "follows": {"City": {"Austin": "TX", "Seattle": "WA"}}},
}


def test_a_column_that_another_one_decides():
    columns = {
        "City": ["Austin", "Austin", "Seattle", "Paris", None, "Seattle"],
        "State": ["TX", "WA", "WA", "XX", "TX", None],
    }
    result = checked(contract_of(**STATE_FOLLOWS), **columns)
    assert lines(result) == [
        ("a.csv", 2, "State", "WA", "City Austin means TX"),
        ("a.csv", 5, "City", "", "missing"),  # said once
        ("a.csv", 6, "State", "", "missing"),
    ]
    assert result.by_reason["State: does not follow City"] == 1
    assert list(accepted(contract_of(**STATE_FOLLOWS), **columns)["City"]) == [
        "Austin",
        "Seattle",
        "Paris",
    ]


def test_what_the_contract_names_is_a_value_and_what_was_typed_is_shown():
    country = {"role": "categorical", "values": ["NA", "US"]}
    contract = contract_of(country=country, n={"role": "numeric"})
    columns = {"country": ["NA", "None", "US", "US"], "n": ["1", "2", "N/A", None]}
    result = checked(contract, **columns)
    assert lines(result) == [
        ("a.csv", 2, "country", "None", "missing"),
        ("a.csv", 3, "n", "N/A", "missing"),
        ("a.csv", 4, "n", "", "missing"),
    ]
    assert list(accepted(contract, **columns)["country"]) == ["NA"]


def test_categories_of_several_files_are_one_column(tmp_path):
    contract = contract_of(k={"role": "categorical", "values": ["a", "b", "c"]})
    files = {
        "1": pa.table({"k": ["c", "a"], "y": [1.0, 2.0]}),
        "2": pa.table({"k": pa.array(["b", "a"]).dictionary_encode(), "y": ["3", "4"]}),
        "3": pa.table({"k": pa.array(["c", None]).cast(pa.large_string()), "y": [5, 6]}),
    }
    for name, table in files.items():
        pa.parquet.write_table(table, tmp_path / f"{name}.parquet")
    found = preparation.check(contract, tmp_path, Local(), tmp_path)
    [part] = found.accepted
    assert list(part.rows()["k"]) == ["c", "a", "b", "a", "c"]
    assert list(part.rows()["y"]) == [1, 2, 3, 4, 5]
    assert lines(found) == [("3", 2, "k", "", "missing")]


@pytest.mark.parametrize("role", ["id", "date", "numeric", "categorical"])
@pytest.mark.parametrize(
    "raw",
    [
        pa.array([["x"]]),
        pa.array([{"x": 1}]),
        pa.array([[("x", 1)]], pa.map_(pa.string(), pa.int64())),
    ],
    ids=lambda raw: str(raw.type)[:8],
)
def test_a_column_of_lists_or_structs_is_refused_by_name(role, raw):
    told = r"^a\.csv: the column 'c' holds lists or structs, not single values \("
    with pytest.raises(PipelineError, match=told) as caught:
        checked(contract_of(c={"role": role}), c=raw)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_set_aside_one_by_one():
    contract = contract_of(k={"role": "categorical"}, i={"role": "id"})
    raw = pa.array([b"a", b"\xe9", b"b"])
    result = checked(contract, k=raw, i=raw)
    assert lines(result) == [
        ("a.csv", 2, "i", "\\xe9", "not text"),
        ("a.csv", 2, "k", "\\xe9", "not text"),
    ]
    assert list(accepted(contract, k=raw, i=raw)["k"]) == ["a", "b"]


def test_rows_without_any_cell_are_skipped_and_counted_and_others_keep_their_numbers():
    contract = contract_of(a={"role": "numeric"})
    table = pa.table(
        {
            "a": [None, "1", "", "x", None, None],
            "y": ["", "1", None, "2", None, None],
            "Remark": [None, None, None, None, "only this", None],
        }
    )
    accepted, result = held(contract, table)
    assert lines(result) == [("a.csv", 4, "a", "x", "not a number")]
    assert (result.rows_in, result.rejected, result.blank) == (2, 1, 3)
    assert result.without_target == 1  # the row with nothing but a remark
    assert list(accepted["a"]) == [1.0]


def test_where_no_row_holds_a_cell_there_is_nothing_to_prepare():
    table = pa.table({"a": ["", None], "y": pa.nulls(2, pa.string())})
    with pytest.raises(PipelineError, match="none of the 2 rows that came in holds a cell"):
        held(contract_of(a={"role": "numeric"}), table)
