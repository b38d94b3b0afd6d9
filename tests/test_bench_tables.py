"""The bench of public tables: what it reads, what a plain model is given, what it reports."""

import re
import tomllib

import numpy as np
import pandas as pd
import pytest

from bench import docs, plain_models, tables
from bench.public_tables import TABLES
from sales import files, params
from sales.contract import Contract
from sales.data import sources
from tests.examples import ROOT

CONTRACT = params.validate(
    {
        "columns": {
            "key": {"role": "id"},
            "city": {"role": "categorical", "missing": "allowed"},
            "sold": {"role": "date", "missing": "allowed"},
            "garage": {"role": "boolean"},
            "area": {"role": "numeric", "missing": "allowed"},
            "note": {"role": "ignored"},
            "price": {"role": "target"},
        }
    },
    Contract,
    "contract",
)
RUN = {
    "commit": "abc1234",
    "load": 2.5,
    "contract_s": 3.2,
    "repro_s": 61.7,
    "rows_in": 1406,
    "without_target": 8,
    "set_aside": 6,
    "reasons": {"area: not a number": 6},
    "parts": {"train": 974, "valid": 139, "test": 279},
    "split": "random",
    "columns": 7,
    "ignored": ["note"],
    "model": "lightgbm",
    "promoted": True,
    "refused": {},
    "rmse": 2.06,
    "dummy": 7.2,
    "plain": {"hist_gradient_boosting": 2.0, "xgboost": 2.5},
    "plain_with_valid": {"hist_gradient_boosting": 2.06, "xgboost": 1.9},
    "chance": [0.98, 1.08],
}


def houses(rows):
    rng = np.random.default_rng(0)
    city = pd.Categorical.from_codes(np.arange(rows) % 3, [f"c{n}" for n in range(300)])
    table = pd.DataFrame(
        {
            "key": [f"k{n}" for n in range(rows)],
            "city": city,
            "sold": pd.Timestamp("2020-01-02") + pd.to_timedelta(np.arange(rows), "D"),
            "garage": rng.integers(0, 2, rows).astype(float),
            "area": rng.uniform(50, 150, rows),
        }
    )
    table["price"] = 10 * table["area"] + 100 * (city.codes == 1)
    table.loc[1, ["city", "sold", "area"]] = None
    return table


def test_a_plain_model_sees_numbers_categories_and_days():
    X = plain_models.matrix(houses(3), CONTRACT)
    assert list(X.columns) == ["city", "sold", "garage", "area"]
    assert X["sold"].tolist() == pytest.approx([18263, np.nan, 18265], nan_ok=True)
    assert X["city"].tolist() == pytest.approx(["c0", np.nan, "c2"], nan_ok=True)
    assert np.isnan(X.loc[1, "area"])


@pytest.mark.parametrize("name", plain_models.MODELS)
def test_a_plain_model_learns_from_holes_and_very_many_levels(name):
    rows = houses(400)
    X, y = plain_models.matrix(rows, CONTRACT), rows["price"].to_numpy()
    y = np.where(np.isnan(y), 0.0, y)
    predicted = plain_models.MODELS[name](X[:300], y[:300], X[300:])
    assert tables.rmse(y[300:], predicted) < 0.3 * y[300:].std()


@pytest.mark.parametrize("name", plain_models.MODELS)
def test_a_level_that_was_not_learnt_from_is_missing_and_the_others_keep_their_codes(name):
    learnt = pd.DataFrame({"city": pd.Categorical(["b", "c", "d"] * 100)})
    test = plain_models.known(pd.DataFrame({"city": pd.Categorical(["a", "c", "d"])}), learnt)
    assert test["city"].cat.codes.tolist() == [-1, 1, 2]
    predicted = plain_models.MODELS[name](learnt, np.tile([1.0, 2.0, 3.0], 100), test)
    assert np.isfinite(predicted).all()
    assert predicted[1:] == pytest.approx([2, 3], abs=0.01)


def test_what_chance_allows_is_of_the_same_rows():
    true = np.arange(500.0)
    off = np.where(np.arange(500) % 2, 1.0, -3.0)
    assert tables.chance(true, true + off, true - off) == (1.0, 1.0)
    low, high = tables.chance(true, true + off, true + off[::-1])
    assert 0.9 < low < 1 < high < 1.1
    assert tables.chance(true, true + 2 * off, true + off) == (2.0, 2.0)


def test_the_verdict_is_by_the_bar_and_by_chance():
    assert tables.ratio(RUN) == pytest.approx(1.03)
    assert tables.verdict({**RUN, "rmse": 2.0}) == "yes"
    assert tables.verdict({**RUN, "rmse": 2.1}) == "within chance"
    assert tables.verdict({**RUN, "rmse": 2.1, "chance": [1.04, 1.06]}) == "**no**"


def test_the_table_has_a_row_a_run_also_where_it_failed_or_promoted_nothing():
    figures = {
        "cars": RUN,
        "ames": {
            **RUN,
            "rmse": 28014.86,
            "chance": [0.9, 1.4],
            "promoted": False,
            "refused": {"lightgbm": "test R² is 0"},
        },
        "loans": {"commit": "abc", "load": 1.0, "contract_s": 9.0, "error": "error: no such"},
    }
    lines = tables.at_a_glance(figures).splitlines()
    assert lines[2] == (
        "| `cars.jsonl` | `Miles_per_Gallon` | 1,406 | 6 | lightgbm | 2.06 | 2 | 2.5 | 1.030 | "
        "3 | 62 |"
    )
    assert "none (lightgbm was best) | 28,015 |" in lines[3]
    assert " in chance |" in lines[3]
    assert "failed: error: no such" in lines[4]
    assert {line.count("|") for line in lines} == {12}
    told = tables.in_full(figures)
    assert "- 1,406 rows, 8 of them without `Miles_per_Gallon`, 6 set aside: area: not a" in told
    assert "- Had they learnt from the valid rows too: 1.084." in told
    assert "- lightgbm was refused: test R² is 0." in told
    assert "It ended with: error: no such" in told


def test_an_error_is_the_line_that_says_so():
    assert tables._why("a\nerror: first\nfailed\n") == "error: first"
    assert tables._why("a\n\nb \n") == "b"


def test_a_name_that_is_no_table_is_told():
    with pytest.raises(SystemExit, match="BENCH_TABLES: there is no table 'houses'; known: cars "):
        tables.main(["houses"])


def test_each_package_is_locked_in_a_group_of_its_own():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    known = [
        entry for name in ("tables", "dev") for entry in groups[name] if isinstance(entry, str)
    ]
    named = {re.split(r"[<>=\[]", entry)[0].replace("-", "_") for entry in known}
    assert {table.package for table in TABLES} <= named
    assert len({table.name for table in TABLES}) == len(TABLES) >= 8


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_table_is_a_file_that_ingest_reads(table, tmp_path):
    try:
        table.source()
    except SystemExit:
        pytest.skip(f"{table.package} is not installed: make bench-tables does it")
    table.put(tmp_path)
    [source] = sources.find(str(tmp_path))
    rows = source.read()
    assert table.target in rows.column_names
    assert rows.num_rows > 300


def test_the_pages_show_what_was_measured():
    figures = files.read_json(tables.FIGURES)
    assert docs.shown(ROOT / "README.md", "tables") == tables.at_a_glance(figures)
    assert docs.shown(ROOT / "docs/tables.md", "tables") == tables.in_full(figures)
    assert not [name for name, found in figures.items() if tables.verdict(found) == "**no**"]
