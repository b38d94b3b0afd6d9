"""Numbers of files with decimal commas."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract import Column, cells, decimals
from sales.data.reading import dialects
from sales.data.reading.dialects import Dialect

NUMBER = Column(role="numeric")
WRITTEN = {
    "1,5": 1.5,
    "1.234,50": 1234.5,
    "-1.234.567,5": -1234567.5,
    "+,5": 0.5,
    "5": 5.0,
    "5,": 5.0,
    " 2,5 ": 2.5,
    "1,5e3": 1500.0,
    "1.5": None,  # with decimal commas it is no number
    "1.234": None,  # nor this, which might be a thousand
    "12.34,5": None,
    "1,2,3": None,
    "zwei": None,
}


def read(cell, separator=";", decimal=","):
    schema = Dialect(separator, decimal).marked(pa.schema([("a", pa.string())]))
    table = pa.table([pa.array([cell], pa.string())], schema=schema)
    return cells.read(decimals.column(table, "a", NUMBER), NUMBER)


@pytest.mark.parametrize("cell", WRITTEN)
def test_a_cell_is_read_as_it_is_meant(cell):
    found = read(cell)
    assert found.values.to_pylist() == [WRITTEN[cell]]
    assert found.wrong.tolist() == [WRITTEN[cell] is None]


@pytest.mark.parametrize("mark", [None, "", "NA", "nan", "N/A"])
def test_what_is_missing_is_still_missing(mark):
    found = read(mark)
    assert found.missing.tolist() == [True]
    assert not found.wrong.any()


def test_texts_and_other_files_keep_their_cells():
    schema = pa.schema([("a", pa.string())])
    for marked, column in (
        (Dialect(";", ",").marked(schema), Column(role="categorical")),
        (Dialect(";").marked(schema), NUMBER),
        (schema, NUMBER),
    ):
        table = pa.table([pa.array(["1,5"])], schema=marked)
        assert decimals.column(table, "a", column).to_pylist() == ["1,5"]


@pytest.mark.parametrize(
    ("of_file", "of_column", "cell", "value"),
    [
        # A column that says how its numbers are written is read so, whatever its file says.
        (",", ".", "1.5", 1.5),
        (",", ".", "$1,234.50", 1234.5),
        (",", ".", "1,5", None),  # not 15, nor 1.5
        (".", ",", "1,5", 1.5),
        (".", ",", "1.234,50 €", 1234.5),
        (".", ",", "1.5", None),
        (",", ",", "1.234,50", 1234.5),
        (",", ",", "12,5 %", 0.125),
        # Where it says nothing, the file does; and what only a column can ask for is no number.
        (",", None, "1.234,50", 1234.5),
        (",", None, "1.5", None),
        (",", None, "12,5 %", None),
        (".", None, "1.5", 1.5),
        (".", None, "$1.50", None),
    ],
)
def test_the_column_has_the_last_word(of_file, of_column, cell, value):
    schema = Dialect(";", of_file).marked(pa.schema([("a", pa.string())]))
    table = pa.table([pa.array([cell])], schema=schema)
    column = Column(role="numeric", decimal=of_column)
    found = cells.read(decimals.column(table, "a", column), column)
    assert found.values.to_pylist() == [value]
    assert found.wrong.tolist() == [value is None]


def test_both_rooms_mean_the_same_key():
    assert decimals.CSV == dialects.NOTED


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_number_has_the_same_bits_with_a_comma(numbers):
    text = pa.chunked_array([[repr(number).replace(".", ",") for number in numbers]])
    found = cells.read(decimals.pointed(text), NUMBER)
    assert found.values.to_numpy().tobytes() == np.array(numbers, float).tobytes()
