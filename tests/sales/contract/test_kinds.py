"""Expressions held against the contract, before any row is read."""

import pytest

from sales.contract import kinds
from sales.contract.expressions import Expression
from sales.errors import PipelineError

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
