"""The ingest stage: what it takes, and that both engines lay the same rows down.

What it says of broken files is in test_bad_input.py and tests/sales/data/test_incoming.py.
"""

import gzip
from pathlib import Path

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.data import generator
from sales.errors import PipelineError
from stages import ingest
from tests.examples import make_orders, run_alone, set_params
from tests.stages.test_bad_input import BROKEN_FILES

INCOMING = Path("data/incoming")
RAW = Path("data/raw")


def raw() -> dict[str, pa.Table]:
    """Return each table of data/raw/, the pieces of a folder one after another."""
    found = {}
    for path in sorted(RAW.glob("*.parquet")):
        parts = sorted(path.rglob("*")) if path.is_dir() else [path]
        tables = [pa.parquet.ParquetFile(part).read() for part in parts]
        assert {table.schema for table in tables} == {tables[0].schema}
        found[path.name] = pa.concat_tables(tables)
    return found


def sizes(name: str) -> dict[str, int]:
    parts = sorted((RAW / name).iterdir())
    return {part.name: pa.parquet.read_metadata(part).num_rows for part in parts}


def drop(folder: Path) -> None:
    """Put a file or data set of every kind into a folder, the last one with two columns more."""
    orders = make_orders(250)
    text = orders.to_csv(index=False)
    (folder / "a.csv").write_text(text)
    (folder / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    orders.to_parquet(folder / "c.parquet", row_group_size=240)
    orders["Note"] = [None] * 200 + ["late"] * 50
    orders["year"] = orders["OrderDate"].dt.year
    orders.to_parquet(folder / "d.parquet", partition_cols=["year"])
    (folder / "d.parquet" / "_SUCCESS").touch()


def test_each_file_and_each_data_set_becomes_a_table(project, capsys):
    drop(INCOMING)
    set_params({"ingest.source": "files"})
    ingest.main()
    assert capsys.readouterr().out == "files: 1,000 rows in 4 table(s)\n"
    tables = raw()
    assert [*tables] == [f"{n}.parquet" for n in ("a.csv", "b.csv.gz", "c.parquet", "d.parquet")]
    assert all(path.is_file() for path in RAW.iterdir())
    assert tables["a.csv.parquet"].equals(tables["b.csv.gz.parquet"])
    assert set(tables["a.csv.parquet"].schema.types) == {pa.string()}
    assert tables["c.parquet.parquet"].to_pandas().equals(make_orders(250))
    years = tables["d.parquet.parquet"]["year"].to_pylist()
    assert years == sorted(make_orders(250)["OrderDate"].dt.year)


@pytest.mark.parametrize("kind", ["folder", "url", "memory"])
def test_an_address_is_read_as_data_incoming_is(project, tmp_path_factory, kind):
    there = tmp_path_factory.mktemp("there")
    drop(there)
    drop(INCOMING)
    set_params({"ingest.source": "files"})
    ingest.main()
    expected = raw()
    (project / "data/incoming").rename(project / "elsewhere")
    INCOMING.mkdir()
    memory = fsspec.filesystem("memory")
    if kind == "memory":
        memory.put(str(there), "/there", recursive=True)
    address = {"folder": str(there), "url": f"file://{there}/", "memory": "memory://there"}[kind]
    set_params({"ingest.address": address})
    try:
        ingest.main()
    finally:
        if kind == "memory":
            memory.rm("/there", recursive=True)
    found = raw()
    assert [*found] == [*expected]
    assert all(found[name].equals(expected[name]) for name in expected)


def test_files_and_an_address_never_stand_for_each_other(project, tmp_path_factory):
    there = tmp_path_factory.mktemp("there")
    set_params({"ingest.source": "files", "ingest.address": str(there)})
    with pytest.raises(PipelineError, match=rf"^ingest\.address: {there} holds no CSV, Parquet"):
        ingest.main()
    (INCOMING / "a.csv").write_text("a\n1\n")
    with pytest.raises(PipelineError, match=r"^data/incoming holds a\.csv, but ingest\.address is"):
        ingest.main()
    (INCOMING / "a.csv").unlink()
    set_params({"ingest.source": "synthetic"})
    with pytest.raises(PipelineError, match=r"^ingest\.address is .* but ingest\.source is synth"):
        ingest.main()
    assert not RAW.exists()


def test_an_address_is_a_text(project):
    set_params({"ingest.address": ""})
    with pytest.raises(PipelineError, match=r"^params\.yaml: ingest\.address: String should have"):
        ingest.main()


def test_on_a_cluster_every_table_is_a_folder_of_pieces_with_the_same_rows(on_dask, capsys):
    drop(INCOMING)
    set_params({"ingest.source": "files", "run.engine": "local"})
    ingest.main()
    expected = raw()
    set_params({"run.engine": "dask"})
    ingest.main()
    assert capsys.readouterr().out == "files: 1,000 rows in 4 table(s)\n" * 2
    found = raw()
    assert [*found] == [*expected]
    for name, table in expected.items():
        assert found[name].equals(table)
        assert found[name].schema.equals(table.schema)
        assert max(sizes(name).values()) <= 100
    assert sizes("a.csv.parquet") == {
        "part.000000.000000.parquet": 100,
        "part.000000.000001.parquet": 100,
        "part.000000.000002.parquet": 50,
    }
    assert sizes("c.parquet.parquet") == {  # the file's two row groups, each spread evenly
        "part.000000.000000.parquet": 80,
        "part.000000.000001.parquet": 80,
        "part.000000.000002.parquet": 80,
        "part.000001.000000.parquet": 10,
    }
    years = make_orders(250)["OrderDate"].dt.year.value_counts()
    assert [*sizes("d.parquet.parquet").values()] == years.sort_index().tolist()


def test_on_a_cluster_the_generator_draws_the_same_orders_block_by_block(on_dask):
    rows = generator.BLOCK + 50
    set_params({"ingest.rows": rows, "run.partition_rows": 600_000})
    ingest.main()
    assert sizes("synthetic.parquet") == {
        "part.000000.000000.parquet": 600_000,
        "part.000000.000001.parquet": 400_000,
        "part.000001.000000.parquet": 50,
    }
    expected = generator.generate(rows, 42)
    assert raw()["synthetic.parquet"].unify_dictionaries().equals(expected.unify_dictionaries())


INGESTED = {
    name: case
    for name, case in BROKEN_FILES.items()
    if "missing column" not in case[2] and "separator" not in case[2]
}


def test_on_a_cluster_a_broken_file_is_told_in_the_same_line_and_nothing_stays(on_dask):
    for name, content, message in INGESTED.values():
        (INCOMING / name).write_bytes(content)
        told = []
        for engine in ("local", "dask"):
            set_params({"ingest.source": "files", "run.engine": engine})
            with pytest.raises(PipelineError) as caught:
                ingest.main()
            told.append(str(caught.value))
            assert [path.name for path in Path("data").iterdir()] == ["incoming"]
        assert told[0] == told[1]
        assert message in told[0]
        (INCOMING / name).unlink()


def test_a_run_that_fails_leaves_the_rows_of_the_one_before(on_dask):
    set_params({"ingest.rows": 150})
    ingest.main()
    before = sizes("synthetic.parquet")
    (INCOMING / "a.csv").write_text("a\n1\n2,3\n")
    set_params({"ingest.source": "files"})
    with pytest.raises(PipelineError, match=r"^a\.csv: line 3: expected 1 columns, got 2"):
        ingest.main()
    assert sizes("synthetic.parquet") == before
    assert sorted(path.name for path in Path("data").iterdir()) == ["incoming", "raw"]


def test_one_machine_imports_no_dask(project):
    program = "from stages import ingest; ingest.main()"
    printed, imported = run_alone(
        program, "dask", "distributed", "s3fs", "adbc_driver_manager", "duckdb"
    )
    assert printed == ["synthetic: 100,000 rows in 1 table(s)"]
    assert imported == []
    assert pd.read_parquet(RAW / "synthetic.parquet").shape == (100_000, 20)
