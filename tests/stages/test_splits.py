"""Parts by key: rows that stay as a table grows, groups that stay together, on either engine."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import files
from sales.data.split import PARTS, TRAIN_GROUPS
from sales.engine import partitions
from sales.errors import PipelineError
from stages import featurize, prepare
from tests.examples import make_orders, set_params

RAW = Path("data/raw")


@pytest.fixture
def parts(project):
    """Return a function that lays files down, in partitions of so many rows or whole, and prepares.

    It tells the rows of each part.
    """

    def run(files, size=None):
        shutil.rmtree(RAW, ignore_errors=True)
        for name, table in files.items():
            path = RAW / f"{name}.parquet"
            starts = [None] if size is None else range(0, len(table), size)
            for number, start in enumerate(starts):
                part = table if size is None else table[start : start + size]
                file = partitions.name(path, None if size is None else number)
                file.parent.mkdir(parents=True, exist_ok=True)
                partitions.write(part, file)
        prepare.main()
        return {part: pd.read_parquet(f"data/prepared/{part}.parquet") for part in PARTS}

    return run


def orders(rows=600):
    """Return rows of forty customers; of some rows nobody knows whose they are."""
    customers = np.arange(rows) * 7 % 40
    names = [f"CUST{n:04d}" if row % 11 else None for row, n in enumerate(customers)]
    table = make_orders(rows)
    return table.astype(dict.fromkeys(table.select_dtypes("category"), str)).assign(
        CustomerID=names
    )


def ids(parts):
    return {part: set(rows["OrderID"]) for part, rows in parts.items()}


def test_a_row_keeps_its_part_as_files_come_in_whatever_their_order(parts):
    set_params({"prepare.split": "hash"})
    table = orders()
    before = ids(parts({"b.csv": table[:300]}))
    after = ids(parts({"a.csv": table[300:][::-1], "b.csv": table[:300].sample(frac=1)}))
    assert sum(map(len, after.values())) == 600
    for part, rows in before.items():
        assert rows <= after[part]


def test_where_there_is_no_id_it_is_what_the_row_holds(parts):
    set_params({"prepare.split": "hash", "contract.columns.OrderID": {"role": "ignored"}})
    table = orders()
    doubled = pd.concat([table, table[:300]])

    def content(parts):
        return {p: set(rows.astype(str).agg("|".join, axis=1)) for p, rows in parts.items()}

    before, after = (content(parts({"a.csv": one})) for one in (table[:300], doubled))
    for part, rows in before.items():
        assert rows <= after[part]
    assert not after["train"] & after["test"]  # what comes twice is on one side


@pytest.mark.parametrize("split", ["random", "time", "hash"])
def test_a_group_is_in_one_part_though_the_contract_does_not_read_it(parts, split):
    changes = {"prepare.split": split, "prepare.group": "CustomerID", "prepare.valid_size": 0.2}
    set_params(changes)
    table = orders()
    found = ids(parts({"a.csv": table[:200], "b.csv": table[200:]}))
    customers = table.set_index("OrderID")["CustomerID"].dropna()
    groups = {part: set(customers.reindex(sorted(rows)).dropna()) for part, rows in found.items()}
    assert sum(map(len, groups.values())) == customers.nunique() == 40
    assert all(groups.values())
    assert sum(map(len, found.values())) == 600
    nameless = set(table.loc[table["CustomerID"].isna(), "OrderID"])
    assert sum(1 for rows in found.values() if rows & nameless) > 1  # each one by itself


@pytest.mark.parametrize("group", [None, "CustomerID"])
def test_a_cluster_divides_alike(parts, on_dask, group):
    set_params({"prepare.split": "hash", "prepare.group": group, "run.engine": "local"})
    set_params({"featurize.target_encoding.columns": ["City"]})
    table = orders()
    here = parts({"a.csv": table})
    numbers = featurized()
    set_params({"run.engine": "dask"})
    there = parts({"a.csv": table}, size=100)
    for part in PARTS:
        pd.testing.assert_frame_equal(here[part], there[part])
    assert (Path("data/prepared") / TRAIN_GROUPS).is_dir() == bool(group)
    pd.testing.assert_frame_equal(featurized(), numbers, check_exact=True)


def featurized():
    """Return the train rows as the featurize stage writes them."""
    featurize.main()
    return partitions.read(partitions.of(Path("data/features/train.parquet")))


@pytest.mark.parametrize("valid", ["part", "folds"])
def test_what_a_row_is_shown_of_a_category_comes_from_other_groups(parts, valid):
    """Where each customer has a city of its own, other customers tell nothing of it."""
    set_params({"prepare.split": "hash", "prepare.group": "CustomerID", "prepare.valid": valid})
    set_params({"prepare.folds": 3, "featurize.target_encoding.columns": ["CustomerID"]})
    set_params({"featurize.feature_sets.mine": {"add": ["CustomerID", "UnitPrice"]}})
    set_params({"featurize.feature_set": "mine", "contract.rules": {}, "contract.breakdown": {}})
    set_params({"contract.columns.CustomerID": {"role": "categorical", "missing": "allowed"}})
    set_params({"evaluate.slices": {}, "evaluate.behaviour": {}})
    rows = orders().dropna(subset="CustomerID").reset_index(drop=True)
    rows["TotalAmount"] = 100.0 + rows["CustomerID"].astype("category").cat.codes
    parts({"a.csv": rows})
    assert set(featurized()["CustomerID"]) == {0.0}
    taught = sorted(Path("data/features").rglob("train.parquet"))
    assert len(taught) == (4 if valid == "folds" else 1)
    for path in taught:
        assert set(pd.read_parquet(path)["CustomerID"]) == {0.0}
    told = files.read_json(Path("data/features/featuriser.json"))["encoded"]["CustomerID"]
    assert len(set(told)) > 10  # of all rows: what is served knows the customers


def test_a_group_that_no_file_has_is_one_line(parts):
    set_params({"prepare.group": "Household"})
    with pytest.raises(PipelineError, match=r"^a\.csv: has no column 'Household', which prepare"):
        parts({"a.csv": orders(100)})
