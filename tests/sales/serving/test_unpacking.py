"""How much a Parquet file takes unpacked, told without unpacking it."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sales.serving import unpacking
from sales.serving.refusals import RefusedError
from tests.examples import make_orders

MANY = 1_000_000
ONCE = pa.array(np.zeros(MANY, dtype=np.int32))


def written(table, **how):
    sink = io.BytesIO()
    pq.write_table(table, sink, **how)
    return sink.getvalue()


def repeated(*texts, at=()):
    """Return a column of many rows in which the first text stands everywhere but at these rows."""
    indices = np.zeros(MANY, dtype=np.int32)
    indices[list(at)] = 1
    return pa.DictionaryArray.from_arrays(pa.array(indices), list(texts))


BOMBS = {
    "one text": {"a": repeated("x" * 400)},
    "a long text among short ones": {"a": repeated("x" * 400, "y", at=range(10))},
    "bytes": {"a": pa.DictionaryArray.from_arrays(ONCE, pa.array([b"x" * 400]))},
    "in a list": {"a": pa.ListArray.from_arrays([0, MANY], repeated("x" * 400).cast(pa.string()))},
    "a fixed length": {"a": pa.array([b"x" * 400] * MANY, pa.binary(400))},
    "numbers": {f"c{n}": np.zeros(MANY) for n in range(50)},
}


@pytest.mark.parametrize("columns", BOMBS.values(), ids=BOMBS)
def test_a_small_file_that_would_be_large_is_refused(columns):
    table = pa.table(columns)
    body = written(table)
    assert len(body) < 1_000_000
    with pytest.raises(RefusedError, match="unpacks to more than 350 MB") as refused:
        unpacking.limit(body, 350)
    assert refused.value.status == 413
    unpacking.limit(body, 1000)


def test_texts_that_share_their_beginnings_are_refused_where_they_could_be_long():
    body = written(
        pa.table({"a": [f"{'x' * 3000}{n}" for n in range(20_000)]}),
        use_dictionary=False,
        column_encoding={"a": "DELTA_BYTE_ARRAY"},
    )
    with pytest.raises(RefusedError):
        unpacking.limit(body, 50)


@pytest.mark.parametrize(
    "table",
    [
        pa.Table.from_pandas(make_orders(20_000)),
        pa.table({"remark": repeated("", "x" * 5000, at=[7])}),
        pa.table({"remark": repeated("", "x" * 5000, at=[MANY - 1])}),
        pa.table({"tags": [["red", "green"]] * 50_000, "box": [{"kind": "a"}] * 50_000}),
        pa.table({"id": [f"ORD{n:07d}" for n in range(200_000)]}),
        pa.table({"none": pa.nulls(1000), "view": pa.array(["x"] * 1000, pa.string_view())}),
    ],
    ids=["orders", "a remark at first", "a remark at last", "lists", "ids", "nothing"],
)
@pytest.mark.parametrize("how", [{}, {"use_dictionary": False}, {"compression": "zstd"}])
def test_no_honest_file_is_taken_for_larger_than_it_is_or_for_smaller(table, how):
    body = written(table, **how)
    whole = pq.read_table(pa.BufferReader(body)).nbytes
    size = unpacking.unpacked(body, 1e9)
    assert whole <= size + 1000
    assert size <= 25e6 + 3 * whole


def test_a_broken_file_is_left_to_who_reads_it():
    body = written(pa.table({"a": ["x", "y"]}))
    for broken in (b"PAR1 is how it begins", body[:-20], body[:8] + b"\0" * 40 + body[48:]):
        unpacking.limit(broken, 1)
