"""One order from its raw row to the answer, over what a small run left."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sales import files
from sales.errors import PipelineError
from sales.models import saved
from sales.serving.ranges import UNSEEN
from stages import explain, featurize, prepare, train
from tests.examples import ROOT, make_orders, promote, set_params

BAD = "ORD0000005"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run prepare, featurize and two trainings over 400 orders, one of them bad."""
    folder = tmp_path_factory.mktemp("ran")
    shutil.copy(ROOT / "params.yaml", folder)
    orders = make_orders(400)
    orders.loc[orders["OrderID"] == BAD, "UnitPrice"] = -5.0
    (folder / "data/raw").mkdir(parents=True)
    pa.parquet.write_table(pa.Table.from_pandas(orders), folder / "data/raw/orders.csv.parquet")
    before, argv = Path.cwd(), sys.argv
    os.chdir(folder)
    try:
        set_params({"train.xgboost.n_estimators": 30})
        prepare.main()
        featurize.main()
        for name in ("linear_regression", "xgboost"):
            sys.argv = ["train", name]
            train.main()
        promote(Path("models/promoted"), {"champion": ("linear_regression", {})})
    finally:
        os.chdir(before)
        sys.argv = argv
    return folder


@pytest.fixture
def here(ran, tmp_path, monkeypatch):
    """Change into a copy of what ran."""
    folder = shutil.copytree(ran, tmp_path / "ran")
    monkeypatch.chdir(folder)
    return folder


def some_order(part):
    return pd.read_parquet(f"data/prepared/{part}.parquet")[:1]


def lines_of(text, title):
    """Return the lines beneath a title."""
    [block] = [block for block in text.split("\n\n") if block.startswith(title)]
    return [line.strip() for line in block.splitlines()[1:]]


def number(cell):
    return round(float(cell.replace(",", "")) * 10**explain.DIGITS)


@pytest.mark.parametrize("named", ["champion", "linear_regression", "xgboost"])
@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_an_order_is_told_from_its_raw_row_to_its_answer(here, named, part):
    row = some_order(part)
    order = row["OrderID"].iloc[0]
    text = explain.told(order, named)
    at = int(order.removeprefix("ORD"))
    raw = dict(
        line.split(maxsplit=1) for line in lines_of(text, f"Row {at} of data/raw/orders.csv")
    )
    assert raw["OrderID"] == order
    assert raw["City"] == row["City"].iloc[0]
    assert "Accepted by the contract" in text
    assert f"Part {part}: " in text
    used = saved.load(
        Path("models/promoted/champion" if named == "champion" else f"models/{named}")
    )
    assert used.content_hash[:12] in text
    predicted = used.predict(row)[0]
    answer = lines_of(text, "Answer")
    assert answer[0].split() == ["predicted", f"{predicted:,.4f}"]
    assert answer[1].split() == ["true", f"{row['TotalAmount'].iloc[0]:,.4f}"]
    [low], [high] = used.intervals.around(used.predict(row))
    assert f"{low:,.4f} to {high:,.4f}: " in answer[3]
    assert ("does not hold" in answer[3]) == (not low <= row["TotalAmount"].iloc[0] <= high)


@pytest.mark.parametrize("named", ["champion", "xgboost"])
def test_the_contributions_add_up_line_by_line_to_the_last_digit(here, named):
    for order in pd.read_parquet("data/prepared/test.parquet")["OrderID"][:20]:
        text = explain.told(order, named)
        _, first, *moves, last = [re.split(r"\s{2,}", line) for line in lines_of(text, "Why")]
        at = number(first[-1])
        assert len(moves) == 16
        for *_, adds, so_far in moves:
            assert number(so_far) == at + number(adds)
            at = number(so_far)
        assert last[0] == "this prediction"
        assert number(last[-1]) == at
        assert lines_of(text, "Answer")[0].split()[1] == last[-1]


def test_features_are_shown_as_the_model_sees_them(here):
    row = some_order("test").iloc[0]
    used = saved.load(Path("models/promoted/champion"))
    told = [
        re.split(r"\s{2,}", line)
        for line in lines_of(explain.told(row["OrderID"], "champion"), "Model")
    ]
    seen = {feature: (value, number) for feature, value, number in told[1:]}
    assert list(seen) == list(used.featuriser.columns)
    assert seen["City"] == (row["City"], str(used.featuriser.levels["City"].index(row["City"])))
    assert float(seen["UnitPrice"][1]) == row["UnitPrice"]
    assert seen["OrderDayOfWeek"] == (
        row["OrderDate"].day_name(),
        str(row["OrderDate"].day_of_week),
    )


def test_a_quarantined_order_ends_at_the_contract(here):
    text = explain.told(BAD, "champion")
    assert "Quarantined\n  UnitPrice '-5.0': below 0.01" in text
    assert text.endswith("It is in no part of the data, and no model has met it.")
    assert "Answer" not in text


def test_a_model_of_another_run_is_said_to_be_one(here):
    order = some_order("train")["OrderID"].iloc[0]
    assert "The model below is of another run" in explain.told(order, "champion")
    assert "of another run" not in explain.told(order, "xgboost")


@pytest.mark.parametrize(
    ("order", "named", "why"),
    [
        ("", "champion", "name an order: make explain ORDER="),
        ("ORD1", "champion", "no order 'ORD1' in data/raw: 400 rows, the first is 'ORD0000001'"),
        ("ORD0000001", "king", "unknown model 'king'; known: champion, challenger, fallback, lin"),
        ("ORD0000001", "fallback", "no fallback in models/promoted: there are champion"),
        ("ORD0000001", "lightgbm", "models/lightgbm is not there: make repro"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(here, order, named, why):
    with pytest.raises(PipelineError) as caught:
        explain.told(order, named)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_promoted_yet(here):
    shutil.rmtree("models/promoted")
    with pytest.raises(PipelineError, match="no champion in models/promoted: make repro"):
        explain.told("ORD0000001", "champion")


def test_a_contract_without_an_id(here):
    told = files.read_json(Path("data/contract.json"))
    told["columns"]["OrderID"]["role"] = "ignored"
    files.write_json(Path("data/contract.json"), told)
    with pytest.raises(PipelineError, match="no column with the role id"):
        explain.told("ORD0000001", "champion")


def test_nothing_has_run(project):
    with pytest.raises(PipelineError, match="nothing has run here yet: make repro"):
        explain.told("ORD0000001", "champion")


def test_a_name_in_bytes_that_are_no_text_is_told_in_a_line():
    typed = os.fsdecode("ORD-Zürich".encode("latin-1"))
    with pytest.raises(PipelineError) as refused:
        explain.told(typed, "champion")
    assert str(refused.value) == r"no order is named 'ORD-Z\udcfcrich'"


def test_the_command(here):
    def run(*words):
        command = [sys.executable, "-m", "stages.explain", *words]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    done = run("ORD0000001", "--model", "xgboost")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == explain.told("ORD0000001", "xgboost") + "\n"
    failed = run("--model", "", "--", "-x")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("error: no order '-x' in data/raw")
    assert failed.stderr.count("\n") == 1


def test_a_value_outside_of_what_training_saw_is_warned_of(here):
    order = some_order("test")
    name, quantity = order["OrderID"].iloc[0], order["Quantity"].iloc[0]
    assert "outside" not in explain.told(name, "linear_regression").partition("Answer")[2]
    path = Path("models/linear_regression/featuriser.json")
    told = files.read_json(path)
    told["ranges"]["Quantity"] = [80, 90]
    files.write_json(path, told)
    answer = explain.told(name, "linear_regression").partition("Answer")[2].partition("Why")[0]
    assert f"\n  Quantity: {quantity} is outside 80 to 90, {UNSEEN}\n" in answer
