"""`make help` knows every target; what is wrong or missing on a machine is told in one line."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bento_server import free_port
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
    folder = copied(tmp_path / "project")
    (folder / ".venv" / "bin").symlink_to(Path(sys.prefix) / "bin")
    return folder


def copied(folder: Path) -> Path:
    """Copy what `make` and the stages' first steps need; .venv has all but its programs."""
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock", "params.yaml"):
        shutil.copy(ROOT / name, folder)
        os.utime(folder / name, (0, 0))
    for name in ("bench", "sales", "stages", ".dvc/plots"):
        shutil.copytree(ROOT / name, folder / name)
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    (folder / ".venv").mkdir()
    for name in ("lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (folder / ".venv" / ".installed").touch()
    (folder / ".venv" / ".cluster").touch()
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
    code, printed = make("setup", "PYTHON=python3.12", folder=tmp_path, path=bare)
    assert code == 2
    assert "error: python3.12 is not on this machine: install Python 3.11 to 3.14, or na" in printed
    code, printed = make("setup", folder=tmp_path, path=bare)
    assert code == 2
    assert "no Python 3.11 to 3.14 is on this machine: uv fetches one into .venv" in printed
    assert "error: nor is uv, to fetch it: install Python 3.11 to 3.14, or uv" in printed
    assert not (tmp_path / ".venv").exists()


def test_a_python_of_another_version_is_told(bare, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    for minor in (10, 15):
        fake_python(bare, "python3", minor)
        code, printed = make("setup", "PYTHON=python3", folder=tmp_path, path=bare)
        assert code == 2
        assert f"error: python3 is Python 3.{minor}; 3.11 to 3.14 is needed: make set" in printed


def fake_python(folder, name, minor):
    """Put this very Python there, which says that it is another one. A venv of it is itself."""
    other = f"import sys; sys.version_info = (3, {minor}, 4); exec(sys.argv.pop(1))"
    made = "mkdir -p .venv/bin; cp $0 .venv/bin/python"
    script = (
        f"test $1 = -m && {{ {made}; exit; }}; shift; exec {sys.executable} -c '{other}' \"$@\""
    )
    fake(folder, name, script)


FAKE_UV = """echo "$* DOWNLOADS=$UV_PYTHON_DOWNLOADS INTO=$UV_PYTHON_INSTALL_DIR" >> uv.log
test $1 = venv && mkdir -p .venv/bin && cp $0 .venv/bin/uv && cp $0 .venv/bin/python; exit 0"""


@pytest.mark.parametrize("newest", [11, 12, 13, 14])
def test_the_machines_python_that_the_lock_serves_is_taken(bare, tmp_path, newest):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    fake_python(bare, "python3", 15)
    fake_python(bare, f"python3.{newest}", newest)
    fake(bare, "uv", FAKE_UV)
    make(".venv/.installed", folder=tmp_path, path=bare)
    made = (tmp_path / ".venv/bin/python").read_text()
    assert made == (bare / f"python3.{newest}").read_text()
    assert not (tmp_path / "uv.log").exists()


@pytest.mark.parametrize("there", [None, 10])
def test_where_no_python_fits_uv_fetches_one_and_make_says_so(bare, tmp_path, there):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    if there:
        fake_python(bare, "python3", there)
    fake(bare, "uv", FAKE_UV)
    code, printed = make(".venv/.installed", folder=tmp_path, path=bare)
    assert code == 0, printed
    assert "no Python 3.11 to 3.14 is on this machine: uv fetches one into .venv" in printed
    fetched, synced = (tmp_path / "uv.log").read_text().splitlines()
    assert fetched == (
        "venv --quiet --seed --allow-existing --python 3.13 .venv "
        f"DOWNLOADS=automatic INTO={tmp_path}/.venv/python"
    )
    assert synced.startswith("sync --frozen")
    assert "DOWNLOADS=never" in synced


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


# --- wherever the project lies ---------------------------------------------------------------


@pytest.fixture
def odd(tmp_path):
    """Return a copy in a folder of an odd name, whose servers only tell how they were called."""
    folder = copied(tmp_path / "two words, O'Neill $HOME")
    programs = folder / ".venv" / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(Path(sys.prefix) / "bin" / "python")
    for name in ("bentoml", "mlflow", "dask"):
        script = f'told=$(printf "%s|" {name} "$SERVING_STATE" "$BENTOML_HOME" "$@"); echo "$told"'
        fake(programs, name, script)
    for name in ("models/promoted/promoted.json", "state/registry/mlflow.db"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("inside", [True, False])
def test_servers_find_the_state_whatever_the_folders_are_called(odd, tmp_path, inside):
    state = odd / "state" if inside else tmp_path / "my state"
    if not inside:
        shutil.copytree(odd / "state", state)
    words = [] if inside else [f"SALES_STATE={state}"]
    code, printed = make("serve", f"PORT={free_port()}", *words, folder=odd)
    assert code == 0, printed
    assert printed.startswith(f"bentoml|{state}/serving|{state}/bentoml|serve|service:AmazonSales|")
    code, printed = make("mlflow", f"MLFLOW_PORT={free_port()}", *words, folder=odd)
    assert code == 0, printed
    assert f"|ui|--backend-store-uri|sqlite:///{state}/registry/mlflow.db|--host|" in printed
    ports = [f"DASK_PORT={free_port()}", f"DASK_DASHBOARD_ADDRESS=127.0.0.1:{free_port()}"]
    code, printed = make("cluster", *ports, *words, folder=odd)
    assert code == 0, printed
    assert f"|--local-directory|{state}/dask|\n" in printed
    assert (state / "dask").is_dir()


def test_clean_removes_what_is_made_and_nothing_beside_it(odd, tmp_path):
    state = tmp_path / "my state"
    for name in ("artifacts/x", "registry/history.jsonl", "registry/mlflow.db", "dask/x"):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).touch()
    (tmp_path / "my").mkdir()
    code, printed = make("clean", f"SALES_STATE={state}", folder=odd)
    assert code == 0, printed
    left = [path.relative_to(state).as_posix() for path in state.rglob("*") if path.is_file()]
    assert left == ["registry/history.jsonl"]
    assert (tmp_path / "my").is_dir()
    assert (odd / "state" / "registry" / "mlflow.db").is_file()


@pytest.mark.parametrize("name", ["what?", "a:b", "a%2Fb"])
@pytest.mark.parametrize("stamp", ["", "/from/elsewhere"])
def test_a_folder_in_which_nothing_would_work_is_told_and_left_as_it_is(
    name, stamp, bare, tmp_path
):
    folder = copied(tmp_path / name)
    (folder / ".venv" / ".installed").write_text(stamp)
    os.utime(folder / ".venv" / ".installed", (1, 1))
    (folder / "uv.lock").touch()  # something would have to be done
    fake(bare, "python3", "exit 0")
    code, printed = make("setup", folder=folder, path=bare)
    assert code == 2
    assert f"error: rename the folder {folder}: " in printed
    assert len(printed.splitlines()) <= 2, printed
    assert (folder / ".venv" / "pyvenv.cfg").exists()


def test_a_place_of_the_state_that_mlflow_cannot_open_is_told_before_a_run(set_up, tmp_path):
    code, printed = make("repro", f"SALES_STATE={tmp_path}/what?", folder=set_up)
    assert code == 2
    assert f"error: rename the folder {tmp_path}/what?: " in printed
    assert len(printed.splitlines()) <= 2, printed


def test_an_environment_made_for_another_place_is_made_anew(bare, tmp_path):
    folder = copied(tmp_path / "moved")
    (folder / ".venv" / ".installed").write_text("/from/elsewhere\n")
    fake(bare, "python3", 'test "$1" = -c && exit 0; echo "made anew: $*"; exit 1')
    code, printed = make("setup", folder=folder, path=bare)
    assert code == 2
    assert ".venv was made where this project was copied or moved from" in printed
    assert "made anew: -m venv .venv" in printed
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize("way", ["stayed", "reached by a link", "another's"])
def test_an_environment_that_serves_here_is_kept(bare, tmp_path, way):
    folder = copied(tmp_path / "project")
    stamp = "/from/elsewhere" if way == "another's" else str(folder)
    (folder / ".venv" / ".installed").write_text(f"{stamp}\n")
    (folder / ".dvc" / "plots" / "page.html").touch()
    if way == "another's":  # a link that somebody has set on purpose
        (folder / ".venv").rename(tmp_path / "venv")
        (folder / ".venv").symlink_to(tmp_path / "venv")
    if way == "reached by a link":
        (tmp_path / "link").symlink_to(folder)
        folder = tmp_path / "link"
    code, printed = make("setup", folder=folder, path=bare)
    assert code == 0, printed
    assert (folder / ".venv" / "pyvenv.cfg").exists()


def test_without_git_dvc_runs_all_the_same_and_knows_when_there_is_one(set_up, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(set_up.parent))
    shutil.copy(ROOT / ".dvc" / "config", set_up / ".dvc")
    (set_up / "dvc.yaml").write_text("stages:\n  hello:\n    cmd: echo a stage ran\n")
    _, printed = make("-k", "repro", folder=set_up)
    assert "no Git repository here: no run will name its commit" in printed
    assert "\na stage ran\n" in printed
    _, printed = make("-k", "repro", folder=set_up)
    assert "no Git repository here" not in printed
    subprocess.run(["git", "init", "--quiet"], cwd=set_up, check=True)
    _, printed = make(".scm", folder=set_up)
    assert "no_scm" not in (set_up / ".dvc" / "config.local").read_text()


@pytest.mark.parametrize(
    ("target", "setting"),
    [
        ("serve", "PORT"),
        ("mlflow", "MLFLOW_PORT"),
        ("ui", "UI_PORT"),
        ("cluster", "DASK_PORT"),
        ("cluster", "DASK_DASHBOARD_ADDRESS"),
    ],
)
def test_a_port_that_is_taken_is_told_in_a_line(odd, target, setting):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        given = f"127.0.0.1:{port}" if setting == "DASK_DASHBOARD_ADDRESS" else port
        others = [f"DASK_PORT={free_port()}"] if setting == "DASK_DASHBOARD_ADDRESS" else []
        code, printed = make(target, f"{setting}={given}", *others, folder=odd)
    assert code == 2
    assert f"error: port {port} of 127.0.0.1 cannot be had (Address already in use)" in printed
    assert f"{setting}=" in printed
    assert len(printed.splitlines()) <= 2, printed


@pytest.mark.parametrize(
    ("words", "installs"),
    [
        (["repro"], False),
        (["score", "IN=a.csv", "OUT=s3://bucket/out"], False),
        (["score", "IN=a.csv", "OUT=sqlite:///shop.db#scored"], True),
        (["score", "IN=postgresql://ann@db/shop#orders", "OUT=out"], True),
    ],
)
def test_the_drivers_of_databases_are_installed_where_one_is_named(set_up, words, installs):
    (set_up / ".venv" / ".database").unlink(missing_ok=True)
    group = "--group database"
    assert (group in make("--dry-run", *words, folder=set_up)[1]) == installs
    text = (set_up / "params.yaml").read_text()
    (set_up / "params.yaml").write_text(text.replace("  source: synthetic", "  source: sql"))
    assert (group in make("--dry-run", "repro", folder=set_up)[1]) is True
