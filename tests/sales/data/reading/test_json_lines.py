"""JSON lines as a table, and back."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data import incoming
from sales.data.reading import json_lines
from sales.data.reading.packing import TooLargeError
from sales.errors import PipelineError


@pytest.fixture
def read(tmp_path, monkeypatch):
    def reading(*rows, name="a.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
        monkeypatch.setattr(json_lines, "BATCH_CELLS", 4)
        batches = [*incoming.batches(str(path))]
        whole = incoming.read(path)
        assert pa.Table.from_batches(batches).equals(whole)
        return whole

    return reading


def test_a_field_is_what_all_its_values_are(read):
    found = read(
        {"id": "007", "n": 1, "x": 1, "on": True, "mixed": 1, "late": None, "big": 2**70},
        "",
        {"id": "7", "n": 2, "x": 2.5, "on": False, "mixed": "one", "big": 1, "list": [1, "é"]},
        {"id": None, "late": "here", "mixed": 2.50},
    )
    assert found.to_pydict() == {
        "id": ["007", "7", None],
        "n": [1, 2, None],
        "x": [1.0, 2.5, None],
        "on": [True, False, None],
        "mixed": ["1", "one", "2.5"],
        "late": [None, None, "here"],
        "big": [2.0**70, 1.0, None],
        "list": [None, '[1,"é"]', None],
    }
    assert [str(kind) for kind in found.schema.types] == [
        *("string", "int64", "double", "bool", "string", "string", "double", "string")
    ]


VALUES = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(st.fixed_dictionaries({"a": VALUES, "b": NUMBERS}), min_size=1, max_size=9))
def test_what_is_written_is_read_again(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    table = pa.Table.from_pylist(rows, pa.schema({"a": pa.string(), "b": pa.float64()}))
    path.write_bytes(json_lines.written(table))
    again = incoming.read(path)
    assert again["a"].to_pylist() == table["a"].to_pylist()
    assert again["b"].cast(pa.float64()).to_pylist() == table["b"].to_pylist()


def test_too_many_fields_are_refused(read, monkeypatch):
    monkeypatch.setattr(json_lines, "MOST_COLUMNS", 3)
    with pytest.raises(PipelineError, match=r"^a.jsonl: more than 3 different fields$"):
        read({"a": 1, "b": 1}, {"c": 1, "d": 1})


def test_a_line_may_not_be_longer_than_memory_bears(read, monkeypatch):
    monkeypatch.setattr(json_lines, "LONGEST", 20)
    with pytest.raises(PipelineError, match=r"^a.jsonl: line 2 is longer than "):
        read({"a": 1}, {"a": "x" * 30})


def test_a_small_file_of_many_fields_would_be_a_large_table(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"c{n}":1}}\n' for n in range(2000)))
    assert path.stat().st_size < 40_000
    with pytest.raises(TooLargeError):
        incoming.read(path, most=10_000_000)
    assert incoming.read(path, most=40_000_000).num_columns == 2000
