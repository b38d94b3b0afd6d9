"""Tables and names as people have them, by contracts written by hand: ../shared/cases.

The names are those that expressions, YAML and file systems stumble over. The tables are public ones
of packages (`bench/public_tables.py`), each with the contract that somebody wrote for it before
rows could lack a value; a package that is not installed is skipped.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from bench.public_tables import APART, TABLES
from sales.contract import mentions
from sales.errors import PipelineError
from stages import featurize, ingest, prepare
from tests.examples import ROOT, set_params

CASES = ROOT.parent / "shared" / "cases"
NAMES = ("class", "lambda", "year", "no", "Lot.Area", "size-m2", "größe", 'say "hi"', "100%", "log")


def names(rows=200):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(1, 10, (rows, len(NAMES))), columns=list(NAMES))
    table["price"] = table.sum(axis=1) + rng.normal(0, 0.1, rows).round(2)
    return table


def prepared(table, **groups):
    """Take a table through ingest, prepare and featurize; return its train matrix."""
    table.to_csv("data/incoming/table.csv", index=False)
    through(**groups)
    return pd.read_parquet("data/features/train.parquet")


def through(**groups):
    set_params({"ingest.source": "files", "prepare.split": "random"})
    set_params({"evaluate.slices": {}, "evaluate.inclusion": {}, "evaluate.behaviour": {}})
    set_params(groups)
    ingest.main()
    prepare.main()
    featurize.main()


def named(**derived):
    columns = {name: {"role": "numeric"} for name in NAMES}
    features = {"feature_set": "all", "derived": derived}
    features["feature_sets"] = {"all": {"add": [*NAMES, *derived]}}
    return {
        "contract": {"columns": {**columns, "price": {"role": "target"}}},
        "featurize": features,
        "evaluate.slices": {"100%": {"edges": [3, 6]}, 'say "hi"': {}},
        "evaluate.inclusion": {'say "hi"': {}},
        "evaluate.behaviour": {
            "larger": {"column": "size-m2", "becomes": "`size-m2` * 2", "prediction": "up"}
        },
    }


def test_any_name_is_a_column_an_input_a_slice_and_a_change(project):
    groups = named(
        twice="year * 2", odd="`class` + `Lot.Area` + `100%` + `no` + log + log(`lambda`)"
    )
    table = names()
    found = prepared(table, **groups)
    assert list(found.columns) == [*NAMES, "twice", "odd", "price"]
    train = pd.read_parquet("data/prepared/train.parquet")
    assert found["twice"].tolist() == (2 * train["year"]).tolist()
    expected = train["class"] + train["Lot.Area"] + train["100%"] + train["no"] + train["log"]
    assert found["odd"].to_numpy() == pytest.approx(expected + np.log(train["lambda"]))


@pytest.mark.parametrize(
    ("derived", "told"),
    [
        ("class * 2", "'class' is a word of Python's: write `class` in backticks"),
        ("Lot.Area * 2", "only arithmetic on columns; a name that is not made of letters"),
        ("100% * 2", "is not an expression; a name that is not made of letters, digits and _"),
        ("`Lot Area` * 2", "'Lot Area' is no column of the contract that is read"),
        ("log * log(log", "is not an expression"),
        ("year(year)", r"year() is of a date, and 'year' a number"),
    ],
)
def test_a_name_that_is_written_otherwise_is_told_how(project, derived, told):
    set_params(named(x=derived))
    with pytest.raises(PipelineError) as caught:
        mentions.check()
    assert str(caught.value).startswith("params.yaml: featurize.derived.x: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_yaml_reads_as_a_truth_value_is_told(project):
    text = Path("params.yaml").read_text()
    columns = "".join(f"    {name}: {{role: numeric}}\n" for name in ("no", "area"))
    start, end = text.index("\ncontract:"), text.index("\ningest:")
    Path("params.yaml").write_text(
        f"{text[:start]}\ncontract:\n  columns:\n{columns}    price: {{role: target}}\n{text[end:]}"
    )
    with pytest.raises(
        PipelineError, match=r"YAML reads no, off or false as a truth value: put it"
    ):
        prepare.main()


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")
def test_the_names_of_the_cases(project):
    table = pd.read_csv(CASES / "names" / "names.csv")
    base = yaml.safe_load((CASES / "names" / "base.yaml").read_text())["contract"]
    given = yaml.safe_load((CASES / "names" / "f.yaml").read_text())
    with pytest.raises(
        PipelineError, match=r"YAML reads no, off or false as a truth value: put it"
    ):
        prepared(table, contract=given["contract"], featurize=given["featurize"])
    found = prepared(table, contract=base, featurize=given["featurize"])
    assert list(found.columns) == [*NAMES, "twice", "price"]
    assert len(found) == round(0.7 * len(table))


# What becomes of each table: rows in, set aside and why, and rows without a target.
BECOMES = {
    "cars": (398, {"Horsepower: missing": 6}, 8),
    "wagepan": (4360, {}, 0),
    "mlb": (1270, {}, 0),
    "flights": (327_346, {}, 9_430),
}
FILES = {"cars": "cars", "wagepan": "wagepan", "mlb": "baseball", "flights": "flights"}


@pytest.mark.skipif(
    not CASES.is_dir() or not APART.is_dir(), reason="make bench-tables installs it"
)
@pytest.mark.parametrize("name", ["cars", "wagepan", "mlb", "flights"])
def test_the_tables_of_the_cases(project, name):
    """And once each may lack what rows do lack, none is set aside for that."""
    [table] = [table for table in TABLES if table.name == FILES[name]]
    table.put(Path("data/incoming"))
    groups = yaml.safe_load((CASES / "tables" / name / "fragment.yaml").read_text())
    through(**{"prepare.max_rejected_pct": 100.0, **groups})
    told = json.loads(Path("metrics/data.json").read_text())
    found = (told["rows_in"], told["quarantined_by_reason"], told.get("rows_without_target", 0))
    assert found == BECOMES[name]
    columns = groups["contract"]["columns"]
    for column in columns.values():
        if column["role"] in ("numeric", "categorical", "date"):
            column["missing"] = "allowed"
    through(**groups)
    told = json.loads(Path("metrics/data.json").read_text())
    assert told["quarantined_by_reason"] == {}
