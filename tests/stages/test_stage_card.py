"""The card says what the pipeline has written, and no text of the data can break it."""

import json
import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from sales import files
from sales.judging import card
from stages import card as stage
from tests.examples import set_params
from tests.trained_project import NAMES, refuse, train


@pytest.fixture
def ready(gated):
    """Change into the trained project, its data described."""
    described()
    return gated


def described():
    """Write the picture of the data as prepare does."""
    told = {
        "sha256": "d" * 64,
        "rows_in": 1003,
        "rows_accepted": 1000,
        "rows_quarantined": 3,
        "quarantined_by_reason": {"missing": 2, "duplicate": 1},
        "train_rows": 700,
        "valid_rows": 100,
        "test_rows": 200,
    }
    files.write_json(Path("metrics/data.json"), told)


def text(name="xgboost"):
    stage.main()
    return Path(f"cards/{name}.md").read_text()


def rows(markdown, heading):
    """Return the cells of the first table below a heading."""
    lines = markdown.partition(f"## {heading}\n")[2].partition("\n## ")[0].splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


def test_each_model_has_a_card_with_its_own_figures(ready):
    stage.main()
    assert sorted(path.name for path in Path("cards").iterdir()) == sorted(
        ["made_of.json", *(f"{name}.{kind}" for name in NAMES for kind in ("md", "html"))]
    )
    for name in NAMES:
        told = Path(f"cards/{name}.md").read_text()
        metrics = json.loads(Path(f"metrics/{name}.json").read_text())
        assert f"Content hash `{files.content_hash(Path('models') / name)}`" in told
        scores = {row[0]: row[1:] for row in rows(told, "Scores")[:3]}
        for part in ("train", "valid", "test"):
            rmse, mae = (float(cell.replace(",", "")) for cell in scores[part][:2])
            assert rmse == pytest.approx(metrics[part]["rmse"], rel=1e-3)
            assert mae == pytest.approx(metrics[part]["mae"], rel=1e-3)
        judged = json.loads(Path("metrics/gate.json").read_text())["models"][name]
        assert [row[0] for row in rows(told, "Gate")] == list(judged["rules"])
        slices = pd.read_csv("plots/slices.csv").query("model == @name")
        listed = re.findall(r"^\| (\S+(?:=|<).*?) \| [\d,]+ \|", told, re.MULTILINE)
        assert [one.replace("\\", "") for one in listed] == list(slices["slice"])
        assert f"Measured on the test rows: {metrics['coverage_pct']:.4g} %" in told
        worst = metrics["inclusion"]
        assert f"Of the {worst['levels']} levels of the columns whose every level must" in told
        assert f"{worst['level']} is the worst: on its {worst['rows']:,}\n" in told
        assert f"times that of all, at least {worst['ratio']:.4g} beyond chance." in told


def test_where_no_column_is_named_the_card_says_nothing_of_inclusion(ready):
    for path in (Path(f"metrics/{name}.json") for name in NAMES):
        files.write_json(path, {**files.read_json(path), "inclusion": {}})
    assert "served alike" not in text()


def test_data_split_and_features(ready):
    told = text()
    assert "Of 1,003 rows 1,000 kept the contract; 3 are in quarantine" in told
    assert "(missing: 2, duplicate: 1)" in told
    assert "700 rows to train, 100 to stop early" in told
    assert "ingest.seed: 42" in told
    importance = pd.read_csv("plots/importance.csv").query("model == 'xgboost'")
    features = [row[0] for row in rows(told, "Features")]
    assert sorted(features) == sorted(importance["feature"])
    heaviest = importance.sort_values("importance", ascending=False)["feature"].iloc[0]
    assert features[0] == heaviest == "NetAmount"
    assert "`NetAmount = Quantity * UnitPrice * (1 - Discount)`" in told


def test_limits_are_what_training_saw(ready):
    told = text()
    train_rows = pd.read_parquet("data/prepared/train.parquet")
    limits = {row[0]: row[1:] for row in rows(told, "Limits")}
    dates = train_rows["OrderDate"]
    assert limits["OrderDate"][0] == f"{dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}"
    assert limits["Quantity"][0] == "1 to 5"
    low, high = limits["UnitPrice"][0].split(" to ")
    assert float(low) == pytest.approx(train_rows["UnitPrice"].min(), rel=1e-3)
    assert float(high) == pytest.approx(train_rows["UnitPrice"].max(), rel=1e-3)
    # the small data hold two cities, the contract twenty
    (cities,) = re.findall(r"- `City` may be (.*) by the contract", told)
    assert "Chicago" in cities
    assert "Austin" not in cities


def test_a_refused_model_says_why(ready):
    refuse("xgboost")
    told = text()
    assert "Refused by its gate" in told
    (row,) = [row for row in rows(told, "Gate") if row[0] == "min_test_r2"]
    assert row[3].startswith("**no**: ")
    assert "**no**" not in Path("cards/linear_regression.md").read_text()


def test_your_own_files_and_a_split_by_time(ready):
    set_params({"ingest.source": "files", "prepare.split": "time"})
    told = text()
    assert "The CSV and Parquet files of data/incoming/." in told
    assert "split is by time" in told
    assert "with the same files in `data/incoming/`" in told


def test_a_feature_set_without_computed_features(ready):
    train(feature_set="order")
    described()
    told = text("linear_regression")
    assert "NetAmount" not in told
    assert "feature set `order`" in told


def test_the_same_card_twice_to_the_byte(ready):
    first = text()
    html = Path("cards/xgboost.html").read_bytes()
    assert text() == first
    assert Path("cards/xgboost.html").read_bytes() == html
    assert not re.search(r"\n{3}", first)
    assert first.endswith("\n")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prepare.split": "random"}, "random (`prepare.seed: 42`)"),
        ({"prepare.split": "hash"}, "by the hash of each row's key, which no other row changes ("),
        ({"prepare.group": "CustomerID"}, "; all rows of one CustomerID are in one part"),
    ],
)
def test_it_says_how_the_rows_were_divided(ready, changes, said):
    set_params(changes)
    assert said in text().partition("The split is ")[2].partition("\n")[0]


def test_every_table_of_the_markdown_is_one_in_the_page(ready):
    told = text()
    page = Path("cards/xgboost.html").read_text()
    assert page.count("<table>") == len(re.findall(r"^\| -", told, re.MULTILINE)) == 6
    assert page.count("<h2>") == told.count("\n## ")
    assert "<title>Model card: xgboost for TotalAmount</title>" in page
    assert not re.search(r"https?://|src=|href=", page)


@pytest.mark.parametrize("value", ["A|B", "<script>alert(1)</script>", "*a* `b` [c](d)", "a\\|b"])
def test_no_text_of_the_data_breaks_a_table_or_the_page(value):
    told = f"| slice | rows |\n| --- | --- |\n| {card.plain(value)} | 3 |\n"
    page = card.html(told)
    (cell,) = re.findall("<tr>\n<td>(.*)</td>\n<td>3</td>", page)
    assert "<" not in cell
    assert unescape(cell) == value


DECISION = {
    **{"reason": "xgboost is 10.00 % better", "data": "since the champion's data: a|b.csv is new"},
    **{"candidate_test_rmse": 9.0, "incumbent_test_rmse": 10.0, "improvement_pct": 10.0},
    **{"improvement_low": 1.25, "improvement_high": 18.5, "compared_rows": 20_000},
}


def test_a_decision_ends_the_card_and_takes_the_place_of_one_before():
    once = card.decided("# Card\n\nWhat it is.\n", DECISION)
    assert once == (
        "# Card\n\nWhat it is.\n\n## The decision\n\nxgboost is 10.00 % better.\n\n"
        "Data: since the champion's data: a\\|b.csv is new.\n\n"
        "| compared | value |\n| --- | ---: |\n"
        "| rows on which both were compared | 20,000 |\n"
        "| RMSE of this model | 9 |\n"
        "| RMSE of the champion then | 10 |\n"
        "| compared with it | 10.00 % better |\n"
        "| 95 times of a hundred | 1.25 to 18.50 % better |\n"
    )
    assert card.decided(once, DECISION) == once
    first = {**DECISION, "reason": "it is the first", "data": "", "improvement_pct": None}
    assert card.decided(once, first) == (
        "# Card\n\nWhat it is.\n\n## The decision\n\nit is the first.\n"
    )
