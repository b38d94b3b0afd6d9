"""A folder that changes as a whole or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sales.errors import PipelineError
from sales.registry.generations import changing, linked


@pytest.fixture
def link(tmp_path):
    """Return the link to a first generation with a file and a database in it."""
    link = tmp_path / "registry"
    with changing(link) as folder:
        (folder / "record").write_text("old")
        with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
            database.execute("CREATE TABLE aliases (name)")
    return link


def names(link: Path):
    return sorted(path.name for path in (link.parent / "generations").iterdir())


def aliases(link: Path):
    with closing(sqlite3.connect(link / "mlflow.db")) as database:
        return [name for (name,) in database.execute("SELECT name FROM aliases")]


def give(folder: Path, alias: str):
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.execute("INSERT INTO aliases VALUES (?)", [alias])


def test_the_first_generation_starts_empty_and_the_link_is_relative(tmp_path):
    with changing(tmp_path / "registry") as folder:
        assert list(folder.iterdir()) == []
        assert not (tmp_path / "registry").exists()
    assert (tmp_path / "registry").readlink() == Path("generations") / folder.name
    tmp_path.rename(moved := tmp_path.with_name("moved"))
    assert (moved / "registry").is_dir()


def test_readers_see_the_old_one_until_the_block_ends(link):
    with changing(link) as folder:
        (folder / "record").write_text("new")
        give(folder, "champion")
        assert (link / "record").read_text() == "old"
        assert aliases(link) == []
    assert (link / "record").read_text() == "new"
    assert aliases(link) == ["champion"]


def test_a_failure_leaves_the_old_one_and_nothing_beside_it(link):
    before = names(link)
    with pytest.raises(ZeroDivisionError), changing(link) as folder:
        (folder / "record").write_text("new")
        give(folder, "champion")
        raise ZeroDivisionError
    assert (link / "record").read_text() == "old"
    assert aliases(link) == []
    assert names(link) == before


def test_what_a_crash_left_is_swept_and_its_name_never_used_again(link):
    number = names(link)[0].partition("-")[0]
    left = link.parent / "generations" / f"{int(number) + 1:06d}-dead"
    left.mkdir()
    (link.parent / ".registry.next").symlink_to(left)
    with changing(link) as folder:
        assert folder != left
        assert not left.exists()
    assert link.resolve() == folder.resolve()


def test_the_generation_before_stays_for_whoever_still_reads_it(link):
    reader = link.resolve()
    with changing(link):
        pass
    assert (reader / "record").read_text() == "old"
    with changing(link):
        pass
    assert len(names(link)) == 3  # swept when the next change begins
    with changing(link):
        pass
    assert not reader.exists()
    assert len(names(link)) == 3


def test_a_write_to_the_database_from_outside_meanwhile_wins(link):
    with (
        pytest.raises(PipelineError, match="was written to meanwhile"),
        changing(link) as folder,
    ):
        give(link, "by hand")
        give(folder, "champion")
    assert aliases(link) == ["by hand"]
    with changing(link):
        pass
    assert aliases(link) == ["by hand"]


def test_a_transaction_under_way_is_not_copied_half(link):
    with closing(sqlite3.connect(link / "mlflow.db")) as outside:
        outside.execute("INSERT INTO aliases VALUES ('not yet')")
        with pytest.raises(PipelineError, match="meanwhile"), changing(link) as folder:
            assert aliases(folder) == []
            outside.commit()
    assert aliases(link) == ["not yet"]


def test_linked_replaces_what_was_there_and_is_quiet_where_nothing_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("state/promoted").mkdir(parents=True)
    Path("models/promoted").mkdir(parents=True)
    Path("models/promoted/old").touch()
    linked(Path("models/promoted"), Path("state/promoted"))
    assert Path("models/promoted").readlink() == Path("../state/promoted")
    made = Path("models/promoted").lstat().st_mtime_ns
    linked(Path("models/promoted"), Path("state/promoted"))
    assert Path("models/promoted").lstat().st_mtime_ns == made
    linked(Path("models/promoted"), Path("state/other"))
    assert Path("models/promoted").readlink() == Path("../state/other")
