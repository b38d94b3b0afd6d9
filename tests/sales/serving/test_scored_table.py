"""Scored rows in a database: what tells a run, and that two at once add it once.

What `make score` does with it is in tests/stages/test_score_to_a_table.py.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data import database
from sales.errors import PipelineError
from sales.serving import scored_table
from sales.serving.scored_table import ScoredTable

MODEL = {"alias": "champion", "name": "small", "version": "3", "content_hash": "c" * 64}
RECORD = {"model": MODEL, "rows_in": 3, "rows_scored": 2, "rows_rejected": 1}


@pytest.fixture
def folder(project) -> Path:
    """Return a folder of two scored parts and a rejected cell."""
    made = project / "out"
    (made / "scored.parquet").mkdir(parents=True)
    (made / "rejected").mkdir()
    for number in range(2):
        table = pa.table({"id": [number], "Predicted": [number + 0.5]})
        pa.parquet.write_table(table, made / f"scored.parquet/part.{number}.parquet")
    text = 'file,row,column,value,reason\na.csv,7,Tax,"a,\nb",not a number\n'
    (made / "rejected/part.0.csv").write_text(text)
    return made


def rows(table: ScoredTable, name: str, columns: str = "*") -> list[dict]:
    with (
        database.reading(table.url) as connection,
        database.rows(connection, f'SELECT {columns} FROM "{name}"') as reader,  # noqa: S608
    ):
        return reader.read_all().to_pylist()


def test_the_model_and_the_rows_tell_a_run():
    inputs = [{"name": "a.csv", "fingerprint": "f"}]
    run = scored_table.run_of(MODEL, inputs)
    assert run == scored_table.run_of({**MODEL, "alias": "fallback"}, [dict(inputs[0])])
    assert run != scored_table.run_of({**MODEL, "content_hash": "d" * 64}, inputs)
    assert run != scored_table.run_of(MODEL, [{**inputs[0], "fingerprint": "g"}])


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_rows_cells_and_the_run_come_together(folder, kind):
    table = ScoredTable.at(f"{kind}:///shop.db#sc%20ored", "OUT")
    assert table.add(folder, RECORD, "run1") is True
    assert table.add(folder, RECORD, "run1") is False
    assert rows(table, "sc ored") == [
        {"id": 0, "Predicted": 0.5, "ScoredRun": "run1"},
        {"id": 1, "Predicted": 1.5, "ScoredRun": "run1"},
    ]
    assert rows(table, "sc ored_rejected") == [
        {
            **{"run": "run1", "file": "a.csv", "row": 7, "column": "Tax"},
            **{"value": "a,\nb", "reason": "not a number"},
        }
    ]
    columns = "run, model, version, content_hash, rows_in, rows_scored, rows_rejected"
    assert rows(table, "sc ored_runs", columns) == [
        {
            **{"run": "run1", "model": "small", "version": 3, "content_hash": "c" * 64},
            **{"rows_in": 3, "rows_scored": 2, "rows_rejected": 1},
        }
    ]


def test_two_at_once_add_a_run_once(folder, postgres):
    table = ScoredTable(postgres.url, "twice")
    table.add(folder, RECORD, "run0")

    def add(run: str) -> object:
        try:
            return table.add(folder, RECORD, run)
        except PipelineError as error:
            return str(error)

    for number in range(1, 6):
        with ThreadPoolExecutor(2) as pool:
            told = [*pool.map(add, [f"run{number}"] * 2)]
        assert told.count(True) == 1
        [other] = [each for each in told if each is not True]
        assert other is False or "duplicate key value" in str(other)
        assert len(rows(table, "twice")) == 2 * (number + 1)


@given(st.lists(st.sampled_from([pa.int64(), pa.float64(), pa.string()]), min_size=1, max_size=3))
def test_parts_of_one_kind_fit_and_text_beside_numbers_does_not(kinds):
    with tempfile.TemporaryDirectory() as name:
        for number, kind in enumerate(kinds):
            table = pa.table({"a": pa.nulls(1, kind)})
            pa.parquet.write_table(table, Path(name) / f"part.{number}.parquet")
        if pa.string() in kinds and len(set(kinds)) > 1:
            with pytest.raises(PipelineError, match="do not fit in one table"):
                scored_table._schema(Path(name), lists=True)
        else:
            expected = pa.float64() if pa.float64() in kinds else kinds[0]
            assert scored_table._schema(Path(name), lists=True).types == [expected]
