"""A repository of the working tree's files in which a small pipeline has run."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sales import estimators, files
from sales.registry import fingerprint, relocation
from tests import once
from tests.examples import ROOT, project_files, set_params

PAGE = ".dvc/plots/page.html"  # made by `make setup`
SMALL = {
    "ingest.rows": 5000,
    "prepare.split": "random",  # of which 3500 are train rows and 1000 test rows
    "train.random_forest.n_estimators": 20,
    "train.hist_gradient_boosting.max_iter": 60,
    "train.xgboost.n_estimators": 60,
    "train.lightgbm.n_estimators": 60,
    "tune.xgboost.trials": 3,
    # 1000 test rows and short fits are judged more leniently than 20,000 and long ones.
    "gate.max_generalization_gap_pct": 10.0,
    "gate.max_slice_rmse_ratio": 4.0,
    "gate.max_coverage_shortfall_pct": 5.0,
    "gate.max_inclusion_ratio": 4.0,
    "evaluate.min_slice_rows": 20,
}


def sh(*command: str, check: bool = True) -> str:
    """Run a command in the current folder and return all that it printed."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_"))}
    env |= {"DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert not check or done.returncode == 0, printed
    return printed


def make(folder: Path) -> tuple[Path, str]:
    """Return the repository, its one run committed, and what `dvc repro` printed.

    It runs once; whoever asks has a copy, in which all is as if it had run there.
    """
    made = once.made("small_project", _run)
    shutil.copytree(made / "repository", folder, symlinks=True, dirs_exist_ok=True)
    with contextlib.chdir(folder):
        for database in Path("state/generations").glob("*/mlflow.db"):
            relocation.follow(database, Path("state/artifacts"))
        models = {name: files.content_hash(Path("models") / name) for name in estimators.NAMES}
        fingerprint.keep(Path("state/registry"), models)
    return folder, (made / "printed").read_text()


def _run(place: Path) -> None:
    folder = place / "repository"
    for name in project_files():
        if name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    before = Path.cwd()
    os.chdir(folder)
    try:
        set_params(SMALL)
        Path(PAGE).write_text(sh(sys.executable, "-m", "sales.judging.plots_page"))
        sh("git", "init", "--quiet")
        sh("git", "config", "user.email", "test@example.org")
        sh("git", "config", "user.name", "test")
        printed = sh("dvc", "repro")
        sh("git", "add", "--all")
        sh("git", "commit", "--quiet", "--message", "run")
    finally:
        os.chdir(before)
    (place / "printed").write_text(printed)
