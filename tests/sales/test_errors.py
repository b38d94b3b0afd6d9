"""What a person can put right is a line and exit code 1; our own defects keep their traceback."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sales import errors
from sales.errors import PipelineError
from tests.examples import ROOT

MAKE_ROOM = "Nothing was changed; make room, and run it again"
BY_LEAVE = "Nothing was changed; give yourself leave to write there, and run it again"


def test_a_pipeline_error_is_one_line_and_exit_code_1(capsys):
    def main():
        raise PipelineError("orders.csv, row 3: no price")

    with pytest.raises(SystemExit) as stopped:
        errors.run(main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: orders.csv, row 3: no price\n"


def test_a_defect_keeps_its_traceback():
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        errors.run(main)


def test_success_says_nothing(capsys):
    errors.run(lambda: None)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_a_truly_full_disk_is_one_line():
    code = (
        "from sales.errors import run\n"
        "def main():\n"
        "    with open('/dev/full', 'w') as file:\n"
        "        file.write('x')\n"
        "run(main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"error: No space left on device. {MAKE_ROOM}\n",
    )


def test_a_read_only_database_is_told(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as made:
        made.execute("CREATE TABLE runs (id)")
    uri = f"file:{tmp_path / 'mlflow.db'}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True)) as closed,
        pytest.raises(sqlite3.OperationalError) as error,
    ):
        closed.execute("INSERT INTO runs VALUES (1)")
    told = errors.refused_by_disk(error.value)
    assert told == f"attempt to write a readonly database. {BY_LEAVE}"


def test_what_shutil_gathers_is_told(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/trees").touch()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(shutil.Error) as error:
        shutil.copytree(tmp_path / "model", tmp_path / "copy", copy_function=full)
    assert errors.refused_by_disk(error.value) == f"No space left on device. {MAKE_ROOM}"


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, MAKE_ROOM),
        (errno.EDQUOT, MAKE_ROOM),
        (errno.EROFS, BY_LEAVE),
        (errno.EACCES, BY_LEAVE),
    ],
)
def test_wrapped_errors_are_found_and_name_the_file(number, advice):
    def mlflow():
        try:
            raise OSError(number, "refused", "state/registry")
        except OSError as inner:
            raise RuntimeError("MLflow failed") from inner

    with pytest.raises(RuntimeError) as outer:
        mlflow()
    told = errors.refused_by_disk(outer.value)
    assert told == f"refused: state/registry. {advice}"


def test_other_causes_are_not_the_disks():
    assert errors.refused_by_disk(FileNotFoundError(errno.ENOENT, "no such file")) is None
    assert errors.refused_by_disk(ValueError("disk")) is None


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "R² … Zürich €"),
        ("latin-1", "R² ... Zürich \\u20ac"),
        ("ascii", "R2 ... Zurich \\u20ac"),
    ],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_terminal_without_a_sign_gets_the_nearest_one(encoding, shown, stream):
    code = (
        "import sys\nfrom sales.errors import run\n"
        f"run(lambda: print('R² … Zürich €', file=sys.{stream}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert getattr(done, stream).decode(encoding) == f"{shown}\n"


def test_the_message_of_an_error_forges_no_line(capsys):
    def main():
        raise PipelineError("no model 'x\nerror: all is well\x1b[1A'")

    with pytest.raises(SystemExit):
        errors.run(main)
    assert capsys.readouterr().err == "error: no model 'x\\nerror: all is well\\x1b[1A'\n"
