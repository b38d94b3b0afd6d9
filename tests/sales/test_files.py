"""Nothing half-written is ever left behind."""

import math
import os
import subprocess

import pytest

from sales import files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(target) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]
    assert target.read_text() == "old"


def test_a_failed_folder_leaves_the_old_folder_and_nothing_else(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(RuntimeError), files.replacing(target) as beside:
        beside.mkdir()
        (beside / "half").touch()
        raise RuntimeError
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == [
        "model",
        "model/old",
    ]


def test_a_folder_replaces_a_folder_whole(tmp_path):
    target = tmp_path / "model"
    for name in ("first", "second"):
        with files.replacing(target) as beside:
            beside.mkdir()
            (beside / name).touch()
    assert [p.name for p in target.iterdir()] == ["second"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_worker_left_within_a_folder_does_not_come_along(tmp_path):
    with files.replacing(tmp_path / "table") as beside:
        (beside / "train.parquet").mkdir(parents=True)
        for name in ("part.000000.parquet", ".part.000001.parquet.7.part", ".hidden"):
            (beside / "train.parquet" / name).touch()
    left = {path.name for path in (tmp_path / "table/train.parquet").iterdir()}
    assert left == {"part.000000.parquet", ".hidden"}


def test_what_a_killed_process_left_goes_and_a_living_ones_stays(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    ours = [f".out.{ended.pid}.part", f".out.{ended.pid}.old"]
    for name in ours:
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    others = [f".out.{os.getppid()}.part", f".out.csv.{ended.pid}.part", ".out.7b.part", ".out.x"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / f".out.{ended.pid}.part.bak").touch()
    with files.replacing(tmp_path / "out") as beside:
        beside.touch()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"out", *others, f".out.{ended.pid}.part.bak"}


def test_parents_are_made(tmp_path):
    files.write_json(tmp_path / "a" / "b.json", {"é": 1})
    assert files.read_json(tmp_path / "a" / "b.json") == {"é": 1}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_json_with_nan_is_refused_and_not_written(tmp_path, bad):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"rmse": bad})
    assert list(tmp_path.iterdir()) == []


def folder_of(root, **contents):
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return files.content_hash(root)


def test_content_hash_sees_content_and_names_only(tmp_path):
    base = folder_of(tmp_path / "a", x="1", y="2")
    assert folder_of(tmp_path / "b", y="2", x="1") == base
    assert folder_of(tmp_path / "c", x="1", y="3") != base
    assert folder_of(tmp_path / "d", x="1", z="2") != base
    assert folder_of(tmp_path / "e", **{"x": "1", "s/y": "2"}) != base


def test_content_hash_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.content_hash(tmp_path / "f") == known


def test_content_hashes_are_those_of_the_folder_and_of_all_right_within_it(tmp_path):
    for name in ("a/1", "a/b/2", "c", "d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    expected = {name: files.content_hash(tmp_path / name) for name in (".", "a", "c", "d.txt")}
    assert files.content_hashes(tmp_path) == expected


def test_content_hash_does_not_see_bytecode(tmp_path):
    (tmp_path / "f.py").write_text("x = 1")
    before = files.content_hash(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "f.cpython-311.pyc").write_bytes(b"1")
    assert files.content_hash(tmp_path) == before
