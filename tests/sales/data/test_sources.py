"""What lies in a folder or at an address is found, named and read in order, or refused."""

import os
import pickle

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from fsspec.registry import known_implementations

from sales.data import sources
from sales.errors import PipelineError

ROWS = 1000


def table(start: int = 0, rows: int = ROWS, **more) -> pa.Table:
    numbers = np.arange(start, start + rows)
    brand = pa.array([f"b{n % 3}" for n in numbers]).dictionary_encode()
    return pa.table({"n": numbers, "brand": brand, **more})


def numbers(found: pa.Table) -> list[int]:
    return found["n"].to_pylist()


@pytest.fixture
def folder(tmp_path):
    pa.parquet.write_table(table(), tmp_path / "b.parquet", row_group_size=300)
    table().to_pandas().to_csv(tmp_path / "a.csv", index=False)
    table().to_pandas().to_csv(tmp_path / "C.csv.gz", index=False)
    return tmp_path


@pytest.fixture
def data_set(tmp_path):
    """Return a folder of parts, as Dask and Spark write it, of which the names tell the order."""
    folder = tmp_path / "orders.parquet"
    folder.mkdir()
    for part in range(12):
        path = folder / f"part.{part:02d}.parquet"
        pa.parquet.write_table(table(100 * part, 100), path, row_group_size=40)
    for name in (
        "_SUCCESS",
        "_metadata",
        "_common_metadata",
        ".part.00.parquet.crc",
        "._x.parquet",
    ):
        (folder / name).write_bytes(b"x")
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "part.00.parquet").write_bytes(b"half")
    return folder


def names(address) -> list[str]:
    return [source.name for source in sources.find(str(address))]


def test_a_folder_has_its_files_by_name_and_what_is_known_to_be_no_data_is_none(folder, data_set):
    for name in ("README.md", ".hidden.csv", "_SUCCESS", "_metadata"):
        (folder / name).write_text("x")
    assert names(folder) == ["C.csv.gz", "a.csv", "b.parquet", "orders.parquet"]
    assert names(f"{folder}/") == names(folder)


def test_one_file_and_one_data_set_are_themselves(folder, data_set):
    assert names(folder / "a.csv") == ["a.csv"]
    assert names(folder / "b.parquet") == ["b.parquet"]
    assert names(data_set) == names(f"{data_set}/") == ["orders.parquet"]
    [source] = sources.find(str(data_set))
    assert len(source.files) == 12
    assert numbers(source.read()) == [*range(1200)]


def test_an_empty_folder_has_none(tmp_path):
    assert sources.find(str(tmp_path)) == []


def test_paths_relative_and_with_a_scheme(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert names(folder.name) == names(f"file://{folder}") == names(folder)


@pytest.mark.parametrize("name", ["a.sav", "old/a.csv", "_b.txt", "x.parquet/_SUCCESS"])
def test_what_might_be_meant_as_data_is_refused(folder, name):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    what = "not CSV, Parquet, Excel (.xlsx), JSON lines (.jsonl) or Feather"
    told = f"{folder}/{name.partition('/')[0]}: {what}; move it out of {folder}"
    with pytest.raises(PipelineError) as caught:
        sources.find(str(folder))
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.xls", "an old workbook: save it as .xlsx"),
        ("A.ODS", "a workbook of LibreOffice: save it as .xlsx"),
        ("a.json", "JSON: write a line for each row, and call it .jsonl"),
    ],
)
def test_what_is_nearly_taken_is_told_what_to_do(folder, name, told):
    (folder / name).write_text("x")
    with pytest.raises(PipelineError) as caught:
        sources.find(str(folder))
    assert str(caught.value) == f"{folder}/{name}: {told}"


def test_a_symbolic_link_is_what_it_leads_to(folder, data_set):
    links = folder / "links"
    links.mkdir()
    (links / "l.csv").symlink_to(folder / "a.csv")
    (links / "l.parquet").symlink_to(data_set)
    one, other = sources.find(str(links))
    assert one.read().num_rows == ROWS
    assert numbers(other.read()) == [*range(1200)]


def test_an_address_in_another_file_system(folder, data_set):
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/there", recursive=True)
    try:
        found = sources.find("memory://there")
        assert [source.name for source in found] == names(folder)
        for source, local in zip(found, sources.find(str(folder)), strict=True):
            assert source.read().equals(local.read())
            told = source.told()
            assert {**told, "fingerprint": ""} == {**local.told(), "fingerprint": ""}
        [one] = sources.find("memory://there/a.csv")
        stretch = pickle.loads(pickle.dumps(one.stretches()[0]))  # noqa: S301
        assert pa.Table.from_batches(stretch.batches()).equals(one.read())
    finally:
        memory.rm("/there", recursive=True)


def test_an_address_that_cannot_be_read_is_told_in_a_line(tmp_path, monkeypatch):
    entry = {"class": "nosuchfs.FileSystem", "err": "Install nosuchfs to access Nothing"}
    monkeypatch.setitem(known_implementations, "nosuch", entry)
    for address, told in {
        "nosuch://bucket/orders": "nosuch://bucket/orders: Install nosuchfs to access Nothing: "
        ".venv/bin/uv pip install nosuchfs",
        "bogus://x": "bogus://x: cannot be opened: Protocol not known: bogus",
        f"{tmp_path}/none": f"{tmp_path}/none: cannot be listed: there is nothing",
        "memory://none": "memory://none: cannot be listed: there is nothing",
    }.items():
        with pytest.raises(PipelineError) as caught:
            sources.find(address)
        assert str(caught.value) == told


@pytest.mark.parametrize("rows", [None, 1, 250, 300, 600, 601, 5000])
def test_the_stretches_of_a_parquet_file_are_its_rows_in_order(folder, rows):
    [source] = sources.find(str(folder / "b.parquet"))
    stretches = source.stretches(rows)
    assert [stretch.groups for stretch in stretches] == {
        None: [(0, 1, 2, 3)],
        5000: [(0, 1, 2, 3)],
        600: [(0, 1), (2, 3)],
        601: [(0, 1), (2, 3)],
    }.get(rows, [(0,), (1,), (2,), (3,)])
    seen = 0
    for stretch in stretches:
        stretch = pickle.loads(pickle.dumps(stretch))  # noqa: S301
        assert stretch.start == seen
        found = numbers(pa.Table.from_batches(stretch.batches()))
        assert found == [*range(seen, seen + stretch.rows)]
        seen += stretch.rows
    assert seen == ROWS


def test_the_stretches_of_a_data_set_count_on_from_file_to_file(data_set):
    [source] = sources.find(str(data_set))
    stretches = source.stretches(80)
    assert [(s.start, s.rows) for s in stretches][:4] == [(0, 80), (80, 20), (100, 80), (180, 20)]
    assert len(stretches) == 24
    batches = [batch for stretch in stretches for batch in stretch.batches()]
    assert numbers(pa.Table.from_batches(batches)) == [*range(1200)]


def test_a_csv_file_is_one_stretch_of_unknown_length(folder):
    [source] = sources.find(str(folder / "a.csv"))
    [stretch] = source.stretches(10)
    assert (stretch.start, stretch.rows) == (0, None)
    assert pa.Table.from_batches(stretch.batches()).equals(source.read())


def test_the_folders_of_a_data_set_give_their_columns(tmp_path):
    orders = table(rows=6).to_pandas().assign(year=[2023, 2024] * 3, city=["N/Y", "Rio", "Rio"] * 2)
    orders.to_parquet(tmp_path / "o.parquet", partition_cols=["year", "city"])
    [source] = sources.find(str(tmp_path))
    found = source.read()
    assert found.schema.field("year").type == pa.int32()
    assert found.schema.field("city").type == pa.string()
    expected = orders.sort_values(["year", "city", "n"], ignore_index=True)
    assert numbers(found) == expected["n"].tolist()
    for name in ("year", "city", "brand"):
        assert found[name].to_pylist() == expected[name].tolist()


def test_a_name_that_looks_like_a_column_above_the_data_set_gives_none(tmp_path):
    folder = tmp_path / "run=7"
    folder.mkdir()
    table(rows=3).to_pandas().assign(year=[1, 1, 2]).to_parquet(
        folder / "o.parquet", partition_cols=["year"]
    )
    [source] = sources.find(str(folder))
    assert source.read().column_names == ["n", "brand", "year"]


def test_files_that_lack_columns_or_hold_narrower_ones_are_brought_together(tmp_path):
    folder = tmp_path / "o.parquet"
    folder.mkdir()
    tables = [
        pa.table({"n": pa.array([0, 1], pa.int32()), "note": pa.nulls(2)}),
        pa.table({"note": ["x", None], "n": pa.array([2, 3], pa.int64())}),
        pa.table({"n": pa.array([4], pa.int16()), "more": [1.5]}),
    ]
    for number, part in enumerate(tables):
        pa.parquet.write_table(part, folder / f"{number}.parquet")
    [source] = sources.find(str(folder))
    schema = pa.schema([("n", pa.int64()), ("note", pa.string()), ("more", pa.float64())])
    assert source.read().equals(
        pa.table([[0, 1, 2, 3, 4], [None, None, "x", None, None], [None] * 4 + [1.5]], schema)
    )
    for stretch in source.stretches():
        assert {batch.schema for batch in stretch.batches()} == {schema}


def test_files_whose_columns_do_not_agree_are_refused(tmp_path):
    folder = tmp_path / "o.parquet"
    folder.mkdir()
    pa.parquet.write_table(pa.table({"n": [1]}), folder / "a.parquet")
    pa.parquet.write_table(pa.table({"n": ["x"]}), folder / "b.parquet")
    [source] = sources.find(str(folder))
    with pytest.raises(PipelineError, match=r"^o\.parquet: its files do not agree: .*n has incom"):
        source.read()


@pytest.mark.parametrize("part", ["part.00.parquet", "part.07.parquet"])
def test_a_broken_file_of_a_data_set_is_named(data_set, part):
    (data_set / part).write_bytes(b"PAR1 and then the power went out")
    [source] = sources.find(str(data_set))
    with pytest.raises(PipelineError) as caught:
        source.stretches()
    assert str(caught.value) == f"orders.parquet/{part}: not a Parquet file, or cut short"


def test_parquet_without_rows_is_refused_but_an_empty_file_among_others_is_none(tmp_path):
    folder = tmp_path / "o.parquet"
    folder.mkdir()
    pa.parquet.write_table(table(rows=0), folder / "0.parquet")
    [source] = sources.find(str(tmp_path))
    with pytest.raises(PipelineError, match=r"^o\.parquet: there are no rows in it$"):
        source.stretches()
    pa.parquet.write_table(table(rows=5), folder / "1.parquet")
    [source] = sources.find(str(tmp_path))
    assert [stretch.rows for stretch in source.stretches()] == [5]


def test_a_source_is_told_from_another_one_without_its_rows_being_read(folder, data_set):
    before = [source.told() for source in sources.find(str(folder))]
    assert [source.told() for source in sources.find(str(folder))] == before
    assert before[1] == {
        "name": "a.csv",
        "files": 1,
        "bytes": (folder / "a.csv").stat().st_size,
        "fingerprint": before[1]["fingerprint"],
    }
    assert before[3]["files"] == 12
    os.utime(folder / "a.csv", (1, 1))
    (data_set / "part.03.parquet").rename(data_set / "part.33.parquet")
    after = [source.told() for source in sources.find(str(folder))]
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        *(True, False, True, False)
    ]
