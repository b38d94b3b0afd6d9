"""How many rows ingest would read is what it then reads."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from sales import params
from sales.data import arrivals, incoming, sources
from sales.data.incoming import IngestParams
from sales.data.query import SqlParams
from sales.errors import PipelineError
from stages import ingest
from tests.examples import set_params

NONE = SqlParams()


def settings(source="files", **more):
    return IngestParams(source=source, rows=1000, seed=1, **more)


def table(rows: int) -> pa.Table:
    return pa.table({"OrderID": [f"O{n}" for n in range(rows)], "Note": ['a "b",\nc'] * rows})


@pytest.fixture
def filled(project):
    """Return data/incoming with a file of each kind, and a data set of two."""
    folder = project / "data" / "incoming"
    (folder / "README.md").write_text("none")
    table(5).to_pandas().to_csv(folder / "a.csv", index=False)
    table(6).to_pandas().to_csv(folder / "b.csv.gz", index=False)
    table(7).to_pandas().to_json(folder / "c.jsonl", orient="records", lines=True)
    pa.feather.write_feather(table(8), str(folder / "d.feather"))
    pa.parquet.write_table(table(9), folder / "e.parquet", row_group_size=4)
    (folder / "f.parquet").mkdir()
    for part in range(2):
        pa.parquet.write_table(table(10), folder / "f.parquet" / f"{part}.parquet")
    return folder


def test_all_files_are_counted_as_ingest_reads_them(filled):
    found = arrivals.now(settings(), NONE, {})
    assert (found.rows, found.where) == (55, "in 6 files of data/incoming")
    assert not found.unseen
    set_params({"ingest.source": "files"})
    ingest.main()
    raw = [
        pa.parquet.read_table(path).num_rows for path in sorted(Path("data/raw").glob("*.parquet"))
    ]
    assert sum(raw) == found.rows


def test_a_file_is_counted_again_only_where_it_has_changed(filled, monkeypatch):
    before = arrivals.now(settings(), NONE, {})
    read = []
    monkeypatch.setattr(
        sources.Stretch,
        "batches",
        lambda self: read.append(self.path) or incoming.batches(self.path, self.filesystem),
    )
    assert arrivals.now(settings(), NONE, before.counts).rows == 55
    assert read == []
    with (filled / "a.csv").open("a") as file:
        file.write("O99,again\n")
    os.utime(filled / "c.jsonl", (1, 1))
    after = arrivals.now(settings(), NONE, before.counts)
    assert after.rows == 56
    assert [Path(path).name for path in read] == ["a.csv", "c.jsonl"]
    (filled / "b.csv.gz").unlink()
    assert arrivals.now(settings(), NONE, after.counts).rows == 50


def test_another_way_of_reading_counts_anew(filled):
    before = arrivals.now(settings(), NONE, {})
    (filled / "a.csv").write_text("OrderID;Note\n1;'a\n2;b'\n")
    os.utime(filled / "a.csv", (1, 1))
    plain = arrivals.now(settings(csv={"separator": ";"}), NONE, before.counts)
    quoted = arrivals.now(settings(csv={"separator": ";", "quote": "'"}), NONE, plain.counts)
    assert plain.rows - quoted.rows == 1


def test_an_address_is_unseen_by_dvc(filled):
    found = arrivals.now(settings(address=str(filled / "e.parquet")), NONE, {})
    assert (found.rows, found.unseen) == (9, True)


def test_the_generator_does_what_it_is_told(project):
    found = arrivals.now(settings("synthetic"), NONE, {})
    assert (found.rows, found.where, found.unseen) == (
        *(1000, "of the generator (ingest.rows)", False),
    )


def test_a_database_is_asked_for_a_count(tmp_path):
    pytest.importorskip("adbc_driver_sqlite")
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop:
        shop.execute("CREATE TABLE orders (id TEXT)")
        shop.executemany("INSERT INTO orders VALUES (?)", [(str(n),) for n in range(12)])
        shop.commit()
    for asked, rows in (
        ({"table": "orders"}, 12),
        ({"query": "SELECT id FROM orders WHERE id < '5' -- five of them, and two of ten"}, 7),
    ):
        sql = SqlParams(url=f"sqlite:///{path}", **asked)
        found = arrivals.now(settings("sql"), sql, {})
        assert (found.rows, found.unseen) == (rows, True)
    with pytest.raises(PipelineError, match="no such table"):
        arrivals.now(settings("sql"), SqlParams(url=f"sqlite:///{path}", table="none"), {})


def test_what_cannot_be_counted_is_told(project):
    with pytest.raises(PipelineError, match="data/incoming holds none"):
        arrivals.now(settings(), NONE, {})
    (project / "data/incoming/a.parquet").write_bytes(b"no")
    with pytest.raises(PipelineError, match=r"a\.parquet: not a Parquet file"):
        arrivals.now(settings(), NONE, {})
    assert params.read("ingest", IngestParams).source == "synthetic"
