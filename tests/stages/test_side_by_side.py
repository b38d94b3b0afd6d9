import json
import os
import sys
from pathlib import Path

import pytest

from sales import estimators
from sales.errors import PipelineError
from stages import side_by_side


@pytest.fixture
def dvc(project, monkeypatch):
    """Put a dvc in place that notes down its calls, and fails for the names in `fails`."""
    (project / "dvc").mkdir()
    (project / "dvc/__init__.py").touch()
    (project / "dvc/__main__.py").write_text(
        "import json, os, pathlib, sys, time\n"
        "call = {'asked': sys.argv[2:], 'threads': os.environ.get('OMP_NUM_THREADS')}\n"
        "at_work = pathlib.Path(f'{os.getpid()}.at_work')\n"
        "call['start'] = time.time()\n"
        "at_work.touch()\n"
        # A model's training goes on until another one's does, or until no other will.
        "while call['asked'][0] == '-s' and len([*pathlib.Path().glob('*.at_work')]) < 2:\n"
        f"    if len([*pathlib.Path().glob('*.call')]) >= {len(estimators.NAMES)}: break\n"
        "    time.sleep(0.01)\n"
        "call['end'] = time.time()\n"
        "pathlib.Path(f'{os.getpid()}.call').write_text(json.dumps(call))\n"
        "at_work.unlink()\n"
        "print('ran', *sys.argv[2:])\n"
        "sys.exit(sys.argv[-1] in pathlib.Path('fails').read_text().split())\n"
    )
    (project / "fails").write_text("")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def run(jobs):
        monkeypatch.setattr(sys, "argv", ["side_by_side", jobs])
        side_by_side.main()

    return run


def calls():
    found = [json.loads(path.read_text()) for path in Path().glob("*.call")]
    return sorted(found, key=lambda call: call["start"])


def test_the_features_come_first_then_each_model_with_its_share_of_the_cores(dvc, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    dvc("3")
    first, *trained = calls()
    assert (first["asked"], first["threads"]) == (["featurize"], None)
    assert sorted(call["asked"][1] for call in trained) == sorted(
        f"train_{name}" for name in estimators.NAMES
    )
    assert all(call["asked"][0] == "-s" and call["threads"] == "2" for call in trained)
    assert all(call["start"] >= first["end"] for call in trained)
    together = [sum(a["start"] <= b["start"] < a["end"] for a in trained) for b in trained]
    assert 2 <= max(together) <= 3


def test_a_model_that_fails_is_named_and_the_others_are_trained(dvc, capsys):
    Path("fails").write_text("train_xgboost train_lightgbm")
    with pytest.raises(PipelineError, match="not trained: xgboost, lightgbm"):
        dvc("5")
    assert len(calls()) == 1 + len(estimators.NAMES)
    assert "ran -s train_random_forest" in capsys.readouterr().out


def test_without_features_nothing_is_trained(dvc):
    Path("fails").write_text("featurize")
    with pytest.raises(PipelineError, match="the features could not be made"):
        dvc("2")
    assert len(calls()) == 1


@pytest.mark.parametrize("jobs", ["", "0", "7", "-1", "two", "1.5"])
def test_nonsense_is_refused(dvc, jobs):
    with pytest.raises(PipelineError, match=f"1 to 6, not '{jobs}'"):
        dvc(jobs)
    assert not calls()
