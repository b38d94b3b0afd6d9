"""A table's profile, counted over all its rows, however they come."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data import profile
from sales.data.profile import Profile
from sales.data.reading.dialects import Dialect

CELLS = st.sampled_from(["", "NA", "1", "2.5", "-3", "2024-06-03", "yes", "no", "Köln", "x" * 30])


def one(*cells, schema=None):
    table = pa.table({"a": pa.array(cells, pa.string())})
    return profile.of_table(table.replace_schema_metadata(schema and schema.metadata))["a"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3"], "integer"),
        (["1.0", "2", None], "integer"),
        (["1.5", "2"], "number"),
        (["1e3", "-.5"], "number"),
        (["yes", "no", "yes"], "boolean"),
        (["True", "FALSE"], "boolean"),
        (["1", "0", "1"], "boolean"),
        (["1", "1"], "integer"),
        (["2024-06-03", "2024-06-04T12:00"], "date"),
        (["20240603", "20240604"], "integer"),
        (["Bonn", "Köln"], "text"),
        (["1", "two"], "text"),
        ([*["1"] * 30, "2", "two"], "integer"),
        (["", None, "NA"], "nothing"),
    ],
)
def test_what_a_column_holds(cells, kind):
    assert one(*cells).kind == kind


def test_what_is_counted():
    assert one("1", "2.5", None, "NA", "x", "1", "2024-06-03") == Profile(
        rows=7,
        holes=2,
        numbers=3,
        whole=2,
        dates=1,
        low=1.0,
        high=2.5,
        longest=10,
        values={"1": 2, "2.5": 1, "x": 1, "2024-06-03": 1},
    )


def test_numbers_of_a_file_with_decimal_commas_are_numbers():
    schema = Dialect(";", ",").marked(pa.schema({"a": pa.string()}))
    found = one("1,5", "2,25", schema=schema)
    assert (found.kind, found.low, found.high) == ("number", 1.5, 2.25)
    assert one("1,5", "2,25").kind == "text"


def test_columns_of_other_types_are_profiled_too_and_lists_are_not():
    table = pa.table(
        {"n": [1, 2, None], "x": [1.5, float("nan"), 2.0], "b": [True, False, None], "l": [[1]] * 3}
    )
    found = profile.of_table(table)
    assert {name: (each.kind, each.holes) for name, each in found.items()} == {
        "n": ("integer", 1),
        "x": ("number", 1),
        "b": ("boolean", 1),
    }


@given(st.lists(CELLS, min_size=1, max_size=40), st.integers(1, 7))
def test_a_profile_in_batches_is_that_of_the_whole(cells, rows):
    table = pa.table({"a": pa.array(cells, pa.string()), "b": pa.array(cells[::-1], pa.string())})
    found = profile.of(table.to_batches(max_chunksize=rows))
    assert found == profile.of_table(table)


def test_values_are_counted_only_so_far(monkeypatch):
    monkeypatch.setattr(profile, "MOST_VALUES", 3)
    table = pa.table({"a": ["a", "b", "c", "d", "a"]})
    for batch_rows in (1, 2, 5):
        assert profile.of(table.to_batches(max_chunksize=batch_rows))["a"].values is None
    assert profile.of(table.slice(0, 3).to_batches())["a"].values == {"a": 1, "b": 1, "c": 1}


def test_what_a_person_should_look_at():
    columns = profile.of_table(
        pa.table(
            {
                "id": ["a", "b", "c"],
                "same": ["x", "x", "x"],
                "none": pa.nulls(3),
                "holes": ["1", None, "1"],
                "fine": ["u", "u", "v"],
                "price": ["much", "little", "much"],
            }
        )
    )
    assert profile.suspicions(columns, "price") == {
        "id": ["a different value in each row: an id?"],
        "same": ["always the same: x"],
        "none": ["it holds nothing"],
        "holes": ["1 of 3 rows hold nothing", "always the same: 1"],
        "price": ["the target holds text, not numbers"],
    }
    numbers = profile.of_table(pa.table({"price": ["1.5"] * 30 + ["2.5", "much"]}))
    assert profile.suspicions(numbers, "price") == {"price": ["1 cells are no number"]}
