"""The prepare stage: what it writes, and for which tables it works.

Bad input is in test_bad_input.py.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales.contract import Contract
from sales.data.split import PARTS
from sales.errors import PipelineError
from stages import prepare
from tests.examples import make_orders, set_params

RAW = Path("data/raw")
PREPARED = Path("data/prepared")


@pytest.fixture
def raw(project):
    """Return a function that lays a table down as ingest does and runs the stage."""
    RAW.mkdir()
    set_params({"prepare.split": "random"})  # of which the numbers are known

    def run(table):
        table.to_parquet(RAW / "a.csv.parquet", index=False)
        prepare.main()
        return {path.name: path.read_bytes() for path in PREPARED.iterdir()}

    return run


def test_the_parts_hold_all_rows_in_the_contracts_types(raw, contract):
    orders = make_orders(200)
    raw(orders)
    parts = [pd.read_parquet(PREPARED / f"{part}.parquet") for part in PARTS]
    assert [len(part) for part in parts] == [140, 20, 40]
    for part in parts:
        assert tuple(part.columns) == contract.required
        assert part["OrderID"].is_monotonic_increasing
        assert part["Quantity"].dtype == np.int64
        assert part["UnitPrice"].dtype == np.float64
        assert part["OrderDate"].dtype.kind == "M"
        assert list(part["Brand"].cat.categories) == sorted(contract.columns["Brand"].values)
    together = pd.concat(parts).sort_values("OrderID", ignore_index=True)
    for name in (*contract.numeric, contract.target, "OrderDate"):
        assert list(together[name]) == list(orders[name])
    for name in contract.categorical:
        assert list(together[name].astype(str)) == list(orders[name].astype(str))


def test_the_contract_goes_along_with_the_rows(raw, contract):
    raw(make_orders(200))
    assert Contract.model_validate_json(Path("data/contract.json").read_text()) == contract


def test_the_quarantine_has_its_header_when_it_is_empty(raw):
    assert raw(make_orders(200))["quarantine.csv"] == b"file,row,column,value,reason\n"


def test_the_bytes_do_not_depend_on_the_order_of_columns_nor_on_extra_ones(raw):
    orders = make_orders(200)
    plain = raw(orders)
    assert raw(orders[orders.columns[::-1]].assign(Remark="x")) == plain


def test_the_metrics_count_the_rows(raw):
    orders = make_orders(200)
    orders.loc[3, ["UnitPrice", "Tax"]] = -1.0
    raw(orders.assign(Remark="x"))
    metrics = json.loads(Path("metrics/data.json").read_text())
    assert len(metrics.pop("sha256")) == 64
    assert metrics == {
        "rows_in": 200,
        "rows_accepted": 199,
        "rows_quarantined": 1,
        "quarantined_pct": 0.5,
        "quarantined_by_reason": {"Tax: below 0": 1, "UnitPrice: below 0.01": 1},
        "ignored_columns": "Remark",
        "train_rows": 139,
        "valid_rows": 20,
        "test_rows": 40,
    }


def test_the_pictures_count_every_accepted_row(raw, contract):
    raw(make_orders(200))
    numeric = pd.read_csv("plots/data_numeric.csv")
    assert list(numeric.columns) == ["column", "bin_start", "bin_end", "rows"]
    rows = numeric.groupby("column", sort=False)["rows"]
    assert rows.sum().to_dict() == dict.fromkeys((*contract.numeric, contract.target), 200)
    assert rows.size().max() <= 30
    categorical = pd.read_csv("plots/data_categorical.csv")
    assert list(categorical.columns) == ["column", "value", "rows"]
    counts = categorical.groupby("column", sort=False)["rows"].sum()
    assert counts.to_dict() == dict.fromkeys(contract.categorical, 200)


def test_another_table_needs_another_contract_only(raw):
    columns = {"colour": {"role": "categorical"}, "w": {"role": "numeric"}, "y": {"role": "target"}}
    features = {"feature_set": "all", "feature_sets": {"all": {"add": ["colour", "w"]}}}
    none = ("slices", "inclusion", "behaviour")  # they name columns of orders
    nothing = {f"evaluate.{name}": {} for name in none}
    set_params({"contract": {"columns": columns}, "featurize": features, **nothing})
    table = pd.DataFrame(
        {"y": np.arange(200.0), "colour": ["red", "blue"] * 100, "w": ["1.5"] * 200}
    )
    raw(table)
    train = pd.read_parquet(PREPARED / "train.parquet")
    assert list(train.columns) == ["colour", "w", "y"]
    assert list(train["colour"].cat.categories) == ["blue", "red"]
    assert set(train["w"]) == {1.5}


def test_a_time_split_judges_on_the_latest_orders(raw):
    set_params({"prepare.split": "time"})
    raw(make_orders(200))
    train, valid, test = (pd.read_parquet(PREPARED / f"{p}.parquet")["OrderDate"] for p in PARTS)
    assert train.max() <= valid.min() <= valid.max() <= test.min()


def test_no_raw_rows(project):
    with pytest.raises(PipelineError, match="data/raw holds no rows: run the ingest stage"):
        prepare.main()
