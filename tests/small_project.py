"""A repository of the working tree's files in which a small pipeline has run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.examples import ROOT, project_files, set_params

PAGE = ".dvc/plots/page.html"  # made by `make setup`
SMALL = {
    "ingest.rows": 5000,  # of which 1000 are test rows
    "train.random_forest.n_estimators": 20,
    "train.hist_gradient_boosting.max_iter": 60,
    "train.xgboost.n_estimators": 60,
    "train.lightgbm.n_estimators": 60,
    "tune.xgboost.trials": 3,
    # 1000 test rows and short fits are judged more leniently than 20,000 and long ones.
    "gate.max_generalization_gap_pct": 10.0,
    "gate.max_slice_rmse_ratio": 4.0,
    "gate.max_coverage_shortfall_pct": 5.0,
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
    """Return the repository, its one run committed, and what `dvc repro` printed."""
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
    return folder, printed
