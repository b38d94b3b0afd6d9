"""Arithmetic from params.yaml: right where allowed, refused where not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract.expressions import Expression
from sales.errors import PipelineError

DATES = np.array(["2024-02-29", "2020-01-01", "1969-12-31"], dtype="datetime64[ms]")
COLUMNS = {"a": np.array([1.0, -2.0, 0.0]), "b": np.array([2, 4, 0]), "d": DATES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * 2", [5.0, 6.0, 0.0]),
        ("(a + b) * 2", [6.0, 4.0, 0.0]),
        ("-a - 1", [-2.0, 1.0, -1.0]),
        ("b ** 2", [4.0, 16.0, 0.0]),
        ("b % 3", [2.0, 1.0, 0.0]),
        ("1 / a", [1.0, -0.5, np.inf]),
        ("a / b", [0.5, -0.5, np.nan]),
        ("abs(a)", [1.0, 2.0, 0.0]),
        ("maximum(a, 0)", [1.0, 0.0, 0.0]),
        ("minimum(a, 0.5)", [0.5, -2.0, 0.0]),
        ("where(a > 0, b, -1)", [2.0, -1.0, -1.0]),
        ("a >= b", [0.0, 0.0, 1.0]),
        ("a == 0", [0.0, 0.0, 1.0]),
        ("sqrt(b)", [np.sqrt(2), 2.0, 0.0]),
        ("floor(a / 2)", [0.0, -1.0, 0.0]),
        ("ceil(a / 2)", [1.0, -1.0, 0.0]),
        ("exp(a * 0)", [1.0, 1.0, 1.0]),
        ("log(b)", [np.log(2), np.log(4), -np.inf]),
        ("year(d)", [2024.0, 2020.0, 1969.0]),
        ("month(d)", [2.0, 1.0, 12.0]),
        ("day_of_week(d)", [3.0, 2.0, 2.0]),  # Thursday, Wednesday, Wednesday
    ],
)
def test_values(text, expected):
    value = Expression.parse(text, "x").evaluate(COLUMNS)
    assert value.astype(float) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        "a.b",
        "a.__class__",
        "__import__('os')",
        "eval('1')",
        "open(a)",
        "a if b else 1",
        "[a]",
        "{a: 1}",
        "(a, b)",
        "a[0]",
        "lambda: a",
        "[x for x in a]",
        "(x := a)",
        "'text' + a",
        "a and b",
        "not a",
        "~a",
        "a | b",
        "a << 99999",
        "a < b < 1",
        "abs(a, b)",
        "abs(*a)",
        "where(a, b, c=1)",
        "abs",
        "unknown(a)",
        "True * a",
        "None",
        "1e999 * a",
        "9" * 400 + " * a",
        "9 ** 9 ** 9",
        "a +",
        "",
        "a; b",
        "a = 1",
        "-" * 400 + "a",
        "a" + " + a" * 200,
    ],
)
def test_anything_but_arithmetic_on_columns_is_refused(text):
    if text == "abs":  # a name is a column, even that of a function
        assert Expression.parse(text, "x").names == {"abs"}
        return
    with pytest.raises(PipelineError, match=r"^x: ") as caught:
        Expression.parse(text, "x")
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named():
    with pytest.raises(PipelineError, match="x: no column 'c'"):
        Expression.parse("a + c", "x").evaluate(COLUMNS)


@given(
    a=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40),
    text=st.sampled_from(
        ["a * 1.1 + 3", "log(abs(a) + 1)", "exp(a / 1e9)", "a ** 3 % 7", "sqrt(a)"]
    ),
)
def test_a_row_alone_has_the_bits_it_has_in_a_table(a, text):
    expression = Expression.parse(text, "x")
    together = expression.evaluate({"a": np.array(a)})
    alone = [expression.evaluate({"a": np.array([value])}) for value in a]
    assert together.tobytes() == np.concatenate(alone).tobytes()


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(NAMES.filter(lambda name: name.strip()))
def test_any_name_in_backticks_is_that_column(name):
    quoted = "`" + name.replace("`", "``") + "`"
    expression = Expression.parse(f"{quoted} * 2 + a", "x")
    assert expression.names == {name, "a"}
    found = expression.evaluate(
        {name: np.array([3.0]), "a": np.array([1.0] if name != "a" else [3.0])}
    )
    assert found.tolist() == [9.0 if name == "a" else 7.0]
    assert expression.of_one({"a": 1.0, name: 3.0}) == found[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("class * 2", "'class' is a word of Python's: write `class` in backticks"),
        ("Lot.Area * 2", "stands in `backticks`"),
        ("100% * 2", "stands in `backticks`"),
        ("`a", "a backtick is left open"),
        ("``", "a backtick is left open"),
    ],
)
def test_what_to_do_about_a_name_is_told(text, told):
    with pytest.raises(PipelineError, match=r"^x: ") as caught:
        Expression.parse(text, "x")
    assert told in str(caught.value)
