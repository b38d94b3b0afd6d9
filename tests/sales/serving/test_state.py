"""What a server's workers share on disk."""

import os
import subprocess
import sys

import psutil
import pytest

from sales.serving import state


def test_workers_of_one_server_have_one_folder(tmp_path):
    code = (
        "from pathlib import Path; from sales.serving import state; "
        f"print(state.folder_of_server(Path({str(tmp_path)!r})))"
    )
    command = [sys.executable, "-c", code]
    told = {
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)
    }
    assert len(told) == 1
    assert told != {f"{state.folder_of_server(tmp_path)}\n"}  # whose parent is another


def test_only_folders_of_servers_that_are_gone_are_swept(tmp_path):
    running = state.folder_of_server(tmp_path)  # of this process's parent, which runs
    host = running.name.split(".")[0]
    started = running.name.rpartition(".")[2]
    other_start = tmp_path / running.name.replace(started, "1")
    no_process = tmp_path / running.name.replace(f".{os.getppid()}.", ".99999999.")
    foreign = tmp_path / "elsewhere.99999999.1"
    no_server = tmp_path / f"{host}.notes.txt"
    for folder in (running, other_start, no_process, foreign, no_server):
        (folder / "metrics").mkdir(parents=True)
    assert psutil.pid_exists(os.getppid())
    state.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        running.name,
        foreign.name,
        no_server.name,
    }


def test_a_file_that_is_there_keeps_what_it_holds(tmp_path):
    state.reserve(tmp_path / "folder" / "file", 4096)
    file = tmp_path / "folder" / "file"
    assert file.read_bytes() == b"\0" * 4096
    file.write_bytes(b"x" * 4096)
    state.reserve(file, 4096)
    assert file.read_bytes() == b"x" * 4096


def test_where_there_is_no_room_no_file_stays(tmp_path):
    with pytest.raises(OSError, match=r"File too large|No space left"):
        state.reserve(tmp_path / "file", 1 << 62)
    assert not (tmp_path / "file").exists()
