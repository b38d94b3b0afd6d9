"""A column of SQLite is one kind, whatever its cells are; no row is lost, none is made up."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data.query import SqlParams
from sales.data.result import Result
from sales.errors import PipelineError

CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=3),
    st.binary(min_size=1, max_size=3),
)
KINDS = {bytes: "binary", str: "string", float: "double", int: "int64", type(None): "int64"}


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_any_cells_come_as_the_most_telling_kind_among_them(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute('CREATE TABLE a (n INTEGER PRIMARY KEY, x, "y""z")')
            connection.executemany('INSERT INTO a (x, "y""z") VALUES (?, ?)', rows)
            connection.commit()
        asked = SqlParams(url=f"sqlite:///{path}", table="a", order_by=("n",))
        found = pa.Table.from_batches(Result(asked).batches())
    assert found["n"].to_pylist() == [*range(1, len(rows) + 1)]
    for name, cells in zip(("x", 'y"z'), zip(*rows, strict=True), strict=True):
        held = {type(cell) for cell in cells}
        kind = next(kind for kind in KINDS if kind in held)
        assert str(found.schema.field(name).type) == KINDS[kind]
        for cell, came in zip(cells, found[name].to_pylist(), strict=True):
            assert (came is None) == (cell is None)
            if type(cell) is kind:
                assert came == cell
            elif isinstance(cell, int) and kind is float:
                assert came == float(cell)
            elif isinstance(cell, int) and kind is str:
                assert came == str(cell)


def test_a_query_of_sqlite_that_gives_no_rows_is_told(project):
    with closing(sqlite3.connect("shop.db")) as connection:
        connection.execute("CREATE TABLE a (x)")
    with pytest.raises(PipelineError, match=r"^ingest\.sql: a gives no rows$"):
        [*Result(SqlParams(url="sqlite:///shop.db", table="a")).batches()]
