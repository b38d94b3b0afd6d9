"""Trains the model that ends with a month: `python -m stages.backtest_train 2023-05`.

A stage of backtest/dvc.yaml. It is what `make repro` would have made on that month's last day: the
pipeline's own stages prepare, featurize and train, run on the window's rows in a folder of their
own.
"""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from sales import files, params
from sales.contract import Contract
from sales.data import months
from sales.engine import partitions
from sales.errors import PipelineError, run
from sales.judging import tallies
from sales.judging.tallies import Tally
from sales.models import saved

ROOT = Path(__file__).resolve().parents[1]
ROWS = Path("backtest/rows")
WINDOWS = Path("backtest/windows")
MODELS = Path("backtest/models")
PLAN = Path("backtest/plan.yaml")
# One program for the three: what each would import anew takes longer than what they do.
PROGRAM = """
from sales.errors import run
from stages import featurize, prepare, train

for stage in (prepare, featurize, train):
    run(stage.main)
"""
OWN = "own_test.json"  # beside the model: its errors on its own test rows, summed up


def main() -> None:
    """Write backtest/models/<month>/: the model, and what its own test rows say of it."""
    if len(sys.argv) != 2:
        raise PipelineError("name the month that the model ends with, such as 2023-05")
    month = sys.argv[1]
    plan = files.read_yaml(PLAN)
    window = files.read_json(WINDOWS / f"{month}.json")["learns_from"]
    rows = months.together([ROWS / f"{name}.parquet" for name in window])
    with files.replacing(MODELS / month) as beside:
        beside.mkdir()
        project = beside / "project"
        lay_out(project, rows, plan["model"], plan["settings"])
        make(project, plan["model"], month)
        model = project / "models" / plan["model"]
        own = on_its_test_rows(model, project / "data/prepared/test.parquet")
        for path in model.iterdir():
            path.rename(beside / path.name)
        shutil.rmtree(project)
        files.write_json(beside / OWN, own)
    print(f"{plan['model']} until {month}: {len(rows):,} rows of {len(window)} month(s)")


def lay_out(project: Path, rows: pd.DataFrame, model: str, settings: dict[str, Any]) -> None:
    """Write the project: the rows as they would come in, and params.yaml with these settings."""
    contract = params.read("contract", Contract)
    raw = project / "data/raw"
    raw.mkdir(parents=True)
    for name in contract.boolean:  # as they came in, not as the number that prepare makes of them
        rows[name] = rows[name].map({0.0: False, 1.0: True}).astype("boolean")
    partitions.write(rows, raw / "rows.parquet")
    tree = files.read_yaml(Path("params.yaml"))
    tree["train"][model] = settings
    tree["prepare"]["group"] = (
        None  # no accepted row has the column: later months judge in any case
    )
    (project / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")


def make(project: Path, model: str, month: str) -> None:
    """Run the pipeline's stages in the project. Raises PipelineError with what one refuses."""
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
    for name in ("DVC_ROOT", "DVC_EXP_NAME", "SALES_STATE"):  # when it trained is told nowhere
        env.pop(name, None)
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM, model],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"it ended with {ended.returncode}"]
        raise PipelineError(f"backtest until {month}: {lines[-1].removeprefix('error: ')}")


def on_its_test_rows(folder: Path, test: Path) -> dict[str, Any]:
    """Return what a model's errors on its own test rows sum up to, and how many have which size."""
    model = saved.load(folder)
    orders = partitions.read(partitions.of(test))
    true = orders[model.featuriser.target].to_numpy(np.float64)
    predicted = model.predict(orders)
    found = Tally.of(true, predicted)
    if not math.isfinite(found.squares):
        raise PipelineError(f"{folder.name} diverged: its predictions are not finite")
    of_size = sorted(tallies.sizes(predicted - true).items())
    return {
        "rows": found.rows,
        "squares": found.squares,
        "fourth": found.fourth,
        "sizes": [[bucket, count] for bucket, count in of_size],
    }


if __name__ == "__main__":
    run(main)
