"""The bench of small tables: what it counts, and what it reports."""

import pandas as pd
import pytest

from bench import docs, small_tables
from bench.small_tables import TABLES, WAYS, lines
from sales import files
from tests.examples import ROOT, make_orders


def run(rmse, ratio, covered=90.0, width=10.0):
    told = {"rmse": rmse, "ratio": ratio, "covered": covered, "width": width, "rows": 1234}
    return {**told, "test": {"xgboost": rmse, "lightgbm": rmse / ratio}}


def test_a_row_a_table_and_their_mean():
    seeds = [
        {"part": run(2.0, 1.1), "folds": run(1.0, 1.0, 88.0, 5.0), "ensemble": run(1, 0.98, 89.0)},
        {"part": run(2.0, 1.3), "folds": run(2.0, 1.1, 92.0), "ensemble": run(1, 1.0, 92.0)},
    ]
    other = [{"part": run(4.0, 1.0), "folds": run(4.0, 1.01), "ensemble": run(4.0, 0.97)}]
    assert [*lines({"mpg": seeds, "ames": other})][2:] == [
        "| mpg | 1,234 | 2 | 1.200 | 1.050 | 0.990 | 1.000 | 0.750 | 90.0 | 90.0 | 90.5 | 0.750 "
        "| 1.188 | 1.078 | 1.000 |",
        "| ames | 1,234 | 1 | 1.000 | 1.010 | 0.970 | 1.000 | 1.000 | 90.0 | 90.0 | 90.0 | 1.000 "
        "| 1.000 | 1.010 | 1.000 |",
        "| mean |  |  | 1.100 | 1.030 | 0.980 | 1.000 | 0.875 | 90.0 | 90.0 | 90.2 | 0.875 "
        "| 1.094 | 1.044 | 1.000 |",
    ]


def test_what_an_earlier_day_did_not_measure_is_no_number():
    seeds = [{"part": run(2.0, 1.2), "folds": run(1.0, 1.0)}]
    assert [*lines({"mpg": seeds})][2:] == [
        f"| {name} | 1.200 | 1.000 | – | 1.000 | 0.500 | 90.0 | 90.0 | – | 1.000 "
        "| 1.200 | 1.000 | – |"
        for name in ("mpg | 1,234 | 1", "mean |  | ")
    ]


def test_who_knew_the_test_rows_could_choose_no_better_than_hindsight():
    """The best model on average; one that was refused on some rows was never a choice."""
    rows = [{"a": 1.0, "b": 1.2, "c": 0.5}, {"a": 2.0, "b": 1.0}]
    assert small_tables.hindsight(rows) == pytest.approx((1.2 / 0.5 + 1.0) / 2)


def test_the_page_has_a_row_for_each_table():
    shown = docs.shown(ROOT / "docs/models.md", "small_tables")
    names = [line.split(" | ")[0].strip("| ") for line in shown.splitlines() if " | " in line]
    assert names[2:] == [*(table.name for table in TABLES), "mean"]


def test_both_ways_run_on_the_draft_and_the_same_test_rows(tmp_path, monkeypatch):
    """The real stages, from a draft of orders to the gate, with two of the models."""
    table = small_tables.Table("orders.csv", "TotalAmount", "", "", lambda _, path: make_orders(
        300).drop(columns="OrderDate").to_csv(path, index=False), "orders")  # fmt: skip
    monkeypatch.setattr(small_tables.Table, "source", lambda _: None)
    names = ("linear_regression", "random_forest")
    monkeypatch.setattr(
        small_tables,
        "STEPS",
        (("prepare",), ("featurize",), *(("train", name) for name in names)),
    )
    tree = small_tables.drafted(table, tmp_path)
    assert tree["prepare"]["valid"] == "folds"
    test = []
    monkeypatch.setattr(small_tables, "JUDGED", (("train_ensemble",),))
    for way in WAYS:
        if way == "ensemble":  # of models that are not there: these two alone were trained
            with pytest.raises(SystemExit, match="models/polynomial_regression"):
                small_tables.run(tmp_path, tree, way, 1)
            continue
        with pytest.raises(FileNotFoundError):  # no gate was run here
            small_tables.run(tmp_path, tree, way, 1)
        test.append(files.content_hash(tmp_path / "data/prepared/test.parquet"))
        rows = len(pd.read_parquet(tmp_path / "data/prepared/valid.parquet"))
        assert bool(rows) == (way == "part")
        assert (tmp_path / "models/linear_regression/folds").is_dir() == (way == "folds")
    assert test[0] == test[1]
