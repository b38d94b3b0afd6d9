"""What is written at an address is whole or not there, on a disk as in an object store."""

import errno
import os

import fsspec
import pyarrow.fs
import pytest

from sales.data import addresses

KINDS = ("disk", "memory")


@pytest.fixture(params=KINDS)
def folder(request, tmp_path):
    """Return a file system and a folder in it."""
    if request.param == "disk":
        yield addresses.resolve(str(tmp_path / "there"))
    else:
        memory = fsspec.filesystem("memory")
        yield addresses.resolve("memory://there")
        if memory.exists("/there"):
            memory.rm("/there", recursive=True)


def test_a_path_is_absolute_and_an_address_is_itself(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert addresses.absolute("out/") == addresses.absolute(f"file://{tmp_path}/out")
    assert addresses.absolute("out/") == f"{tmp_path}/out"
    assert addresses.absolute("memory://out") == "memory://out"


def test_arrow_reads_this_machines_files_itself(tmp_path):
    assert addresses.arrow(addresses.resolve(str(tmp_path))[0]) == pyarrow.fs.LocalFileSystem()
    other = addresses.arrow(addresses.resolve("memory://x")[0])
    assert isinstance(other, pyarrow.fs.PyFileSystem)


def test_what_is_written_takes_the_place_of_what_was_there(folder):
    there, root = folder
    assert addresses.listed(there, f"{root}/deep") == []
    for content in (b"first", b"second"):
        with addresses.replacing(there, f"{root}/deep/a") as file:
            file.write(content)
        assert there.cat_file(f"{root}/deep/a") == content
        assert addresses.listed(there, f"{root}/deep") == ["a"]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(folder):
    there, root = folder
    with addresses.replacing(there, f"{root}/a") as file:
        file.write(b"first")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(OSError, match="No space left") as caught,
        addresses.replacing(there, f"{root}/a") as file,
    ):
        file.write(b"sec")
        raise full
    assert caught.value is full
    assert there.cat_file(f"{root}/a") == b"first"
    assert addresses.listed(there, root) == ["a"]


def test_what_a_killed_process_left_is_swept_and_all_else_stays(folder):
    there, root = folder
    for name in ("a", ".b.0123abcd.part", ".hidden", "c.part"):
        with addresses.replacing(there, f"{root}/{name}") as file:
            file.write(b"x")
    addresses.sweep(there, root)
    assert addresses.listed(there, root) == [".hidden", "a", "c.part"]
    addresses.sweep(there, f"{root}/none")


def test_a_folder_that_takes_nothing_is_the_disks_own_error(tmp_path):
    (tmp_path / "file").touch()
    there, root = addresses.resolve(str(tmp_path / "file" / "below"))
    with (
        pytest.raises(OSError, match="Not a directory"),
        addresses.replacing(there, f"{root}/a"),
    ):
        pass
    assert (tmp_path / "file").read_bytes() == b""
