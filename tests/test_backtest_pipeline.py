"""`make backtest` under DVC: a new month trains its own model alone, and it leaves all else.

The lines of docs/backtest.md; `dvc exp run` is as in docs/experiments.md.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from sales import files
from tests.examples import ROOT, make_orders, project_files, set_params
from tests.small_project import PAGE, sh

pytestmark = pytest.mark.end_to_end
FIRST = pd.Timestamp("2023-09-01")


def drop(months: int) -> None:
    """Put the orders of so many months where a person would, a file a month."""
    for number in range(months):
        begin = FIRST + pd.DateOffset(months=number)
        orders = make_orders(250, seed=number)
        orders["OrderDate"] = begin + pd.to_timedelta(orders.index % 28, "D")
        orders["OrderID"] = [f"M{number}-{i}" for i in range(len(orders))]
        orders.to_csv(f"data/incoming/{begin:%Y-%m}.csv", index=False)


def trained(printed: str) -> list[str]:
    return sorted(re.findall(r"Running stage 'backtest/dvc\.yaml:train@([0-9-]+)'", printed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a repository with orders of five months, in which nothing has run."""
    place = tmp_path_factory.mktemp("backtest")
    for name in project_files():
        if name != "dvc.lock":
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    (place / ".venv").symlink_to(sys.prefix)
    for name in ("uv.lock", "pyproject.toml"):
        os.utime(place / name, (0, 0))
    before = Path.cwd()
    os.chdir(place)
    set_params({"ingest.source": "files", "backtest.window_months": 2, "prepare.split": "random"})
    shutil.copy(ROOT / PAGE, PAGE)
    sh("git", "init", "--quiet")
    sh("git", "add", "--all")
    sh("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start")
    yield place
    os.chdir(before)


def test_a_month_that_comes_trains_its_own_model_and_no_other(folder):
    drop(5)
    model = "MODEL=linear_regression"
    printed = sh("make", "backtest", model)
    assert trained(printed) == ["2023-10", "2023-11", "2023-12"]
    assert "linear_regression, each learnt from 2 months" in printed
    first = Path("backtest/models/2023-10/model.json").stat().st_mtime_ns
    assert trained(sh("make", "backtest", model)) == []
    drop(6)
    printed = sh("make", "backtest", model)
    assert trained(printed) == ["2024-01"]
    assert Path("backtest/models/2023-10/model.json").stat().st_mtime_ns == first
    assert files.read_json(Path("backtest/result.json"))["judged"] == ["2023-11", "2024-02"]
    set_params({"train.linear_regression.digits": 6})
    assert trained(sh("make", "backtest", model)) == ["2023-10", "2023-11", "2023-12", "2024-01"]
    changed = sh("git", "status", "--porcelain", "--untracked-files=all").split("\n")
    ours = {line[3:] for line in changed if line}
    assert {name.split("/")[0] for name in ours} == {
        *("backtest", "dvc.lock", "metrics", "params.yaml", "plots")
    }
    assert "register" not in printed  # nothing is promoted
    shown = sh("make", "plots")
    assert "failed" not in shown
    assert "2024-02" in Path("dvc_plots/index.html").read_text()


def test_a_backtest_that_is_not_possible_ends_in_a_line(folder):
    tree = yaml.safe_load(Path("params.yaml").read_text())
    told = sh("make", "backtest", check=False)
    assert "error: there is no champion whose ageing could be looked at: make repro, or" in told
    set_params({"contract.columns.OrderDate": {"role": "ignored"}})
    set_params({"featurize.derived": {"NetAmount": "Quantity * UnitPrice * (1 - Discount)"}})
    plain = {"order": {"add": ["Quantity", "UnitPrice"]}}
    set_params({"featurize.feature_sets": plain, "featurize.feature_set": "order"})
    told = sh("make", "backtest", "MODEL=linear_regression", check=False)
    assert "error: a backtest needs a date: no column of the contract" in told
    assert "Traceback" not in told
    Path("params.yaml").write_text(yaml.safe_dump(tree))
