"""`make help` knows every target; what is wrong or missing on a machine is told in one line."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = [
    name
    for names in re.findall(r"^([a-z][a-z -]*):(?![=].*)(?! *export)", MAKEFILE, re.M)
    for name in names.split()
]
# What the recipes themselves use; a machine that has nothing else.
PLAIN = ("bash", "sh", "env", "make", "awk", "test", "touch", "rm", "mkdir", "cp", "mv", "cat")


@pytest.fixture
def bare(tmp_path):
    """Return a folder to be the whole PATH: a plain machine without Python, git and the like."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in PLAIN:
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


@pytest.fixture
def set_up(tmp_path):
    """Return a copy of the project in which `make setup` has nothing to do: .venv is this one."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock", "params.yaml"):
        shutil.copy(ROOT / name, folder)
        os.utime(folder / name, (0, 0))
    for name in ("bench", "sales", "stages", ".dvc/plots"):
        shutil.copytree(ROOT / name, folder / name)
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (folder / ".venv" / ".installed").touch()
    (folder / ".dvc" / "plots" / "page.html").touch()
    return folder


def make(*words: str, folder: Path = ROOT, path: Path | None = None) -> tuple[int, str]:
    """Return the exit code and what was printed, on a machine of which `path` is the PATH."""
    env = {**os.environ, "MAKEFLAGS": "", "PATH": str(path) if path else os.environ["PATH"]}
    for name in ("MAKELEVEL", "CHROMIUM"):
        env.pop(name, None)
    done = subprocess.run(
        [str(shutil.which("make")), "--no-print-directory", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_help_has_one_line_for_every_target_and_is_what_plain_make_prints():
    code, printed = make("help")
    assert code == 0
    listed = re.findall(r"^  make ([a-z-]+) +\S", printed, re.M)
    assert sorted(listed) == sorted(TARGETS)
    assert max(map(len, printed.splitlines())) <= 130
    assert make()[1] == printed


def test_every_target_is_phony():
    [phony] = re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.M)
    assert sorted(phony.split()) == sorted(TARGETS)


def test_a_target_that_nobody_knows_is_told_and_nothing_else_happens():
    code, printed = make("nosuch", "help")
    assert code == 2
    assert "error: there is no target 'nosuch': make help lists them" in printed
    assert "make setup" not in printed


def test_a_file_that_is_there_is_no_unknown_target():
    code, printed = make("uv.lock")
    assert code == 0
    assert "error" not in printed


def fake(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_no_python_is_told(bare, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    code, printed = make("setup", folder=tmp_path, path=bare)
    assert code == 2
    assert "error: python3 is not on this machine: install Python 3.11 to 3.13, or name" in printed
    assert not (tmp_path / ".venv").exists()


def test_a_python_of_another_version_is_told(bare, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    # This very Python, which says that it is an older one.
    older = "import sys; sys.version_info = (3, 10, 4); exec(sys.argv.pop(1))"
    fake(bare, "python3", f"shift; exec {sys.executable} -c '{older}' \"$@\"")
    code, printed = make("setup", folder=tmp_path, path=bare)
    assert code == 2
    assert "error: python3 is Python 3.10; 3.11, 3.12 or 3.13 is needed: make setup" in printed


def test_a_venv_that_could_not_be_made_is_not_taken_for_one(bare, tmp_path):
    """Debian's python3 without python3-venv leaves a folder without pip."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    fake(
        bare,
        "python3",
        'test "$1" = -c && exit 0; mkdir -p .venv/bin; cp /bin/sh .venv/bin/python; exit 1',
    )
    code, _ = make("setup", folder=tmp_path, path=bare)
    assert code == 2
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("results",), "git is not on this machine"),
        (("bench-pipeline",), "git is not on this machine"),
        (("first-hour",), "git is not on this machine"),
        (("bench-serving",), "wrk is missing"),
        (("bench-load",), "wrk is missing"),
        (("container",), "docker is not on this machine"),
        (("container", "CONTAINER_BACKEND=podman"), "podman is not on this machine"),
        (("test-container", "CONTAINER_BACKEND=podman"), "podman is not on this machine"),
        (("screenshots", "CHROMIUM=/nowhere/chromium"), "no Chromium (/nowhere/chromium)"),
        (("bench-page", "CHROMIUM=/nowhere/chromium"), "no Chromium (/nowhere/chromium)"),
        (("serve",), "no promoted model yet: make repro"),
        (("bento",), "no promoted model yet: make repro"),
        (("score", "IN=a.csv", "OUT=b"), "no promoted model yet: make repro"),
        (("mlflow",), "no runs yet: make repro"),
    ],
)
def test_what_is_missing_is_told_in_one_line(words, told, set_up, bare):
    code, printed = make(*words, folder=set_up, path=bare)
    assert code == 2
    assert told in printed
    assert "Traceback" not in printed
    assert len(printed.splitlines()) <= 3, printed
