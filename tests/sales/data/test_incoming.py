"""A file that is read batch by batch is the file that is read at once, its faults included.

What a user is told of a broken file is in tests/stages/test_bad_input.py.
"""

import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.data import incoming
from sales.data.reading import delimited
from sales.errors import PipelineError
from tests.examples import make_orders


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    monkeypatch.setattr(incoming, "BATCH_ROWS", 100)


TEXT = make_orders(1000).to_csv(index=False)
FILES = {
    "a.csv": TEXT.encode(),
    "bom.csv": b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(),
    "a.csv.gz": gzip.compress(TEXT.encode()),
    "quoted.csv": b'a,b\n1,"two\nlines"\n,NA\n"",x\n',
    "A.CSV": b"a\n1\n2\n",
    "null.csv": b"a,b\n" + b"1,\n" * 3000,
    "blank.csv": b"\n\r\n\n" + TEXT.encode(),
    "blank_bom.csv": b"\xef\xbb\xbf\n" + TEXT.encode(),
    "lines.csv": b'id,"Remark\n(free)"\n00042,"two\nlines"\n' + b"1,2\n" * 3000,
    "marks.csv": b'id,b\n000,NA\n0,None\n"",null\n,nan\n',
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


def test_every_cell_is_the_text_that_stands_there(tmp_path, small_batches):
    path = tmp_path / "a.csv"
    late = b"7,8\n" * 5000 + b"text,9\n"  # where types were guessed, they would be settled by now
    path.write_bytes(b'\n"id\n(theirs)",b\n00042,NA\n"",\n' + late)
    for found in (incoming.read(path), pa.Table.from_batches(incoming.batches(str(path)))):
        assert found.column_names == ["id\n(theirs)", "b"]
        assert found["id\n(theirs)"].to_pylist() == ["00042", "", *["7"] * 5000, "text"]
        assert found["b"].to_pylist() == ["NA", None, *["8"] * 5000, "9"]


def test_a_header_may_be_long(tmp_path):
    path = tmp_path / "a.csv"
    names = [f"column{number:06d}" for number in range(120_000)]  # 1.6 MB
    path.write_text(f"{','.join(names)}\n{','.join(['007'] * len(names))}\n")
    for found in (incoming.read(path), pa.Table.from_batches(incoming.batches(str(path)))):
        assert found.column_names == names
        assert found[names[-1]].to_pylist() == ["007"]


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
        ("a.csv", b"\xef\xbb\xbf\n \n", "a.csv: the file is empty"),
        ("a.csv", b"\n" * 200_000, "a.csv: the file is empty"),
        ("a.csv", b"a,b\n", "a.csv: the file has a header but no rows"),
        ("a.csv", b"\n\na,b", "a.csv: the file has a header but no rows"),
        ("a.csv", b"a" * (5 << 20) + b",b\n1,2\n", "a.csv: there is no header in its first 4 MiB"),
        ("a.csv", b'a\n1\n"' + b"x" * (9 << 20), "a.csv: a line is longer than 4 MiB: is a quot"),
        ("a.csv", b"a,,\n1,2,3\n", "a.csv: a column without a name stands there twice"),
        (
            "a.csv",
            "é,b\nü,ö\n".encode() + b"\xe9,2\n",
            "a.csv: line 3: the byte 0xe9 is not utf-8; ",
        ),
        ("a.csv", b"a,a\n1,2\n", "a.csv: the column 'a' stands there twice"),
        ("a.csv", b"a;b\n1;2\n1\n", "a.csv: line 3: expected 2 columns, got 1 (separated"),
        ("a.csv", b"a,b\n1,\x81\xe9\n", "a.csv: line 2: the byte 0x81 is not windows-1252; "),
        ("a.csv", b"a,b\n1,\0\n", "a.csv: not text; save it as CSV, in UTF-8"),
        ("a.csv", gzip.compress(b"a"), "a.csv: not CSV, but packed as .gz: call it so"),
        ("a.csv", b"PK\x03\x04", "a.csv: not CSV, but a zip, or a workbook (.xlsx): call it so"),
        ("a.feather", b"ARROW1", "a.feather: not a Feather file, or "),
        ("a.xlsx", b"PK\x03\x04", "a.xlsx: cannot be read as a workbook: "),
        ("a.zip", b"PK\x03\x04", "a.zip: cannot be read: not a zip, or cut short"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "a.jsonl: line 2: expected a JSON object: "),
        ("a.jsonl", b'{"a": 1}\n\n[1]\n', "a.jsonl: line 3: expected a JSON object, as in "),
        ("a.jsonl", b"\n", "a.jsonl: the file is empty"),
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
    messages: list[str] = []
    for reading in (lambda: incoming.read(path), lambda: list(incoming.batches(str(path)))):
        with pytest.raises(PipelineError) as caught:
            reading()
        messages.append(str(caught.value))
    assert messages[0].startswith(told)
    if not told.endswith((" ", "is a quot", "separated")):
        assert messages == [told, told]
    assert messages[0] == messages[1]
    assert "\n" not in messages[0]


def test_a_parquet_file_without_rows_is_told(tmp_path):
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "a.parquet")
    for reading in (incoming.read, lambda path: list(incoming.batches(str(path)))):
        with pytest.raises(PipelineError, match="has a header but no rows"):
            reading(tmp_path / "a.parquet")


def test_a_column_twice_in_parquet_is_named(tmp_path):
    table = pa.Table.from_arrays([pa.array([1, 2])] * 3, names=["a", "b", "a"])
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    for reading in (incoming.read, lambda path: list(incoming.batches(str(path)))):
        with pytest.raises(PipelineError, match=r"^a\.parquet: the column 'a' stands there twice$"):
            reading(tmp_path / "a.parquet")


def test_what_arrow_cannot_read_is_told_but_not_that_memory_is_short(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    make_orders(5).to_parquet(path)
    raised = pa.ArrowNotImplementedError("no such\nencryption")

    def read(*_, **__):
        raise raised

    monkeypatch.setattr(incoming, "_read_parquet", read)
    with pytest.raises(PipelineError, match=r"^a.parquet: cannot be read: no such encryption$"):
        incoming.read(path)
    raised = pa.ArrowMemoryError("realloc of size 1 failed")
    with pytest.raises(pa.ArrowMemoryError):
        incoming.read(path)
