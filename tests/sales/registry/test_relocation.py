"""MLflow's addresses follow a project that was moved; in a true one: test_stage_register.py."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sales.errors import PipelineError
from sales.registry import relocation

OLD = "file:///old/a%20place/state/artifacts"
ROWS = {
    "experiments": [OLD, "/old/a place/mlruns/0", "file:///elsewhere/mine"],
    "runs": [f"{OLD}/run1/artifacts", "file:///old/a%20place/state/artifacts2/x"],
    "logged_models": [f"{OLD}/models/m-1/artifacts"],
    "model_versions": ["models:/m-1", f"{OLD}/models/m-1/artifacts"],
}


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, columns in relocation.ADDRESSES.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            if len(columns) == 1:
                rows = [(address,) for address in ROWS[table]]
            else:
                rows = [tuple(ROWS[table])]
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
    return path


def told(path):
    with closing(sqlite3.connect(path)) as connection:
        rows = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            for table in relocation.ADDRESSES
        }
    return {table: [cell for row in found for cell in row] for table, found in rows.items()}


def test_what_lay_in_the_old_place_lies_in_this_one_and_nothing_else_moves(database, tmp_path):
    artifacts = tmp_path / "new place" / "artifacts"
    new = artifacts.as_uri()
    assert relocation.follow(database, artifacts)
    assert told(database) == {
        "experiments": [new, *ROWS["experiments"][1:]],
        "runs": [f"{new}/run1/artifacts", ROWS["runs"][1]],
        "logged_models": [f"{new}/models/m-1/artifacts"],
        "model_versions": ["models:/m-1", f"{new}/models/m-1/artifacts"],
    }
    assert not relocation.follow(database, artifacts)


def test_a_project_that_stayed_is_left_alone(database):
    before = database.read_bytes()
    assert not relocation.follow(database, Path("/old/a place/state/artifacts"))
    assert database.read_bytes() == before


def test_there_is_no_database_yet(tmp_path):
    assert not relocation.follow(tmp_path / "mlflow.db", tmp_path / "artifacts")
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    "name", ["what?", "a%2Fb", "100%25", "both ' and \"", "line\nbreak", "\udce9"]
)
def test_a_place_in_which_mlflow_opens_no_database(name):
    with pytest.raises(PipelineError, match="rename the folder") as refused:
        relocation.refuse_strange(Path("/home") / name)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["two words", "100% mine", "a#b", "O'Neill", "Zürich", "a;b&c"])
def test_a_place_like_any_other(name):
    relocation.refuse_strange(Path("/home") / name)
