"""A file that is read batch by batch is the file that is read at once, its faults included.

What a user is told of a broken file is in tests/stages/test_bad_input.py.
"""

import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from sales.data import incoming
from sales.errors import PipelineError
from tests.examples import make_orders


@pytest.fixture
def small_batches(monkeypatch):
    options = pa.csv.ReadOptions(use_threads=False, block_size=4096)
    monkeypatch.setattr(incoming, "STREAMED", options)
    monkeypatch.setattr(incoming, "BATCH_ROWS", 100)


TEXT = make_orders(1000).to_csv(index=False)
FILES = {
    "a.csv": TEXT.encode(),
    "bom.csv": b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(),
    "a.csv.gz": gzip.compress(TEXT.encode()),
    "quoted.csv": b'a,b\n1,"two\nlines"\n,NA\n"",x\n',
    "A.CSV": b"a\n1\n2\n",
    "null.csv": b"a,b\n" + b"1,\n" * 3000,
}


@pytest.mark.parametrize("name", FILES)
def test_a_csv_in_batches_is_the_whole_one(tmp_path, small_batches, name):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    whole = incoming.read(path)
    batches = list(incoming.batches(str(path)))
    assert pa.Table.from_batches(batches).equals(whole)
    assert len(batches) > 1 or whole.num_rows < 10
    assert set(whole.schema.types) == {pa.string()}


def test_a_parquet_file_in_batches_is_the_whole_one(tmp_path, small_batches):
    path = tmp_path / "a.parquet"
    make_orders(1000).to_parquet(path, row_group_size=300)
    whole = incoming.read(path)
    batches = list(incoming.batches(str(path)))
    assert pa.Table.from_batches(batches).equals(whole)
    assert max(batch.num_rows for batch in batches) == 100
    assert batches[0].schema.equals(whole.schema, check_metadata=True)
    some = pa.Table.from_batches(incoming.batches(str(path), groups=(1, 3)))
    assert some.equals(pa.concat_tables([whole.slice(300, 300), whole.slice(900)]))


def test_the_rows_before_a_broken_one_are_yielded_and_its_line_is_told(tmp_path, small_batches):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 5000 + "1,2,3\n" + "1,2\n" * 5000)
    seen = 0
    with pytest.raises(PipelineError, match=r"^a.csv: line 5002: expected 2 columns, got 3$"):
        for batch in incoming.batches(str(path)):
            seen += batch.num_rows
    assert 3000 < seen < 5000
    with pytest.raises(PipelineError, match=r"^a.csv: line 5002: expected 2 columns, got 3$"):
        incoming.read(path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "a.csv: the file is empty"),
        ("a.csv", b"a,b\n", "a.csv: the file has a header but no rows"),
        ("a.csv", b"a,a\n1,2\n", "a.csv: the column 'a' stands there twice"),
        ("a.csv", "a\né\n".encode("latin-1"), "a.csv: not in UTF-8; save it as UTF-8"),
        ("a.csv", "a\n1\n".encode("utf-16"), "a.csv: not in UTF-8 (UTF-16?); save it as UTF-8"),
        ("a.parquet", b"PAR1", "a.parquet: not a Parquet file, or cut short"),
        ("a.parquet", b"", "a.parquet: the file is empty"),
        ("a.csv.gz", b"no gzip", "a.csv.gz: cannot be read: "),
        ("a.csv.gz", gzip.compress(TEXT.encode())[:-400], "a.csv.gz: cannot be read: "),
        ("b.csv", None, "b.csv: there is no such file"),
        ("b.parquet", None, "b.parquet: there is no such file"),
    ],
)
def test_what_is_broken_is_told_alike(tmp_path, name, content, told):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    messages = []
    for reading in (lambda: incoming.read(path), lambda: list(incoming.batches(str(path)))):
        with pytest.raises(PipelineError) as caught:
            reading()
        messages.append(str(caught.value))
    assert messages[0].startswith(told)
    if not told.endswith(": "):
        assert messages == [told, told]
    assert messages[0] == messages[1]
    assert "\n" not in messages[0]


def test_a_parquet_file_without_rows_is_told(tmp_path):
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "a.parquet")
    for reading in (incoming.read, lambda path: list(incoming.batches(str(path)))):
        with pytest.raises(PipelineError, match="has a header but no rows"):
            reading(tmp_path / "a.parquet")
