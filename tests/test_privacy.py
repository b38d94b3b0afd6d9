"""docs/privacy.md: where a row's own values lie after a run, found by a customer who is marked."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from sales import estimators, files
from sales.data import generator
from stages import card, evaluate, featurize, gate, ingest, prepare, register, train
from tests.examples import ROOT, set_params

PAGE = (ROOT / "docs" / "privacy.md").read_text()
NAME = "linear_regression"
# One customer's order, in columns of each role; no other row has these values.
MARKED = {
    "OrderID": "ORD9999917",
    "CustomerID": "CUSTMARKED17",
    "CustomerName": "Marked Person",
    "UnitPrice": 123.4567,
}
# What else that customer has ordered: the row is set aside.
SET_ASIDE = {"OrderID": "ORD9999918", "Quantity": -1, "UnitPrice": 765.4321}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Return the folder of a run of all stages with one model, on files with a marked customer."""
    folder = tmp_path_factory.mktemp("private")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setattr(estimators, "NAMES", (NAME,))
    shutil.copy(ROOT / "params.yaml", folder)
    set_params(
        {
            "ingest.source": "files",
            "contract.columns.CustomerID": {"role": "ignored", "private": True},
            "gate.max_generalization_gap_pct": 50.0,
            "gate.max_slice_rmse_ratio": 10.0,
            "gate.max_coverage_shortfall_pct": 10.0,
            "evaluate.min_slice_rows": 20,
        }
    )
    orders = generator.generate(2000, 3).to_pandas(strings_to_categorical=False)
    named = orders.select_dtypes("category").columns
    orders[named] = orders[named].astype(object)
    orders.loc[17, [*MARKED]] = [*MARKED.values()]
    one = orders.loc[17]
    net = one.Quantity * one.UnitPrice * (1 - one.Discount)
    orders.loc[17, "TotalAmount"] = round(net + one.Tax + one.ShippingCost, 2)
    set_aside = orders.loc[[17]].assign(**SET_ASIDE)
    incoming = folder / "data" / "incoming"
    incoming.mkdir(parents=True)
    pd.concat([orders, set_aside]).to_csv(incoming / "orders.csv", index=False)
    for stage, words in (
        *((ingest, ()), (prepare, ()), (featurize, ()), (train, (NAME,))),
        *((evaluate, ()), (gate, ()), (card, ()), (register, ())),
    ):
        patch.setattr("sys.argv", ["stage", *words])
        stage.main()
    yield folder
    patch.undo()


def places(folder, value):
    """Return the files in which a value stands, as the page calls them: by their first folders."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix() for path in files if holds(path, value)}


def holds(path, value):
    if path.suffix == ".parquet":  # packed
        table = pd.read_parquet(path)
        return any((table[column].astype(str) == str(value)).any() for column in table)
    return str(value).encode() in path.read_bytes()


def told(heading):
    """Return the places that the page's table names for a kind of column."""
    [row] = re.findall(rf"^\| {heading} \|(.*)\|$", PAGE, re.M)
    return re.findall(r"`([^`]+)`", row)


def matches(found, patterns):
    """Return whether the places and the patterns are the same: each place has one, and back."""
    strange = {place for place in found if not any(Path(place).match(p) for p in patterns)}
    idle = {p for p in patterns if not any(Path(place).match(p) for place in found)}
    return strange, idle


@pytest.mark.parametrize(
    ("column", "heading"),
    [
        ("CustomerName", "ignored, or not named in the contract"),
        ("CustomerID", "ignored and `private: true`"),
        ("OrderID", "the id"),
        ("UnitPrice", "a number, a date, the target"),
    ],
)
def test_what_nobody_reads_reaches_no_file_but_those_that_the_page_names(ran, column, heading):
    found = places(ran, MARKED[column])
    strange, idle = matches(found, told(heading))
    assert (strange, idle) == (set(), set()), found


@pytest.mark.parametrize(
    ("column", "heading"),
    [
        ("UnitPrice", "the fields of the first test row, by which a model is tried"),
        ("TotalAmount", "the target of test rows that plots show"),
        ("OrderID", "the id"),
    ],
)
def test_of_the_first_test_row_more_is_kept_but_not_whose_it_is(ran, column, heading):
    first = pd.read_parquet(ran / "data/prepared/test.parquet").iloc[0]
    found = places(ran, first[column])
    strange, idle = matches(found, told(heading))
    assert (strange, idle) == (set(), set()), found


def test_of_a_row_that_was_set_aside_the_wrong_cell_alone_is_kept(ran):
    text = (ran / "data/prepared/quarantine.csv").read_text()
    assert "orders.csv,2001,Quantity,-1," in text
    assert not [value for value in MARKED.values() if str(value) in text]


def test_of_a_row_that_was_set_aside_the_export_has_more_but_nothing_that_is_private(ran):
    found = places(ran, SET_ASIDE["UnitPrice"])
    strange, idle = matches(found, told("the same, of a row that was set aside"))
    assert (strange, idle) == (set(), set()), found
    [export] = (path for path in found if path.endswith("data.json"))
    [row] = files.read_json(ran / export)["quarantine"]["whole"]
    assert row["cells"]["OrderID"] == SET_ASIDE["OrderID"]
    assert not {"CustomerID", "CustomerName"} & row["cells"].keys()


def test_a_customer_is_erased_as_the_page_says():
    """tests/stages/test_stage_truths.py runs the command; docs/privacy.md names no other."""
    commands = re.findall(r"^make erase .*$", PAGE, re.M)
    assert commands == ["make erase ID=CUST000001"]
    for setting in ("SERVED_DAYS", "SERVED_MB", "ACCESS_LOG"):
        assert f"`{setting}" in PAGE
        assert setting in (ROOT / "compose.yaml").read_text()
