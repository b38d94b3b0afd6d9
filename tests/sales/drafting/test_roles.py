"""Which part a column plays, guessed from what it holds."""

import pyarrow as pa
import pytest

from sales.contract import Column
from sales.data.reading.dialects import Dialect
from sales.drafting import profile, roles
from sales.errors import PipelineError

USUAL = ["N/A", "NA", "NULL", "NaN", "None", "nan", "null"]


def role(cells, name="a", **how):
    array = pa.array(cells, None if how.pop("typed", False) else pa.string())
    table = pa.table({name: array}).replace_schema_metadata(how.pop("metadata", None))
    found = roles.of(name, profile.of_table(table)[name], **how)
    Column(**found.keys)  # the contract takes it
    return found


def spread(*cells, rows=60):
    """Return a column in which each cell comes again and again."""
    return [*cells] * (rows // len(cells))


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (spread("1", "2", "3"), {"role": "numeric", "integer": True, "min": 0, "max": 5}),
        (spread("-1.5", "2"), {"role": "numeric", "min": -5, "max": 5}),
        (spread("yes", "No"), {"role": "boolean"}),
        (spread("1", "0"), {"role": "boolean"}),
        (
            spread("oui", "non"),
            {"role": "boolean", "true_values": ["oui"], "false_values": ["non"]},
        ),
        (spread("b", "a", "c"), {"role": "categorical", "values": ["a", "b", "c"]}),
        (spread("01067", "80331"), {"role": "categorical", "values": ["01067", "80331"]}),
        (
            spread("2024-06-03", "2021-01-02"),
            {"role": "date", "min": "2021-01-01", "max": "2034-12-31"},
        ),
        (
            spread("13/6/2024", "3/6/2024"),
            {"role": "date", "dayfirst": True, "min": "2024-01-01", "max": "2034-12-31"},
        ),
        (
            spread("6/13/2024", "6/3/2024"),
            {"role": "date", "dayfirst": False, "min": "2024-01-01", "max": "2034-12-31"},
        ),
        (
            spread("3 Jun 2024", "13 May 2024"),
            {"role": "date", "format": "%d %b %Y", "min": "2024-01-01", "max": "2034-12-31"},
        ),
        (spread("$1,234.50", "$7"), {"role": "numeric", "decimal": ".", "min": 0, "max": 2000}),
        (spread("1.234,50 €", "7,5"), {"role": "numeric", "decimal": ",", "min": 0, "max": 2000}),
        (spread("12 %", "3.5 %"), {"role": "numeric", "decimal": ".", "min": 0, "max": 0.2}),
        (spread("1:30", "0:10"), {"role": "numeric", "duration": "minutes", "min": 0, "max": 200}),
        (
            spread("1", "2.5", ""),
            {"role": "numeric", "min": 0, "max": 5, "missing": "allowed"},
        ),
        (
            spread("1", "2", "3", "?"),
            {
                **{"role": "numeric", "min": 0, "max": 5, "missing": "allowed"},
                "missing_marks": [*USUAL, "?"],
            },
        ),
        (
            spread("1", "2", "3", "not asked"),
            {
                **{"role": "numeric", "min": 0, "max": 5, "missing": "allowed"},
                "missing_marks": [*USUAL, "not asked"],
            },
        ),
        (
            spread("1", "2", "3", "-999"),
            {
                **{"role": "numeric", "min": 0, "max": 5, "missing": "allowed"},
                "missing_marks": [*USUAL, "-999"],
            },
        ),
        (
            spread("-1", "2", "-999"),
            {"role": "numeric", "integer": True, "min": -2000, "max": 1000},
        ),
        (
            spread("no", "-"),
            {
                **{"role": "categorical", "values": ["no"], "missing": "allowed"},
                "missing_marks": [*USUAL, "-"],
            },
        ),
        (spread("P00001", "P00002"), {"role": "categorical", "values": ["P00001", "P00002"]}),
        (
            spread("PT90M", "P1DT2H"),
            {"role": "numeric", "duration": "minutes", "min": 0, "max": 5000},
        ),
        (spread("SKU123", "SKU7"), {"role": "categorical", "values": ["SKU123", "SKU7"]}),
        (spread("x"), {"role": "ignored"}),
        (spread("", None, "NA"), {"role": "ignored"}),
        ([f"k{n}" for n in range(60)], {"role": "id"}),
        ([f"{n}" for n in range(60)], {"role": "id"}),
        ([f"k{n // 2 if n % 3 else n}" for n in range(60)], {"role": "ignored"}),
        ([f"{n} " + "words " * 20 for n in range(60)], {"role": "ignored"}),
    ],
)
def test_what_the_contract_is_told(cells, keys):
    assert role(cells).keys == keys


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("order_id", [f"{n * 7 % 61}" for n in range(60)], "id"),
        ("size", [f"{n * 7 % 71}" for n in range(60)], "numeric"),
        ("year", [f"{1900 + n}" for n in range(60)], "numeric"),
        ("PID", [f"{n * 7 % 61 + 5}" for n in range(60)], "id"),
        ("order_id", [*[f"{n * 7 % 61}" for n in range(60)], ""], "ignored"),
        ("__number", spread("1", "2", "3"), "ignored"),
        ("x" * 101, spread("1", "2", "3"), "ignored"),
        ("", spread("1", "2", "3"), "ignored"),
    ],
)
def test_a_name_has_its_say(name, cells, expected):
    assert role(cells, name).role == expected


def test_typed_columns_need_no_form():
    assert role([True, False, None] * 20, typed=True).keys == {
        "role": "boolean",
        "missing": "allowed",
    }
    assert role([1.5, 2.5, 9.0] * 20, typed=True).keys == {"role": "numeric", "min": 0, "max": 20}
    dates = pa.array([0, 86_400_000] * 30, pa.timestamp("ms", "Europe/Berlin"))
    found = roles.of("a", profile.of_table(pa.table({"a": dates}))["a"])
    assert found.keys["zone"] == "Europe/Berlin"
    nested = roles.of("a", profile.of_table(pa.table({"a": [[1]] * 9}))["a"])
    assert nested.why == "ignored: it holds lists or structs, not single values"


def test_numbers_of_a_file_with_decimal_commas_need_no_form_of_their_own():
    metadata = Dialect(";", ",").marked(pa.schema({"a": pa.string()})).metadata
    found = role(spread("1,5", "2,25"), metadata=metadata)
    assert found.keys == {"role": "numeric", "min": 0, "max": 5}


def test_a_unit_that_a_name_tells_is_kept():
    assert role(spread("1", "2", "3"), "Area (m²)").keys["unit"] == "m²"


def test_few_mistakes_are_set_aside_and_told():
    found = role([*spread("1", "2.5", rows=200), "1O"])
    assert found.keys["role"] == "numeric"
    assert found.doubts == ("1 cells are no number: their rows are set aside",)


def test_a_day_that_may_be_a_month_is_told():
    found = role(spread("1/2/2024", "3/4/2024"))
    assert found.keys["dayfirst"] is False
    assert "day or month first?" in found.doubts[0]


def test_numbers_among_texts_are_told():
    found = role(spread("4", "4", "f", "r"))
    assert found.keys["role"] == "categorical"
    assert found.doubts == ("30 of 60 cells are numbers, the others not: kept as text",)


def test_more_texts_than_a_list_holds_are_taken_as_they_come():
    cells = [f"k{n % 40}" for n in range(400)]
    assert role(cells).keys == {"role": "categorical"}


def test_a_target_is_numbers_whatever_else_it_may_look_like():
    assert role(spread("1", "0", "2"), target=True).keys == {"role": "target", "min": 0, "max": 5}
    ids = role([f"{n}" for n in range(60)], "id", target=True)
    assert ids.keys == {"role": "target", "min": 0, "max": 100}
    holes = role(spread("1", "2", ""), target=True)
    assert holes.keys == {"role": "target", "min": 0, "max": 5}
    assert holes.doubts == ("20 rows have no target: nothing is learnt from them",)
    marked = role(spread("1", "2", "?"), target=True)
    assert marked.keys["missing_marks"] == [*USUAL, "?"]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (spread("a", "b"), "holds text, such as a, not numbers"),
        (spread("", None), "holds nothing, not numbers"),
        (spread("2024-06-03"), "holds text, such as 2024-06-03, not numbers"),
    ],
)
def test_a_target_without_numbers_is_refused(cells, told):
    with pytest.raises(PipelineError, match=told):
        role(cells, "price", target=True)
    with pytest.raises(PipelineError, match="a name that no contract can hold"):
        role(cells, "", target=True)
