"""Feather, and how large it is before it is read."""

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from sales.data import incoming
from sales.data.reading import feather
from sales.errors import PipelineError
from tests.examples import make_orders

MANY = 200_000


def written(table, compression="zstd"):
    sink = pa.BufferOutputStream()
    pa.feather.write_feather(table, sink, compression=compression, chunksize=50_000)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("compression", ["zstd", "lz4", "uncompressed"])
def test_a_file_in_batches_is_the_whole_one(tmp_path, monkeypatch, compression):
    monkeypatch.setattr(incoming, "BATCH_ROWS", 100)
    table = pa.Table.from_pandas(make_orders(1000))
    path = tmp_path / "a.feather"
    path.write_bytes(written(table, compression))
    batches = [*incoming.batches(str(path))]
    assert max(batch.num_rows for batch in batches) == 100
    assert pa.Table.from_batches(batches).equals(incoming.read(path))
    assert incoming.read(path).cast(table.schema).equals(table)


INDICES = pa.array(np.zeros(MANY, dtype=np.int8))
BOMBS = {
    "zeros": pa.table({f"c{n}": np.zeros(MANY) for n in range(20)}),
    "a text in a dictionary": pa.table(
        {"a": pa.DictionaryArray.from_arrays(INDICES, pa.array(["x" * 200]))}
    ),
    "a long text": pa.table({"a": ["x" * 200] * MANY}),
    "rows of nothing but": pa.table({f"c{n}": pa.array([0] * MANY, pa.int64()) for n in range(20)}),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_small_file_that_would_be_large_is_known_before(case):
    body = written(BOMBS[case])
    assert len(body) < 1_500_000
    size = feather.measured(body, 20e6, "a")
    assert size.rows == MANY
    assert size.bytes > 20e6


def test_views_of_one_text_count_as_often_as_they_stand_there():
    views = pa.array(["a text of some length, in one place"] * 1000, pa.string_view())
    size = feather.measured(written(pa.table({"a": views})), 1e9, "a")
    assert size.bytes >= 35_000


@pytest.mark.parametrize("compression", ["zstd", "lz4", "uncompressed"])
def test_an_honest_file_is_about_as_large_as_it_is(compression):
    table = pa.Table.from_pandas(make_orders(5000))
    size = feather.measured(written(table, compression), 1e9, "a")
    assert size.rows == 5000
    assert table.nbytes <= size.bytes + 1000
    assert size.bytes < 4 * table.nbytes


@pytest.mark.parametrize("cut", [20, 300, 2000, -7])
def test_what_is_broken_is_told(tmp_path, cut):
    body = written(pa.Table.from_pandas(make_orders(500)))[:cut]
    path = tmp_path / "a.feather"
    path.write_bytes(body)
    with pytest.raises(PipelineError, match=r"^a.feather: not a Feather file, or "):
        incoming.read(path)
    if cut > 0:
        with pytest.raises(PipelineError, match=r"^it: not a Feather file, or broken"):
            feather.measured(body, 1e9, "it")


def test_offsets_that_lead_elsewhere_are_not_followed(tmp_path):
    body = bytearray(written(pa.table({"a": ["some", "texts"]}), "uncompressed"))
    at = body.index(np.array([0, 4, 9], np.int32).tobytes())
    body[at + 4 : at + 8] = np.array([2**30], np.int32).tobytes()
    path = tmp_path / "a.feather"
    path.write_bytes(bytes(body))
    with pytest.raises(PipelineError, match=r"^a.feather: not a Feather file, or broken"):
        incoming.read(path)
    with pytest.raises(PipelineError, match=r"^it: not a Feather file, or broken"):
        feather.measured(bytes(body), 1e9, "it")
