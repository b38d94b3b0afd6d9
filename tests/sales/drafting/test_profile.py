"""A table's profile, counted over all its rows, however they come."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data.reading.dialects import Dialect
from sales.drafting import profile
from sales.drafting.forms import Fit

CELLS = st.sampled_from(
    [
        *("", "NA", "1", "2.5", "-3", "2024-06-03", "yes", "no", "Köln", "x" * 30, "007", "-999"),
        *("1,5", "1.234", "1.234,50", "$3", "3/6/2024", "13/6/2024", "3 Jun 2024", "1:30", "?"),
        *("20240603", "Jun 12 1998", "2024/01/02", "5 %", " ", "1e3", "03.06.2024 12:00:00"),
    ]
)


def one(*cells, schema=None):
    table = pa.table({"a": pa.array(cells, pa.string())})
    return profile.of_table(table.replace_schema_metadata(schema and schema.metadata))["a"]


def counts(found):
    return {form: fit.cells for form, fit in found.fits.items()}


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["1", "2", "3"], {"plain": 3, "point": 3, "comma": 3}),
        (["1.5", "2"], {"plain": 2, "point": 2, "comma": 1}),
        (["1.234", "12"], {"plain": 2, "point": 2, "comma": 2}),
        (["$1,234.50", "7"], {"plain": 1, "point": 2, "comma": 1}),
        (["1.234,50 €", "7,5"], {"comma": 2}),
        (["12 %", "1 234"], {"point": 2, "comma": 2}),
        (["2024-06-03", "2024-06-04T12:00"], {"iso": 2}),
        (["20240603", "7"], {"plain": 2, "point": 2, "comma": 2, "iso": 1}),
        (["3/6/2024", "13/6/2024"], {"dayfirst": 2, "monthfirst": 1}),
        (["3 Jun 2024"], {"%d %b %Y": 1}),
        (["Jun 12 1998"], {"%b %d %Y": 1}),
        (["2024/06/03"], {"%Y/%m/%d": 1}),
        (["1:30", "0:05"], {"clock": 2}),
        (["Bonn", "Köln"], {}),
        (["", None, "NA"], {}),
    ],
)
def test_in_which_forms_a_column_can_be_read(cells, read):
    found = counts(one(*cells))
    assert {form: found.get(form, 0) for form in {*read, *found} - ALSO} == read


# 1,234 may be a day and a month too, or a day of strptime's: what else reads a cell is no matter.
ALSO = {"%B %d %Y", "%d %B %Y"}


def test_what_is_counted():
    found = one("1", "2.5", None, "NA", "x", "1", "2024-06-03", "-999", "007", "?")
    assert (found.rows, found.holes, found.stored) == (10, 2, "text")
    assert found.fits["plain"] == Fit(cells=5, whole=4, low=-999.0, high=7.0)
    assert (found.zeros, found.longest, found.characters) == (1, 10, 24)
    assert found.values == {
        **{"1": 2, "2.5": 1, "x": 1, "2024-06-03": 1, "-999": 1, "007": 1, "?": 1}
    }
    assert found.words == {"x": 1, "?": 1}
    assert (found.sentinels, found.least) == ({-999.0: 1}, 1.0)
    assert not found.unique


def test_numbers_of_a_file_with_decimal_commas_are_numbers():
    schema = Dialect(";", ",").marked(pa.schema({"a": pa.string()}))
    found = one("1,5", "2,25", schema=schema)
    assert found.fits["plain"] == Fit(2, 0, 1.5, 2.25)
    assert "plain" not in one("1,5", "2,25").fits


def test_columns_of_other_types_are_profiled_too_and_lists_are_not():
    table = pa.table(
        {
            "n": [1, 2, None],
            "x": [1.5, float("nan"), 2.0],
            "b": [True, False, None],
            "l": [[1]] * 3,
            "d": pa.array([0, 86_400_000, None], pa.timestamp("ms", "Europe/Berlin")),
            "t": pa.array([60, 90, None], pa.duration("s")),
            "c": pa.array(["a", "b", "a"]).dictionary_encode(),
        }
    )
    found = profile.of_table(table)
    assert {name: (each.stored, each.holes) for name, each in found.items()} == {
        "n": ("number", 1),
        "x": ("number", 1),
        "b": ("truth", 1),
        "l": ("nested", 0),
        "d": ("date", 1),
        "t": ("duration", 1),
        "c": ("text", 0),
    }
    assert found["d"].zone == "Europe/Berlin"
    assert found["d"].fits["iso"].low == 3_600_000.0  # as the zone's clocks show it
    assert found["t"].fits["clock"] == Fit(2, 1, 1.0, 1.5)
    assert found["b"].values == {"true": 1, "false": 1}
    assert found["n"].unique


def test_what_differs_in_every_row_is_told_over_all_batches():
    table = pa.table({"a": [f"k{n}" for n in range(3_000)]})
    assert profile.of(table.to_batches(max_chunksize=700))["a"].unique
    twice = pa.concat_tables([table, table.slice(5, 1)])
    assert not profile.of(twice.to_batches(max_chunksize=700))["a"].unique


def test_equal_cells_have_one_hash_in_whichever_batch():
    first = profile.looked(pa.table({"a": ["x", "1.0", "", None]}), "a").hashes
    second = profile.looked(pa.table({"a": [None, "y", "x", "1"]}), "a").hashes
    assert first[0] == second[2]
    assert first[1] == second[3]
    assert first[2] == first[3] == second[0]
    assert len(np.unique(np.concatenate([first, second]))) == 4


@given(st.lists(CELLS, min_size=1, max_size=40), st.integers(1, 7))
def test_a_profile_in_batches_is_that_of_the_whole(cells, rows):
    table = pa.table({"a": pa.array(cells, pa.string()), "b": pa.array(cells[::-1], pa.string())})
    found = profile.of(table.to_batches(max_chunksize=rows))
    assert found == profile.of_table(table)
    for each in found.values():
        told = each.values or {}
        assert sum(told.values()) == each.filled
