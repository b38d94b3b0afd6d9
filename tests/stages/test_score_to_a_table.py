"""`make score` with tables: from one, to one, whole or not at all, and each run once."""

import shutil
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from sales.data import database
from sales.errors import PipelineError
from sales.serving.scored import Scored
from stages import score
from tests import postgres as servers
from tests.examples import make_orders, set_params

ADDED = ["PredictedTotalAmount", "PredictedTotalAmountLow", "PredictedTotalAmountHigh"]


@pytest.fixture
def models(project, promoted) -> Path:
    """Put promoted models into the project, and let a part have 100 rows."""
    shutil.copytree(promoted, project / "models/promoted")
    set_params({"run.partition_rows": 100})
    return project


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def url(request, models) -> str:
    """Return the address of a database; of PostgreSQL's the tables of a test before are gone."""
    if request.param != "postgresql":
        return f"{request.param}:///shop.db"
    found = request.getfixturevalue("postgres").url
    with database.writing(found) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    return found


def run(monkeypatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["score", *map(str, words)])
    score.main()


def rows(url: str, table: str) -> pd.DataFrame:
    with (
        database.reading(url) as connection,
        database.rows(connection, f'SELECT * FROM "{table}"') as reader,  # noqa: S608
    ):
        return reader.read_all().to_pandas()


def in_the_table(url: str) -> pa.Table:
    """Put 250 orders into a table, one of them with a price that is none."""
    orders = make_orders(250)
    orders.loc[7, "UnitPrice"] = -1.0
    table = pa.Table.from_pandas(orders, preserve_index=False)
    with database.writing(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("orders", table, mode="create")
    return table


def test_a_table_is_scored_into_a_table_as_a_file_into_a_folder(url, monkeypatch, capsys):
    orders = in_the_table(url)
    run(monkeypatch, f"{url}#orders", f"{url}#scored")
    pa.parquet.write_table(orders, "orders.parquet")
    run(monkeypatch, "orders.parquet", "out")
    found, expected = rows(url, "scored"), pd.read_parquet("out/scored.parquet")
    assert [*found.columns] == [*expected.columns, "ScoredRun"]
    assert found["OrderID"].tolist() == expected["OrderID"].tolist()
    for name in ADDED:
        assert found[name].tolist() == expected[name].tolist()
    [told] = rows(url, "scored_runs").to_dict("records")
    assert (told["rows_in"], told["rows_scored"], told["rows_rejected"]) == (250, 249, 1)
    assert (told["model"], told["version"]) == ("small", 1)
    assert set(found["ScoredRun"]) == {told["run"]}
    [cell] = rows(url, "scored_rejected").to_dict("records")
    assert (cell["run"], cell["file"], cell["row"], cell["column"]) == (
        *(told["run"], "orders.parquet", 8),
        "UnitPrice",
    )
    said = capsys.readouterr().out.splitlines()
    assert f"{database.told(url)}#scored, run {told['run']}" in "".join(said)
    assert not [*Path("state/score").rglob("*.parquet")]


def test_a_run_is_added_once_and_another_one_beside_it(url, monkeypatch, capsys):
    make_orders(150).to_csv("a.csv", index=False)
    for _ in range(2):
        run(monkeypatch, "a.csv", f"{url}#scored")
    assert "this run's rows are there already: nothing was added" in capsys.readouterr().out
    assert len(rows(url, "scored")) == 150
    run(monkeypatch, "a.csv", f"{url}#scored", "--alias", "challenger")
    found = rows(url, "scored")
    assert found.groupby("ScoredRun").size().tolist() == [150, 150]
    assert len(rows(url, "scored_runs")) == 2


def test_a_table_that_is_somebodys_stays_theirs(url, monkeypatch):
    before = in_the_table(url)
    make_orders(50).to_csv("a.csv", index=False)
    with pytest.raises(PipelineError, match="has a table orders that make score did not make: nam"):
        run(monkeypatch, "a.csv", f"{url}#orders")
    assert len(rows(url, "orders")) == before.num_rows
    with pytest.raises(PipelineError, match="orders_runs"):
        rows(url, "orders_runs")


def test_other_columns_are_refused_and_the_table_stays(url, monkeypatch):
    make_orders(50).to_csv("a.csv", index=False)
    run(monkeypatch, "a.csv", f"{url}#scored")
    make_orders(50).assign(Note="late").to_csv("b.csv", index=False)
    with pytest.raises(PipelineError, match=r"#scored has other columns than these rows \(Note\)"):
        run(monkeypatch, "b.csv", f"{url}#scored")
    assert len(rows(url, "scored")) == 50
    assert len(rows(url, "scored_runs")) == 1


def test_files_of_several_kinds_are_refused_in_a_line(url, monkeypatch):
    Path("in").mkdir()
    make_orders(50).to_csv("in/a.csv", index=False)
    make_orders(50).to_parquet("in/b.parquet")
    with pytest.raises(PipelineError, match=r"^these rows do not fit in one table, score their fi"):
        run(monkeypatch, "in", f"{url}#scored")


def test_kinds_that_a_database_does_not_know_are_told_as_text(url, monkeypatch):
    orders = pa.Table.from_pandas(make_orders(20), preserve_index=False)
    exact = orders["UnitPrice"].cast(pa.decimal128(12, 2))
    orders = orders.append_column("Exact", exact).append_column("Tags", pa.array([[1, 2]] * 20))
    pa.parquet.write_table(orders, "a.parquet")
    run(monkeypatch, "a.parquet", f"{url}#scored")
    found = rows(url, "scored")
    assert [float(value) for value in found["Exact"]] == orders["UnitPrice"].to_pylist()
    assert {str(tags) if isinstance(tags, str) else str([*tags]) for tags in found["Tags"]} <= {
        "[1, 2]",
        "[np.int64(1), np.int64(2)]",
    }


def test_a_line_that_is_cut_leaves_no_half_table_and_the_next_run_adds_it(
    models, postgres, monkeypatch, capsys
):
    make_orders(3000).to_csv("a.csv", index=False)
    set_params({"run.partition_rows": 1000})
    whole = database.writing

    def dies_late(url):
        return whole(url.replace(str(postgres.port), str(port)))

    with servers.cut(postgres.port, 10**9, sent=200_000) as port:
        monkeypatch.setattr(database, "writing", dies_late)
        with pytest.raises(PipelineError, match="server closed the connection"):
            run(monkeypatch, "a.csv", f"{postgres.url}#cut")
    monkeypatch.setattr(database, "writing", whole)
    for table in ("cut", "cut_runs", "cut_rejected"):
        with pytest.raises(PipelineError, match="does not exist"):
            rows(postgres.url, table)
    scored = []
    write = Scored.write
    monkeypatch.setattr(Scored, "write", lambda *a: (scored.append(a), write(*a)))
    run(monkeypatch, "a.csv", f"{postgres.url}#cut")
    assert len(rows(postgres.url, "cut")) == 3000
    assert scored == []  # what had been scored was not scored again
    assert "3 of 3 parts were there already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sqlite:///a.db", "out"), r"^IN names no table: sqlite:///a\.db#table"),
        (("a.csv", "sqlite:///a.db"), r"^OUT names no table"),
        (("a.csv", "postgresql://ann:sesame@db/shop#scored"), r"^OUT holds a password"),
        (("sqlite:///nosuch.db#orders", "out"), "there is no file nosuch"),
    ],
)
def test_addresses_that_are_wrong_are_told(models, monkeypatch, words, message):
    make_orders(50).to_csv("a.csv", index=False)
    with pytest.raises(PipelineError, match=message):
        run(monkeypatch, *words)
    assert not Path("out").exists()
