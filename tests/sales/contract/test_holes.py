"""Values that are missing: which cells say so, what the contract makes of them, and expressions."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sales import params
from sales.contract import Column, Contract, cells
from sales.contract.expressions import Expression
from sales.errors import PipelineError
from tests.examples import held

NAN = float("nan")


def contract_of(rules=None, marks=None, **columns):
    tree = {"columns": {**columns, "y": {"role": "target"}}, "rules": rules or {}}
    return params.validate(tree | ({"missing_marks": marks} if marks else {}), Contract, "contract")


def lines(result):
    return [tuple(line)[1:] for line in result.quarantine.itertuples(index=False)]


NUMBER = {"role": "numeric", "missing": "allowed"}
KIND = {"role": "categorical", "missing": "allowed"}


def test_a_row_may_lack_what_the_contract_says_it_may():
    day = {"role": "date", "missing": "allowed", "min": "2020-01-01"}
    contract = contract_of(
        n={**NUMBER, "integer": True, "min": 1}, k={**KIND, "values": ["a"]}, d=day
    )
    table = pa.table(
        {
            "n": ["1", "", "NA", "0", None],
            "k": ["a", None, "null", "b", "a"],
            "d": ["2024-01-01", "N/A", None, "2019-12-31", ""],
            "y": ["1", "2", "3", "4", "5"],
        }
    )
    rows, result = held(contract, table)
    assert lines(result) == [
        (4, "d", "2019-12-31", "before 2020-01-01"),
        (4, "k", "b", "not one of the allowed values"),
        (4, "n", "0", "below 1"),
    ]
    assert rows["n"].dtype == np.float64
    assert rows["n"].isna().tolist() == [False, True, True, True]
    assert rows["k"].isna().tolist() == [False, True, True, False]
    assert rows["d"].isna().tolist() == [False, True, True, True]
    assert list(rows["k"].cat.categories) == ["a"]


def test_what_the_contract_does_not_allow_is_still_a_fault():
    table = pa.table({"n": ["", "1"], "y": ["1", "2"]})
    _, result = held(contract_of(n={"role": "numeric"}), table)
    assert lines(result) == [(1, "n", "", "missing")]


def test_rows_without_a_target_are_counted_apart_whatever_else_is_wrong_with_them():
    table = pa.table({"n": ["x", "1", "2", "x"], "y": ["", "1", None, "2"]})
    rows, result = held(contract_of(n={"role": "numeric"}), table)
    assert lines(result) == [(4, "n", "x", "not a number")]
    assert (result.rows_in, result.rejected, result.without_target) == (2, 1, 2)
    assert list(rows["n"]) == [1.0]


def test_where_no_row_has_a_target_there_is_nothing_to_learn():
    table = pa.table({"n": ["1", "2"], "y": pa.nulls(2, pa.string())})
    with pytest.raises(PipelineError, match="none of the 2 rows holds a y"):
        held(contract_of(n={"role": "numeric"}), table)


def test_a_rule_is_not_judged_where_an_input_is_missing_unless_it_asks():
    rules = {
        "sum": {"left": "a + b", "right": "y", "tolerance": 0},
        "asks": {"left": "a + coalesce(b, 0)", "right": "y", "tolerance": 0},
    }
    table = pa.table({"a": [1.0, 1.0, 1.0, None], "b": [1.0, None, None, 1.0], "y": [3.0, 1, 2, 9]})
    _, result = held(contract_of(rules, a=NUMBER, b=NUMBER), table)
    told = [(row, reason.split(":")[0]) for row, _, _, reason in lines(result)]
    assert told == [(1, "sum"), (1, "asks"), (3, "asks")]


def test_what_follows_is_not_judged_where_either_is_missing():
    state = {**KIND, "follows": {"City": {"Austin": "TX"}}}
    table = pa.table(
        {"City": ["Austin", None, "Austin"], "State": [None, "WA", "WA"], "y": [1.0] * 3}
    )
    _, result = held(contract_of(City=KIND, State=state), table)
    assert lines(result) == [(3, "State", "WA", "City Austin means TX")]


@pytest.mark.parametrize("raw", [["5", "-999", "?", "-999.0"], [5.0, -999.0, None, -999.0]])
def test_marks_of_all_columns_come_beside_the_usual_ones(raw):
    contract = contract_of(marks=["?", -999], n=NUMBER, k={**KIND, "values": ["?", "a"]})
    table = pa.table({"n": raw, "k": ["?", "a", "NA", ""], "y": [1.0] * 4})
    rows, result = held(contract, table)
    assert lines(result) == []
    assert rows["n"].isna().tolist() == [False, True, True, True]
    assert rows["k"].tolist()[:2] == ["?", "a"]  # it is named as a value
    assert rows["k"].isna().tolist() == [False, False, True, True]


def test_a_columns_own_marks_stand_in_the_place_of_all_others():
    contract = contract_of(marks=["?"], country={**KIND, "missing_marks": []})
    table = pa.table({"country": ["NA", "?", ""], "y": [1.0] * 3})
    rows, _ = held(contract, table)
    assert rows["country"].tolist()[:2] == ["NA", "?"]
    assert rows["country"].isna().tolist() == [False, False, True]


def test_a_date_may_be_a_mark():
    column = Column(role="date", missing="allowed", missing_marks=("1900-01-01", "0000-00-00"))
    text = cells.read(pa.chunked_array([["1900-01-01", "0000-00-00", "2024-01-01"]]), column)
    assert text.missing.tolist() == [True, True, False]
    assert not text.wrong.any()
    days = np.array(["1900-01-01", "2024-01-01"], "datetime64[ms]")
    stored = pa.chunked_array([pa.array(days)])
    assert cells.read(stored, column).missing.tolist() == [True, False]


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ({"role": "id", "missing": "allowed"}, "an id names its row"),
        ({"role": "ignored", "missing": "allowed"}, "not for the role ignored"),
        ({**KIND, "values": ["?"], "missing_marks": ["?"]}, "'?' stands in values and in"),
        ({"role": "numeric", "missing": "perhaps"}, "'refused' or 'allowed'"),
    ],
)
def test_what_cannot_be_missing(column, why):
    with pytest.raises(PipelineError, match="contract") as caught:
        contract_of(c=column)
    assert why in str(caught.value)


def test_a_contract_without_holes_is_written_as_before():
    plain = contract_of(n={"role": "numeric"}).model_dump(mode="json")
    assert "missing" not in json.dumps(plain)
    holed = contract_of(marks=["?"], n=NUMBER)
    again = Contract.model_validate(json.loads(json.dumps(holed.model_dump(mode="json"))))
    assert again == holed
    assert again.columns["n"].marks > {"", "?", "NA"}


A, B = [1.0, NAN, 3.0, NAN], [2.0, 2.0, NAN, NAN]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * 2", [5, NAN, NAN, NAN]),
        ("a ** 0", [1, NAN, 1, NAN]),
        ("a < b", [1, NAN, NAN, NAN]),
        ("a != a", [0, NAN, 0, NAN]),
        ("maximum(a, b)", [2, NAN, NAN, NAN]),
        ("missing(a)", [0, 1, 0, 1]),
        ("missing(a) + missing(b)", [0, 1, 1, 2]),
        ("coalesce(a, b)", [1, 2, 3, NAN]),
        ("coalesce(a, -1)", [1, -1, 3, -1]),
        ("where(missing(a), b, a)", [1, 2, 3, NAN]),
        ("where(a > 2, 10, 20)", [20, NAN, 10, NAN]),
        ("missing(k)", [0, 1, 0, 0]),
        ("year(d)", [2024, NAN, 2020, NAN]),
        ("day_of_week(d) >= 5", [0, NAN, 0, NAN]),
        ("missing(d)", [0, 1, 0, 1]),
        ("year(coalesce(d, e))", [2024, 1999, 2020, 1999]),
    ],
)
def test_an_expression_carries_what_is_missing_unless_it_asks(text, expected):
    days = np.array(["2024-06-03", "NaT", "2020-01-01", "NaT"], "datetime64[ms]")
    rows = {
        "a": np.array(A),
        "b": np.array(B),
        "k": np.asarray(pd.Categorical(["x", None, "y", "x"])),
        "d": days,
        "e": np.array(["1999-12-31"] * 4, "datetime64[ms]"),
    }
    expression = Expression.parse(text, "test")
    found = expression.evaluate({name: rows[name] for name in expression.names})
    assert np.array_equal(found.astype(float), expected, equal_nan=True)
    for row in range(4):  # alone it is the same, as arrays of one and as plain values
        one = {name: rows[name][row : row + 1] for name in expression.names}
        assert np.array_equal(expression.evaluate(one), [expected[row]], equal_nan=True)
        if not expression.names & {"d", "e"}:
            plain = {n: v[0].item() if n != "k" else v[0] for n, v in one.items()}
            assert np.array_equal([expression.of_one(plain)], [expected[row]], equal_nan=True)


def test_comparisons_add_up_alone_as_in_a_table():
    expression = Expression.parse("(a > 0) + (a > 1)", "test")
    assert expression.evaluate({"a": np.array([2.0])}).tolist() == [expression.of_one({"a": 2.0})]
