"""A table is the same read as one file, as a folder of files and from memory."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.engine import partitions

TABLE = pd.DataFrame({"n": np.arange(10), "c": pd.Categorical(list("abcabcabca"))})
CUTS = [(0, 4), (4, 5), (5, 10)]


@pytest.fixture(scope="module", params=["file", "folder", "memory"])
def parts(request, tmp_path_factory):
    if request.param == "memory":
        return [TABLE[a:b].reset_index(drop=True) for a, b in CUTS]
    table = tmp_path_factory.mktemp(request.param) / "t.parquet"
    if request.param == "file":
        partitions.write(TABLE, partitions.name(table, None))
    else:
        table.mkdir()
        for number, (a, b) in reversed([*enumerate(CUTS)]):  # the names tell the order
            partitions.write(TABLE[a:b], partitions.name(table, number))
        (table / ".part.000007.parquet.1.part").write_text("cut short")  # is none of them
    return partitions.of(table)


def test_all_rows_are_read_in_order(parts):
    assert sum(partitions.rows(parts)) == 10
    pd.testing.assert_frame_equal(partitions.read(parts), TABLE)
    pd.testing.assert_frame_equal(partitions.read(parts, ["n"]), TABLE[["n"]])
    pd.testing.assert_frame_equal(partitions.head(parts, 6), TABLE[:6])
    pd.testing.assert_frame_equal(partitions.head(parts, 99), TABLE)


@given(positions=st.lists(st.integers(0, 9), max_size=12))
def test_rows_come_as_they_are_asked_for(parts, positions):
    found = partitions.take(parts, np.array(positions, int))
    pd.testing.assert_frame_equal(
        found, TABLE.iloc[positions].reset_index(drop=True), check_index_type=False
    )


def test_where_there_is_no_table_there_is_no_partition(tmp_path):
    assert partitions.of(tmp_path / "nothing.parquet") == []


def test_what_is_kept_is_in_memory_or_in_a_file(tmp_path):
    assert partitions.keep(TABLE, None) is TABLE
    path = tmp_path / "kept.parquet"
    assert partitions.keep(TABLE, path) == path
    pd.testing.assert_frame_equal(partitions.kept(path), TABLE)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.parquet"]


def test_a_folder_that_is_gone_is_not_brought_back(tmp_path):
    with pytest.raises(OSError, match="gone"):
        partitions.write(TABLE, tmp_path / "gone" / "part.parquet")
    assert not (tmp_path / "gone").exists()
