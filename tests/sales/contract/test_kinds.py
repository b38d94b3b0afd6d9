"""Expressions held against the contract, before any row is read."""

from pathlib import Path

import pytest

from sales.contract import kinds
from sales.contract.expressions import Expression
from sales.errors import PipelineError
from tests.examples import set_params

COLUMNS = {"a": "number", "b": "number", "day": "date", "city": "text", "year": "number"}


def of(text):
    return kinds.of(Expression.parse(text, "x"), COLUMNS)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a * 2 + b", "number"),
        ("year(day)", "number"),
        ("year * 2", "number"),  # a column, not the function
        ("year(day) - year", "number"),
        ("day", "date"),
        ("city == city", "number"),
        ("day < day", "number"),
        ("where(a > 0, month(day), -a)", "number"),
    ],
)
def test_what_an_expression_gives(text, kind):
    assert of(text) == kind


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("year(a)", "x: year() is of a date, and 'a' a number"),
        ("day_of_week(city)", "x: day_of_week() is of a date, and 'city' a text"),
        ("log(day)", "x: log() is of a number, and 'day' a date"),
        ("year(year(day))", "x: year() is of a date, and 'year(day)' a number"),
        ("day + 1", "x: 'day' is a date, not a number"),
        ("-city", "x: 'city' is a text, not a number"),
        ("a > day", "x: 'a > day' compares what differs in kind"),
        ("a * c", "x: 'c' is no column of the contract that is read"),
        ("`Lot.Area` * 2", "x: 'Lot.Area' is no column of the contract that is read"),
    ],
)
def test_what_cannot_be_right_is_told(text, told):
    with pytest.raises(PipelineError) as caught:
        of(text)
    assert str(caught.value) == told


def test_the_committed_expressions_are_right(project):
    kinds.check()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (
            "featurize.derived.OrderYear",
            "year(UnitPrice)",
            "params.yaml: featurize.derived.OrderYear: year() is of a date, and 'UnitPrice' a",
        ),
        ("featurize.derived.Unused", "Prize * 2", "featurize.derived.Unused: 'Prize' is no column"),
        ("featurize.derived.Unused", "class * 2", "write `class` in backticks"),
        (
            "evaluate.behaviour.higher_price.becomes",
            "UnitPrice *",
            "params.yaml: evaluate.behaviour.higher_price: 'UnitPrice *' is not an expression",
        ),
        (
            "evaluate.behaviour.higher_price.becomes",
            "OrderDate",
            "evaluate.behaviour.higher_price: 'OrderDate' is a date, not a number",
        ),
        (
            "evaluate.behaviour.higher_price.column",
            "Prize",
            "evaluate.behaviour.higher_price: 'Prize' is no column of the contract",
        ),
    ],
)
def test_a_wrong_one_is_found_before_any_stage_has_done_anything(project, key, value, told):
    set_params({key: value})
    with pytest.raises(PipelineError) as caught:
        kinds.check()
    assert told in str(caught.value)


def test_what_else_is_wrong_with_a_group_is_left_to_who_reads_it(project):
    for key in ("featurize", "evaluate"):
        set_params({key: None})
    kinds.check()
    set_params({"evaluate": {"behaviour": {"a": 1, "b": {"column": 2}}}})
    kinds.check()
    assert Path("params.yaml").exists()
