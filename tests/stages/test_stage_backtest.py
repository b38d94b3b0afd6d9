"""The backtest stage by stage on a few months, and that a known change is found in its month."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import files
from sales.data import generator
from sales.data.drift import DriftParams
from sales.engine import partitions
from sales.errors import PipelineError
from sales.judging import ageing
from stages import (
    backtest,
    backtest_months,
    backtest_plan,
    backtest_told,
    backtest_train,
    featurize,
    prepare,
)
from stages import train as training
from tests.examples import make_orders, set_params

ROWS, WINDOWS, MODELS = (Path("backtest") / name for name in ("rows", "windows", "models"))
SMALL = {
    "backtest.window_months": 2,
    "backtest.horizon_months": 3,
    "train.xgboost.n_estimators": 60,
    "train.xgboost.learning_rate": 0.3,
    "train.xgboost.max_depth": 5,
}


def here(project: Path, model: str, month: str) -> None:
    """Run the pipeline's stages in this process, in the folder: as the program does."""
    with contextlib.chdir(project), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["-c", model])
        with contextlib.redirect_stdout(io.StringIO()):
            for stage in (prepare, featurize, training):
                stage.main()


def lay_down(orders: pd.DataFrame) -> None:
    """Put orders where ingest would, and prepare them."""
    raw = Path("data/raw")
    raw.mkdir(parents=True, exist_ok=True)
    partitions.write(orders, raw / "orders.parquet")
    prepare.main()


def plan(model: str, *flags: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["backtest_plan", *flags, model])
        backtest_plan.main()


def train(month: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["backtest_train", month])
        backtest_train.main()


def run_all(model: str) -> dict:
    """Do what `make backtest` does, without DVC; return the result."""
    backtest_months.main()
    plan(model)
    for month in files.read_yaml(backtest.PLAN)["months"]:
        train(month)
    backtest.main()
    return files.read_json(backtest.RESULT)


def orders_of(days: int, rows: int = 900) -> pd.DataFrame:
    """Return orders of so many days from September 2023 on."""
    orders = make_orders(rows)
    at = np.datetime64("2023-09-01", "ms") + (np.arange(rows) % days).astype("timedelta64[D]")
    return orders.assign(OrderDate=at)


@pytest.fixture
def months(project, monkeypatch):
    """Change into a project with the orders of five months, prepared."""
    monkeypatch.setattr(backtest_train, "make", here)
    set_params(SMALL)
    lay_down(orders_of(150))
    return project


def test_a_backtest_from_the_rows_to_the_words(months, capsys):
    result = run_all("linear_regression")
    assert (result["model"], result["target"], result["unit"]) == (
        *("linear_regression", "TotalAmount", "$"),
    )
    assert result["trained"] == ["2023-10", "2023-12"]
    assert result["judged"] == ["2023-11", "2024-01"]
    assert [(one["age"], one["months"]) for one in result["ages"]] == [(1, 3)]
    assert [one["name"] for one in result["policies"]] == ["monthly", "never", "on drift"]
    assert result["policies"][0]["trained"] == ["2023-10", "2023-11", "2023-12"]
    judged = [pd.read_parquet(ROWS / f"{one['month']}.parquet") for one in result["months"]]
    assert result["rows"] == sum(map(len, judged))
    assert result["known"] == []
    curve = pd.read_csv("backtest/plots/staleness.csv")
    assert curve.columns.tolist() == ["age", "growth_pct", "low", "high"]
    assert len(pd.read_csv("backtest/plots/months.csv")) == 9
    capsys.readouterr()
    backtest_told.main()
    assert "linear_regression, each learnt from 2 months, judged by" in capsys.readouterr().out


def test_a_months_model_learns_from_its_window_alone_by_the_pipelines_own_split(months):
    set_params({"prepare.split": "random"})  # whose shares are known
    backtest_months.main()
    plan("xgboost")
    train("2023-11")
    about = files.read_json(MODELS / "2023-11" / "model.json")
    rows = sum(len(pd.read_parquet(ROWS / f"{name}.parquet")) for name in ("2023-10", "2023-11"))
    test, valid = np.ceil(0.2 * rows), np.ceil(0.1 * rows)
    assert about["train_rows"] == rows - test - valid
    assert about["params"]["n_estimators"] == 60
    own = files.read_json(MODELS / "2023-11" / "own_test.json")
    assert own["rows"] == test
    assert not [*MODELS.glob("*/project")]
    assert sorted(path.name for path in MODELS.iterdir()) == ["2023-11"]


def test_new_months_change_no_earlier_window(months):
    backtest_months.main()
    before = {path.stem: path.read_bytes() for path in WINDOWS.iterdir()}
    lay_down(orders_of(180, rows=1080).assign(OrderID=lambda o: "N" + o["OrderID"]))
    assert [*before] != []
    old = orders_of(150)
    new = orders_of(60, rows=400).assign(OrderID=lambda o: "N" + o["OrderID"])
    new["OrderDate"] += np.timedelta64(153, "D")  # from February 2024 on
    lay_down(pd.concat([new.astype(object), old.astype(object)]).infer_objects())
    backtest_months.main()
    after = {path.stem: path.read_bytes() for path in WINDOWS.iterdir()}
    assert {month: after[month] for month in before} == before
    assert sorted(set(after) - set(before)) == ["2024-01", "2024-02"]


def test_the_plan_removes_the_models_of_months_that_are_no_more(months):
    backtest_months.main()
    (MODELS / "1999-01").mkdir(parents=True)
    plan("linear_regression")
    assert not (MODELS / "1999-01").exists()
    told = files.read_yaml(backtest.PLAN)
    assert told == {
        "model": "linear_regression",
        "settings": {"digits": 9},
        "months": ["2023-10", "2023-11", "2023-12"],
    }
    before = backtest.PLAN.stat().st_mtime_ns
    plan("linear_regression")
    assert backtest.PLAN.stat().st_mtime_ns == before


def test_the_champion_is_trained_with_its_own_settings(project):
    champion = Path("models/promoted/champion")
    about = {"name": "linear_regression", "params": {"digits": 5}}
    files.write_json(champion / "model.json", about)
    assert backtest_plan.chosen("") == ("linear_regression", {"digits": 5})


def test_what_is_not_possible_is_told_in_a_line_before_anything_runs(project):
    with pytest.raises(PipelineError, match=r"^there is no champion .*: make repro, or name a"):
        plan("", "--check")
    with pytest.raises(PipelineError, match=r"^unknown model 'ridge'; known: linear_regression"):
        plan("ridge", "--check")
    plan("linear_regression", "--check")
    assert not backtest.PLAN.exists()
    set_params({"contract.columns.OrderDate": {"role": "ignored"}})
    with pytest.raises(PipelineError, match=r"^a backtest needs a date: no column of the contract"):
        plan("linear_regression", "--check")
    with pytest.raises(PipelineError, match=r"^no backtest yet: make backtest$"):
        backtest_told.main()


def test_settings_that_the_model_no_longer_has_are_told(months, monkeypatch):
    about = {"name": "linear_regression", "params": {"figures": 5}}
    files.write_json(Path("models/promoted/champion/model.json"), about)
    backtest_months.main()
    plan("")
    with pytest.raises(PipelineError, match=r"train\.linear_regression\.digits: "):
        train("2023-10")


def test_too_few_rows_for_a_model_are_told_with_its_month(months, monkeypatch):
    set_params({"prepare.split": "random"})  # whose shares are known
    lay_down(orders_of(150, rows=150))
    backtest_months.main()
    plan("linear_regression")
    monkeypatch.setattr(backtest_train, "make", REAL)
    with pytest.raises(PipelineError, match=r"^backtest until 2023-10: .* are too few"):
        train("2023-10")
    assert not [*MODELS.glob("*")]


REAL = backtest_train.make


def test_a_months_model_is_what_the_programs_make_of_it(months, monkeypatch):
    backtest_months.main()
    plan("linear_regression")
    train("2023-10")
    found = files.content_hash(MODELS / "2023-10")
    monkeypatch.setattr(backtest_train, "make", REAL)
    train("2023-10")
    assert files.content_hash(MODELS / "2023-10") == found


def test_groups_and_truth_values_go_through(project, monkeypatch):
    monkeypatch.setattr(backtest_train, "make", here)
    set_params(
        {
            **SMALL,
            "prepare.group": "Customer",
            "contract.columns.Gift": {"role": "boolean", "missing": "allowed"},
            "featurize.feature_sets.priced": {"start": "order", "add": ["NetAmount", "Gift"]},
        }
    )
    orders = orders_of(150)
    gift = pd.Series([True, False, None] * 300, dtype="boolean")
    lay_down(orders.assign(Customer=[f"C{i % 200}" for i in range(900)], Gift=gift))
    backtest_months.main()
    plan("linear_regression")
    train("2023-10")
    kept = files.read_json(MODELS / "2023-10" / "featuriser.json")
    assert "Gift" in kept["columns"]
    assert kept["holes"] == ["Gift"]


ONSET = "2024-05"
CHANGES = {
    "prices": {"prices": {"from": f"{ONSET}-01", "pct_a_month": 20.0}},
    "brand": {"brand": {"from": f"{ONSET}-01", "share": 0.3, "price_factor": 1.5}},
}


@pytest.mark.parametrize("change", [None, *CHANGES])
def test_a_known_change_is_found_in_its_month_and_nothing_without_one(project, monkeypatch, change):
    """On 6,000 orders, 600 a month; docs/backtest.md has 100,000, by `make bench-backtest`."""
    monkeypatch.setattr(backtest_train, "make", here)
    groups = CHANGES.get(change, {})
    set_params(
        {
            **SMALL,
            "backtest.window_months": 4,
            "backtest.horizon_months": 4,
            "backtest.origins": 6,
            **{f"ingest.drift.{name}": value for name, value in groups.items()},
        }
    )
    table = generator.generate(36_000, 5, DriftParams.model_validate(groups)).to_pandas()
    table["OrderDate"] = pd.to_datetime(table["OrderDate"])
    table["Brand"] = table["Brand"].astype(str)
    brands = [*generator.BRANDS, "Novus"]
    set_params({"contract.columns.Brand": {"role": "categorical", "values": brands}})
    within = table["OrderDate"].between("2023-11-01", "2024-08-31")
    lay_down(table[within].reset_index(drop=True))
    result = run_all("xgboost")
    assert result["trained"] == ["2024-02", "2024-07"]
    never = next(one for one in result["policies"] if one["name"] == "never")
    if change is None:
        assert result["flat"]
        assert result["too_old_at"] is None
        assert ageing.alarmed(result) == []
        assert result["known"] == []
        assert never["low"] < 0 < never["high"]
    else:
        assert ageing.alarmed(result)[0] == ONSET
        assert result["known"][0]["since"] == f"{ONSET}-01"
        assert never["excess_pct"] > 10
