"""kill -9 at each write of beginning, deciding and ending a trial: never two answers to who serves.

Registry, exports, history and what is told of the trial agree with the state before the step or the
state after it, whatever was killed; the next `make repro` heals what is left, and the same command
again does what was not done. Here a sample of the writes of one step; `make test-trials` takes
every write of all steps.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.examples import ROOT
from tests.mlflow_server import MEMORY
from tests.trained_project import copied

EVERY = int(os.environ.get("TRIAL_KILL_EVERY", "60"))
SAMPLE = ("better",)  # of the steps; every write: all


@pytest.fixture
def project(crowned):
    """Yield a copy of a project with three champions behind it, in memory where there is some."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as place:
        folder = Path(place) / "project"
        copied(crowned, folder)
        yield folder


@pytest.mark.parametrize("life", ["promoted"] if EVERY > 1 else ["promoted", "ended"])
def test_a_trial_that_is_killed_at_its_writes(project, capsys, life):
    wanted = () if EVERY == 1 else SAMPLE
    command = [sys.executable, "-m", "tests.killed", str(project), life, str(EVERY), *wanted]
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    told = []
    with subprocess.Popen(
        command, env={**os.environ, **alone}, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as striking:
        assert striking.stdout
        for line in striking.stdout:
            one = json.loads(line)
            told.append(one)
            said = f"{one['kills']} kills at {one['writes']} writes, {one['outcomes']}"
            with capsys.disabled():
                sys.stderr.write(f"\n{one['step']}: {said}, {len(one['wrong'])} wrong\n")
    assert striking.returncode == 0
    assert [one["step"] for one in told if one["wrong"]] == [], told
    for one in told:
        assert one["kills"] >= min(one["writes"], 6)
        assert sum(one["outcomes"].values()) == one["kills"]
        assert one["outcomes"]["before"] > 0
        assert EVERY > 1 or one["kills"] == one["writes"]
    assert EVERY == 1 or [one["step"] for one in told] == [*SAMPLE]
