"""A crash, a full disk or a read-only one at each write of what changes the registry.

Afterwards registry, exports and history agree with the state before or the state after, and the
next register heals what is left. Here a sample of the writes is tried; `make test-crashes` tries
them all, and more commands. How the steps of a trial are killed stands in test_trial_killed.py.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sales import estimators, files
from sales.errors import run
from stages import champion, register, trial
from tests.examples import ROOT
from tests.faults import agree, told
from tests.paired_rows import errors, keep
from tests.trained_project import NAMES, copied, refuse, train

EVERY = int(os.environ.get("CRASH_EVERY", "100"))


def prepare(command):
    """Leave the project just before the command."""
    if command == "first register":
        return
    refuse("linear_regression")
    register.main()  # version 1: a small xgboost
    train()  # version 2: the linear model
    if command == "register":
        return
    register.main()
    if command == "lift":
        sys.argv = ["champion", "rollback"]
        champion.main()
    if command in ("verdict", "end"):
        sys.argv = ["trial", "--name", "spring", "--share", "20"]
        trial.main()
        exported = files.read_json(Path("models/promoted/promoted.json"))
        pair = [exported[alias]["content_hash"] for alias in ("champion", "challenger")]
        keep("state/served", pair[0], pair[1], errors(2_000, 10), datetime.now(UTC))


ALL = [
    (fault, command)
    for fault in ("kill", "full", "readonly")
    for command in (
        *("first register", "register", "rollback", "promote", "lift"),
        *("begin", "verdict", "end"),  # of a trial
    )
    if fault != "kill" or command not in ("begin", "verdict", "end")
]
SAMPLE = {("kill", "register"), ("kill", "rollback"), ("full", "register")}


@pytest.mark.parametrize(
    ("fault", "command"),
    [one if one in SAMPLE else pytest.param(*one, marks=pytest.mark.crashes) for one in ALL],
)
def test_before_or_after_never_a_mixture(gated, monkeypatch, fault, command):
    monkeypatch.setenv("SERVED", "state/served")
    prepare(command)
    # The command runs in this very folder, but from outside, as its contents come and go.
    os.chdir(ROOT)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", fault, command.split()[-1], str(gated), str(EVERY)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    tried = f"{len(report['tried'])} of {report['writes']} writes tried"
    sys.stdout.write(f"{fault} at {command}: {tried}, {report['outcomes']}\n")  # shown by -rP
    assert report["wrong"] == []
    assert len(report["tried"]) >= min(6, report["writes"])
    assert report["outcomes"]["before"]
    shutil.rmtree(Path(f"{gated}_pristine"))


@pytest.fixture
def disk(tmp_path_factory):
    """Return a small disk of its own, mounted; skipped where that is not allowed."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("command", ["register", "rollback"])
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_disk_that_takes_nothing_more(disk, crowned, monkeypatch, capsys, command, trouble):
    copied(crowned, disk)
    monkeypatch.chdir(disk)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    monkeypatch.setattr("sys.argv", ["champion", command])
    main = register.main if command == "register" else champion.main
    before = files.content_hash(Path("state/registry"))
    if trouble == "full":
        left = shutil.disk_usage(disk).free
        filler = Path("filler")
        filler.write_bytes(bytes(left - 100_000))
    else:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "Nothing was changed" in said
    assert said.count("\n") == 1
    assert files.content_hash(Path("state/registry")) == before
    if trouble == "full":
        filler.unlink()
    else:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    main()
    assert agree(told(disk))
