"""By which seed few keys come to parts of nearly the sizes asked for."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sales import params
from sales.contract import Contract
from sales.data import folds
from sales.data.split import PrepareParams, split
from sales.drafting import groups, parting
from sales.files import read_yaml
from tests.examples import ROOT

BASE = read_yaml(ROOT / "params.yaml")["prepare"]
CONTRACT = {"columns": {"area": {"role": "numeric"}, "price": {"role": "target"}}}


def drafted(rows, key=None):
    found = groups.prepare(BASE, groups.sizes(rows), None, key, 0.0).tree
    return params.validate(found, PrepareParams, "prepare")


def table(rows, **more):
    rng = np.random.default_rng(rows)
    columns = {"area": rng.uniform(1, 9, rows), "price": rng.uniform(1, 9, rows), **more}
    return pa.table(columns)


def read(rows, settings):
    return parting.of(Contract(**CONTRACT), rows, settings.group)


@pytest.mark.parametrize("rows", [64, 83, 120, 400])
def test_few_rows_come_to_parts_and_folds_near_their_sizes(rows):
    settings = drafted(rows)
    own = read(table(rows), settings)
    seed = parting.seed(own, settings)
    assert seed is not None
    found = own.keys(seed)
    chosen = settings.model_copy(update={"seed": seed})
    parts = split(rows, chosen, None, found)
    assert abs(len(parts["test"]) - 0.2 * rows) <= 0.02 * rows + 1
    train = parts["train"]
    folds.assign(len(train), chosen, None, found[train])  # raises where a fold is too small


def test_as_the_table_grows_no_row_changes_its_part():
    settings = drafted(64)
    rows = table(600)
    seed = parting.seed(read(rows[:64], settings), settings)
    chosen = settings.model_copy(update={"seed": seed, "valid": "part"})
    few, many = (read(rows[:n], chosen).keys(seed) for n in (64, 600))
    before, after = split(64, chosen, None, few), split(600, chosen, None, many)
    for part, positions in before.items():
        assert set(positions) == {n for n in after[part] if n < 64}


def test_few_keys_of_many_rows_are_parted_near_their_sizes_too():
    """Sixty customers of 100 rows: by the first seed 10 % to 30 % of the rows would be test."""
    settings = drafted(6000, "customer_id")
    who = np.repeat(np.arange(60), 100)
    own = read(table(6000, customer_id=who), settings)
    seed = parting.seed(own, settings)
    parts = split(6000, settings.model_copy(update={"seed": seed}), None, own.keys(seed))
    assert abs(len(parts["test"]) - 1200) <= 121
    assert abs(len(parts["valid"]) - 600) <= 61
    assert not set(who[parts["test"]]) & set(who[parts["train"]])


def test_rows_that_are_refused_or_empty_have_no_part():
    rows = pd.DataFrame({"area": ["1", "x", None, "4"], "price": ["1", "2", None, "4"]})
    own = read(pa.Table.from_pandas(rows), drafted(1000))
    assert own.table["area"].tolist() == [1.0, 4.0]


def test_the_seed_that_does_is_kept():
    settings = drafted(4000)
    assert parting.seed(read(table(4000), settings), settings) == settings.seed


def test_rows_that_are_all_alike_cannot_be_told_apart():
    settings = drafted(100)
    rows = pa.table({"area": np.ones(100), "price": np.ones(100)})
    assert parting.seed(read(rows, settings), settings) is None
    told = groups.seeded(groups.prepare(BASE, groups.sizes(100), None, None, 0.0), None)
    assert told.tree["split"] == "random"
    assert told.comments["split",].startswith("random")
