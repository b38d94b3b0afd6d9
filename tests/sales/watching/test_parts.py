"""Parts by day: whole or not there, few, of many writers, and never written from memory alone."""

import datetime
import errno
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.data import addresses
from sales.watching import parts
from sales.watching.parts import ROWS, Parts

DAY = "2026-11-26"


def rows(*numbers: int, day: str = DAY) -> pa.Table:
    at = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC)
    return pa.table({"time": pa.array([at] * len(numbers)), "n": pa.array(numbers, pa.int64())})


def read(address: str) -> list[list[int]]:
    """Return the numbers in each part."""
    found = parts.listed(address, ROWS)
    paths = [parts.path_of(address, part) for part in found]
    return [pa.parquet.read_table(path, partitioning=None)["n"].to_pylist() for path in paths]


@pytest.fixture
def address(tmp_path) -> str:
    return str(tmp_path / "served")


def test_a_part_grows_until_it_has_enough_rows(address):
    writer = Parts(address, ROWS, most_rows=5)
    for number in range(7):
        assert writer.add(DAY, rows(number)) > 0
    assert read(address) == [[0, 1, 2, 3, 4], [5, 6]]


def test_or_is_old_enough(address):
    times = iter([0.0, 10.0, 301.0, 302.0])
    writer = Parts(address, ROWS, now=lambda: next(times))
    for number in range(4):
        writer.add(DAY, rows(number))
    assert read(address) == [[0, 1, 2], [3]]


def test_each_day_has_a_folder(address):
    writer = Parts(address, ROWS)
    table = pa.concat_tables([rows(1), rows(2, day="2026-11-27"), rows(3)])
    for day, each in parts.by_day(table):
        writer.add(day, each)
    assert read(address) == [[1, 3], [2]]
    assert sorted(path.name for path in Path(address, ROWS).iterdir()) == [
        "day=2026-11-26",
        "day=2026-11-27",
    ]
    assert [part.day for part in parts.listed(address, ROWS, "2026-11-27")] == ["2026-11-27"]
    assert [part.day for part in parts.listed(address, ROWS, last="2026-11-26")] == ["2026-11-26"]


def test_two_writers_do_not_meet(address):
    writers = [Parts(address, ROWS), Parts(address, ROWS)]
    for number in range(6):
        writers[number % 2].add(DAY, rows(number))
    assert sorted(read(address)) == [[0, 2, 4], [1, 3, 5]]


def test_what_somebody_has_taken_out_does_not_come_back(address):
    writer = Parts(address, ROWS)
    writer.add(DAY, rows(1, 2))
    [part] = parts.listed(address, ROWS)
    there, root = addresses.resolve(address)
    with addresses.replacing(there, parts.path_of(root, part)) as file:
        pa.parquet.write_table(rows(2), file)
    writer.add(DAY, rows(3))
    assert sorted(read(address)) == [[2], [3]]
    for part in parts.listed(address, ROWS):
        Path(parts.path_of(root, part)).unlink()
    writer.add(DAY, rows(4))
    assert read(address) == [[4]]


def test_a_write_that_fails_leaves_what_was_there_and_adds_nothing(address, monkeypatch):
    writer = Parts(address, ROWS)
    writer.add(DAY, rows(1))
    before = read(address)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pa.parquet, "write_table", full)
        with pytest.raises(OSError, match="No space"):
            writer.add(DAY, rows(2))
    assert read(address) == before
    assert [path.name for path in Path(address, ROWS, f"day={DAY}").iterdir()] == [
        part.name for part in parts.listed(address, ROWS)
    ]
    writer.add(DAY, rows(2))
    assert read(address) == [[1], [2]]


def test_an_address_of_another_kind_is_as_good():
    address = "memory://parts/served"
    writer = Parts(address, ROWS, most_rows=2)
    for number in range(3):
        writer.add(DAY, rows(number))
    assert sum(part.size for part in parts.listed(address, ROWS)) > 0
    assert len([*parts.listed(address, ROWS)]) == 2


def test_a_column_that_became_another_type_is_text_in_both():
    numbers, texts = pa.table({"a": [1.0], "b": [1]}), pa.table({"a": ["x"], "c": ["y"]})
    assert parts.together([numbers, texts]).to_pylist() == [
        {"a": "1", "b": 1, "c": None},
        {"a": "x", "b": None, "c": "y"},
    ]
