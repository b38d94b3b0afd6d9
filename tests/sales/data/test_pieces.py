"""A stream of rows is cut into pieces of bounded size, and no row is lost or moved."""

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.data import pieces


def batches(sizes: list[int]) -> list[pa.RecordBatch]:
    """Return batches of these sizes, the rows numbered on from 0."""
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    numbered = [range(start, start + size) for start, size in zip(starts, sizes, strict=True)]
    return [pa.record_batch({"n": pa.array(rows, pa.int64())}) for rows in numbered]


@given(sizes=st.lists(st.integers(0, 40), max_size=12), rows=st.integers(1, 50))
def test_every_piece_is_full_but_the_last(sizes, rows):
    cut = list(pieces.cut(iter(batches(sizes)), rows))
    numbers = [table["n"].to_pylist() for table, _ in cut]
    total = sum(sizes)
    assert numbers == [[*range(at, min(at + rows, total))] for at in range(0, total, rows)]
    assert [last for _, last in cut] == [at == len(cut) - 1 for at in range(len(cut))]


def test_no_more_is_read_than_a_piece_and_the_batch_after_it():
    read = []

    def reading():
        for batch in batches([10] * 100):
            read.append(batch)
            yield batch

    next(pieces.cut(reading(), 30))
    assert len(read) == 4


@given(rows=st.integers(1, 10_000), most=st.integers(1, 500))
def test_rows_are_spread_evenly_over_no_more_pieces_than_needed(rows, most):
    each = pieces.evenly(rows, most)
    assert 1 <= each <= most
    assert -(-rows // each) == -(-rows // most)


def test_as_many_as_may_be_where_nobody_knows_how_many_rows_there_are():
    assert pieces.evenly(None, 500) == 500


def test_the_order_of_names_is_the_order_of_rows():
    names = [pieces.name(task, piece) for task in range(0, 1500, 7) for piece in range(0, 150, 7)]
    assert names == sorted(names)
    assert pieces.name(3, 12) == "part.000003.000012"


def test_a_task_done_again_writes_over_what_the_first_one_left(tmp_path):
    half = tmp_path / "part.000002.000001.parquet"
    half.write_bytes(b"PAR1 and then the power went out")
    assert pieces.write(lambda: batches([70, 30, 25]), tmp_path, 2, 50) == 125
    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == [f"part.000002.00000{n}.parquet" for n in range(3)]
    sizes = [pyarrow.parquet.read_metadata(path).num_rows for path in written]
    assert sizes == [50, 50, 25]
    whole = pa.concat_tables(pyarrow.parquet.read_table(path) for path in written)
    assert whole["n"].to_pylist() == [*range(125)]


def test_what_cannot_be_read_stops_the_task():
    def broken():
        yield from batches([10])
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(pieces.cut(broken(), 3))


def test_a_stream_is_the_same_file_however_it_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "GROUP_ROWS", 50)
    for name, sizes in (("a", [70, 30, 25]), ("b", [1] * 125)):
        pieces.stream(batches(sizes), tmp_path / f"{name}.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    footer = pyarrow.parquet.read_metadata(tmp_path / "a.parquet")
    assert [footer.row_group(n).num_rows for n in range(footer.num_row_groups)] == [50, 50, 25]
    assert pyarrow.parquet.read_table(tmp_path / "b.parquet")["n"].to_pylist() == [*range(125)]


def test_a_stream_is_written_as_it_comes(tmp_path, monkeypatch):
    """No more than a row group waits in memory."""
    monkeypatch.setattr(pieces, "GROUP_ROWS", 50)
    sizes = []

    def watched():
        for batch in batches([50] * 40):
            sizes.append(
                (tmp_path / "a.parquet").exists() and (tmp_path / "a.parquet").stat().st_size
            )
            yield batch

    pieces.stream(watched(), tmp_path / "a.parquet")
    assert sizes[0] is False
    assert 0 < sizes[10] < sizes[39]
