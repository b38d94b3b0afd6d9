"""prune: the best model by default, of today's features; docs/pruning.md is its page."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import files
from sales.errors import PipelineError
from stages import prune
from tests.examples import ROOT, set_params

PAGE = (ROOT / "docs" / "pruning.md").read_text()
FEATURISER = Path("data/features/featuriser.json")


@pytest.fixture
def featurised(gated):
    """Change into the trained project, with its features as featurize leaves them."""
    shutil.copy("models/linear_regression/featuriser.json", FEATURISER)
    for part in ("train", "valid"):
        path = Path(f"data/features/{part}.parquet")
        target = pd.read_parquet(f"data/prepared/{part}.parquet")["TotalAmount"].to_numpy()
        pd.read_parquet(path).assign(TotalAmount=target).to_parquet(path)
    return gated


def run(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["prune", *words])
    prune.main()


def test_it_tells_of_the_best_model_what_each_feature_is_worth(featurised, monkeypatch, capsys):
    set_params({"prune.max_loss_pct": 25.0})  # of 300 train rows each level learns some noise
    before = files.content_hash(Path("models"))
    run(monkeypatch)
    printed = capsys.readouterr().out
    told = files.read_json(Path("state/prune/linear_regression.json"))
    assert Path("state/prune/linear_regression.md").read_text() == printed
    assert told["model"] == files.read_json(Path("metrics/gate.json"))["ranking"][0]
    columns = files.read_json(FEATURISER)["columns"]
    verdicts = {one["feature"]: one["verdict"] for one in told["features"]}
    assert set(verdicts) == set(columns)
    # An amount is NetAmount + Tax + ShippingCost: these three, and nothing else.
    needed = {name for name, verdict in verdicts.items() if verdict == "needed"}
    assert needed == {"NetAmount", "Tax", "ShippingCost"}
    assert {"Brand", "Category", "City", "PaymentMethod"} <= set(told["together"])
    assert "Category" in told["together_fields"]
    assert not {"Quantity", "UnitPrice", "Discount"} & set(told["together_fields"])
    assert (told["train_rows"], told["valid_rows"]) == (300, 100)
    assert files.content_hash(Path("models")) == before
    assert "May go together, for " in printed


def test_a_model_that_is_named_and_fewer_rows(featurised, monkeypatch, capsys):
    set_params({"prune.rows": 100, "train.xgboost.n_estimators": 3})
    run(monkeypatch, "xgboost")
    told = files.read_json(Path("state/prune/xgboost.json"))
    assert (told["model"], told["train_rows"], told["valid_rows"]) == ("xgboost", 100, 100)
    assert capsys.readouterr().out.startswith("xgboost, priced: 100 train rows, RMSE ")


def test_of_folds_each_held_out_row_is_one(featurised, monkeypatch):
    """As featurize leaves two repeats of two folds: a folder each, and which row is in which."""
    train = pd.read_parquet("data/features/train.parquet")
    fold_of = pd.DataFrame({"0": np.arange(300) % 2, "1": np.arange(300) // 150})
    fold_of.to_parquet("data/features/folds.parquet")
    for repeat in fold_of:
        for fold in (0, 1):
            place = Path(f"data/features/folds/{repeat}.{fold}")
            place.mkdir(parents=True)
            shutil.copy(FEATURISER, place)
            held = (fold_of[repeat] == fold).to_numpy()
            train[~held].to_parquet(place / "train.parquet")
            train[held].to_parquet(place / "valid.parquet")
    run(monkeypatch, "linear_regression")
    told = files.read_json(Path("state/prune/linear_regression.json"))
    assert (told["train_rows"], told["valid_rows"]) == (150, 300)
    verdicts = {one["feature"]: one["verdict"] for one in told["features"]}
    assert verdicts["NetAmount"] == "needed"


@pytest.mark.parametrize(
    ("words", "without", "told"),
    [
        (["ridge"], "", "unknown model 'ridge'; known: linear_regression, xgboost"),
        ([], "metrics/gate.json", "no model is the best yet: make repro, or name one: MODEL="),
        ([], str(FEATURISER), "there are no features yet: make repro"),
    ],
)
def test_what_is_missing_is_told_in_a_line(featurised, monkeypatch, words, without, told):
    if without:
        Path(without).unlink()
    with pytest.raises(PipelineError, match=f"^{re.escape(told)}"):
        run(monkeypatch, *words)
    assert not Path("state/prune").exists()


def test_where_no_model_passed_one_is_to_be_named(featurised, monkeypatch):
    gate = files.read_json(Path("metrics/gate.json"))
    files.write_json(Path("metrics/gate.json"), {**gate, "ranking": []})
    with pytest.raises(PipelineError, match="no model passed the gate: name one: make prune"):
        run(monkeypatch)


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_loss_pct", 0), ("confidence", 1.0), ("rows", 5), ("seed", -1), ("feature", "Brand")],
)
def test_an_absurd_setting_is_named(featurised, monkeypatch, key, value):
    set_params({f"prune.{key}": value})
    with pytest.raises(PipelineError, match=rf"^params\.yaml: prune\.{key}: "):
        run(monkeypatch)


def test_the_page_shows_the_command_and_what_it_found_of_the_orders():
    assert "\nmake prune " in PAGE.split("```sh", 1)[1].split("```", 1)[0]
    found = re.findall(r"^(\w+), priced: ", PAGE, re.M)
    assert found == ["linear_regression", "xgboost"]
    for verdict in ("needed", "worth nothing", "cannot be told"):
        assert f"`{verdict}`" in PAGE
