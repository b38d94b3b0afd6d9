"""Drafts of whole tables: what they say, that they load, and that they read what they came from."""

import csv
import datetime
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from sales import estimators, files, params
from sales.contract import Contract, mentions, quarantine
from sales.contract.quarantine import Raw
from sales.data import sources
from sales.data.incoming import IngestParams
from sales.data.split import PrepareParams
from sales.drafting import draft, groups, layout, page
from sales.errors import PipelineError
from sales.judging.gates import GateParams
from sales.judging.scores import EvaluateParams
from sales.models import feature_sets
from sales.models.feature_sets import FeaturizeParams
from sales.registry.tracking import RegisterParams
from tests.examples import ROOT

TODAY = datetime.date(2026, 1, 1)
BASE = files.read_yaml(ROOT / "params.yaml")
GROUPS = {
    **{"contract": Contract, "ingest": IngestParams, "prepare": PrepareParams},
    **{"featurize": FeaturizeParams, "evaluate": EvaluateParams, "gate": GateParams},
    "register": RegisterParams,
}
ROWS = 300


def houses(rows=ROWS, seed=1):
    """Return a table with something of everything: ids, dates, holes, twins and a giveaway."""
    rng = np.random.default_rng(seed)
    area = np.round(rng.uniform(40, 200, rows), 1)
    city = rng.choice(["Bonn", "Köln", "Aachen"], rows)
    price = np.round(3000 * area + rng.normal(0, 2e4, rows), 2)
    table = pd.DataFrame(
        {
            "house_id": [f"H{n:05d}" for n in rng.permutation(rows)],
            "sold on": (np.datetime64("2020-01-01") + np.arange(rows)).astype(str),
            "area": area,
            "city": city,
            "state": np.where(city == "Aachen", "W", "R"),
            "garage": rng.choice(["yes", "no", "?"], rows),
            "no": np.round(rng.uniform(1, 5, rows), 2),
            "currency": "EUR",
            "remarks": [f"house {n} " + "of many words " * 6 for n in range(rows)],
            "dear": np.where(price > np.median(price), "dear", "cheap"),
            "price": price,
        }
    )
    table.insert(6, "rooms", np.where(rng.random(rows) < 0.2, "", (area // 20).astype(int)))
    return table


def source(table, name="houses.csv"):
    if name.endswith(".csv"):
        table.to_csv(name, index=False)
    else:
        pa.parquet.write_table(pa.Table.from_pandas(table), name)
    return sources.find(name)[0]


def written(found, folder=Path()):
    """Return params.yaml with the draft, written to a file of its own, each group as it loads."""
    text = (ROOT / "params.yaml").read_text()
    groups = {n: layout.group(n, each.tree, each.comments) for n, each in found.groups.items()}
    path = folder / "drafted.yaml"
    path.write_text(layout.replaced(text, groups), encoding="utf-8")
    loaded = {name: params.read(name, group, path) for name, group in GROUPS.items()}
    for name in estimators.NAMES:
        params.read(f"train.{name}", estimators.module(name).Params, path)
    mentions.check(path)
    feature_sets.fields(loaded["featurize"], loaded["contract"])
    return loaded


def test_a_table_with_something_of_everything_is_drafted(project):
    found = draft.of(source(houses()), "price", BASE)
    columns = found.groups["contract"].tree["columns"]
    assert {name: column["role"] for name, column in columns.items()} == {
        **{"house_id": "id", "sold on": "date", "area": "numeric", "city": "categorical"},
        **{"state": "categorical", "garage": "boolean", "rooms": "numeric", "no": "numeric"},
        **{"currency": "ignored", "remarks": "ignored", "dear": "ignored", "price": "target"},
    }
    assert columns["state"]["follows"] == {"city": {"Aachen": "W", "Bonn": "R", "Köln": "R"}}
    assert columns["rooms"] == {"role": "numeric", "min": 0, "max": 20, "missing": "allowed"}
    loaded = written(found)
    assert loaded["contract"].called.row == "house"
    assert loaded["prepare"].split == "time"
    assert (loaded["prepare"].test_size, loaded["prepare"].valid_size) == (0.2, 0.1)
    assert loaded["prepare"].max_rejected_pct == 1.0
    assert loaded["featurize"].derived == {
        "sold on_month": "month(`sold on`)",
        "sold on_day": "day(`sold on`)",
        "sold on_day_of_week": "day_of_week(`sold on`)",
        "sold on_time": "year(`sold on`) + (day_of_year(`sold on`) - 1) / 366",
    }
    assert loaded["featurize"].columns()[:6] == (
        *("area", "city", "state", "garage", "rooms", "no"),
    )
    assert [*loaded["evaluate"].slices] == ["city", "state", "garage", "area"]
    assert loaded["evaluate"].behaviour == loaded["evaluate"].inclusion == {}
    assert loaded["register"].model_name == "houses_price_regressor"
    assert (found.confirmed.good, found.confirmed.set_aside) == (ROWS, 0)
    comments = found.groups["contract"].comments
    assert comments["columns", "dear"].startswith("ignored: gives price away")
    assert comments["columns", "currency"] == "ignored: always the same, EUR"
    assert comments["columns", "state"].endswith("; city decides it in every row")


def test_a_category_of_very_many_values_becomes_a_number_where_that_tells_more(project):
    rng = np.random.default_rng(3)
    street = rng.integers(0, 400, 2000)
    table = pd.DataFrame(
        {
            "street": [f"Street {n:03}" for n in street],
            "area": np.round(rng.uniform(40, 200, 2000), 1),
            "price": np.round(1e5 + rng.normal(0, 1e5, 400)[street] + rng.normal(0, 1e4, 2000), 2),
        }
    )
    found = draft.of(source(table), "price", BASE)
    loaded = written(found)
    assert loaded["featurize"].target_encoding.columns == ("street",)
    assert loaded["featurize"].target_encoding.above_levels is None
    why = found.groups["featurize"].comments["target_encoding", "columns"]
    assert why.startswith("street: ")
    train = found.groups["train"].tree
    ways = {name: each.get("categories") for name, each in train.items()}
    assert {name for name, way in ways.items() if way == "measured"} == {*groups.BY_SETS}
    plain = draft.of(source(houses()), "price", BASE)
    assert written(plain)["featurize"].target_encoding.columns == ()


def test_a_parquet_file_gives_the_same_draft(project):
    table = houses()
    one = draft.of(source(table), "price", BASE)
    table["rooms"] = pd.to_numeric(table["rooms"])
    table["sold on"] = pd.to_datetime(table["sold on"])
    other = draft.of(source(table, "houses.parquet"), "price", BASE)
    assert one.groups["contract"].tree == other.groups["contract"].tree
    assert one.groups["gate"].tree == other.groups["gate"].tree


def test_no_threshold_is_an_amount_of_the_orders(project):
    """A target a thousand times as large is judged as the other: all is in its own spread."""
    table = houses()
    small = draft.of(source(table), "price", BASE).groups
    table["price"] *= 1000
    large = draft.of(source(table), "price", BASE).groups
    assert small["gate"].tree == large["gate"].tree
    assert small["gate"].tree["max_test_rmse"] is None
    assert small["train"].tree == large["train"].tree
    assert small["train"].tree["xgboost"]["interactions"] == []


def test_rows_that_cannot_be_read_are_told_and_allowed_for(project):
    table = houses().astype({"area": object})
    table.loc[[7, 100, 200, 201, 202, 203], "area"] = ["x1", "2x", "3x", "4x", "5x", "6x"]
    table.loc[[1, 2, 3], "price"] = None
    found = draft.of(source(table), "price", BASE)
    assert (found.confirmed.set_aside, found.confirmed.without_target) == (6, 3)
    assert dict(found.confirmed.reasons) == {"area: not a number": 6}
    assert written(found)["prepare"].max_rejected_pct >= 100 * 6 / 297
    told = page.of(found, TODAY)
    assert "288" not in told
    assert f"{ROWS - 9} to learn from, 3 without price, 6 set aside" in told
    assert "area: not a number: 6 cells, their rows set aside; the first in row 8: 'x1'" in told


def test_rows_in_no_order_are_parted_by_their_keys(project):
    table = houses().sample(frac=1, random_state=1)
    assert draft.of(source(table), "price", BASE).groups["prepare"].tree["split"] == "hash"


def test_the_date_that_parts_rows_stands_first(project):
    table = houses()
    table.insert(0, "built", table["sold on"].sample(frac=1, random_state=1).to_numpy())
    found = draft.of(source(table), "price", BASE)
    contract = written(found)["contract"]
    assert contract.dates == ("sold on", "built")
    assert found.groups["prepare"].tree["split"] == "time"
    derived = found.groups["featurize"].tree["derived"]
    assert derived["days_from_sold on_to_built"] == "days_between(`sold on`, built)"


def test_rows_of_one_key_come_into_one_part(project):
    """Where rows are in no order of a date; the key is then no feature."""
    table = houses().drop(columns=["house_id", "sold on"])
    table.insert(0, "owner_id", np.arange(ROWS) // 3 + 7)
    found = draft.of(source(table), "price", BASE)
    loaded = written(found)
    assert loaded["prepare"].group == "owner_id"
    assert loaded["contract"].columns["owner_id"].role == "ignored"
    assert "owner_id" not in loaded["featurize"].columns()
    assert "owner_id: ignored: a key that several rows have" in page.of(found, TODAY)
    table["sold on"] = houses()["sold on"]
    by_time = draft.of(source(table), "price", BASE).groups["prepare"].tree
    assert (by_time["split"], by_time["group"]) == ("time", None)


def test_the_page_tells_what_is_odd(project):
    table = houses()
    table["area 2"] = table["area"]
    table["sold on"] = table["sold on"].str.replace("2020", "2030")
    table.loc[5] = table.loc[4]
    table.loc[7] = table.loc[6]
    table.loc[7, "price"] += 0.01
    told = page.of(draft.of(source(table), "price", BASE), TODAY)
    for line in (
        "rows: 1 are like an earlier one in every cell; kept, in train and test alike",
        "rows: 1 are like an earlier one but for price; kept, no model can tell them apart",
        "area 2: ignored: it says what area says",
        "currency: ignored: always the same, EUR",
        "dear: ignored: gives price away, each of its values is a range of the target",
        "sold on: runs past today, to 2030-",
        "cells say ?: taken for missing",
    ):
        assert line in told, line
    assert max(map(len, told.splitlines())) <= 165


def test_a_page_of_many_columns_is_short(project):
    table = houses()
    rng = np.random.default_rng(1)
    more = pd.DataFrame(rng.normal(size=(ROWS, 80)), columns=[f"x{n}" for n in range(80)])
    told = page.of(draft.of(source(pd.concat([table, more], axis=1)), "price", BASE), TODAY)
    assert "columns more, without doubts" in told
    assert len(told.splitlines()) < 80


def test_what_a_file_says_steers_no_terminal(project):
    table = houses().rename(columns={"city": "ci\x1b[2Kty"})
    table["no"] = ["\x1b]0;owned\x07"] * 10 + ["y"] * (ROWS - 10)
    told = page.of(draft.of(source(table), "price", BASE), TODAY)
    assert "\x1b" not in told
    assert "ci\\x1b[2Kty" in told


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("Price", "no column 'Price': is it 'price'?"),
        ("xyz", "no column 'xyz': numbers are area, "),
        ("", "no TARGET is named: numbers are area"),
        ("city", "the target 'city' holds text, such as .*, not numbers"),
    ],
)
def test_a_target_that_is_none_is_told(project, target, told):
    with pytest.raises(PipelineError, match=told):
        draft.of(source(houses()), target, BASE)


def test_too_little_is_told(project):
    with pytest.raises(PipelineError, match="20 rows to learn from are too few"):
        draft.of(source(houses(20)), "price", BASE)
    with pytest.raises(PipelineError, match=r"houses.csv: no column is left to learn price from"):
        draft.of(source(houses()[["house_id", "currency", "price"]]), "price", BASE)


NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.sampled_from(
        [
            *("no", "yes", "1e5", "2024-06-03", "class", "lambda", "year", "log", "Lot.Area", "~"),
            *(
                "a: b",
                "a #b",
                "{x}",
                "a`b",
                "size-m2",
                'say "hi"',
                "100%",
                "id",
                "__number",
                "x" * 150,
            ),
        ]
    ),
)
CELLS = st.sampled_from(
    [
        *("", "NA", "-", "1", "2.5", "-3", "007", "-999", "1e300", "9" * 30, "yes", "no", "x", "y"),
        *("2024-06-03", "3/6/2024", "$1,234.50", "1.234,50", "1:30", "12 %", "a" * 80, "\x1b[2K"),
        *("1e5", "null", "true", " ", "`x`", "__import__('os')", "{{7*7}}", "=1+1", "é\u2028"),
    ]
)


@st.composite
def tables(draw):
    """Return the rows of a CSV file, its header first; the last column holds numbers."""
    names = draw(st.lists(NAMES.filter(lambda n: n != "y"), min_size=2, max_size=6, unique=True))
    rows = draw(st.integers(70, 90))
    columns = [["y", *(f"{draw(st.integers(0, 3))}{n % 7}.5" for n in range(rows))]]
    for name in names:
        few = draw(st.lists(CELLS, min_size=1, max_size=4))
        order = draw(st.randoms(use_true_random=False))
        mixed = [order.choice(few) for _ in range(rows)]
        if draw(st.booleans()):
            mixed = [
                f"{n * 1.25}" if order.random() < 0.97 else order.choice(few) for n in range(rows)
            ]
        columns.append([name, *mixed])
    return [list(row) for row in zip(*columns[::-1], strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@settings(max_examples=40)
@given(tables())
def test_a_draft_loads_and_reads_every_row_or_tells_which_it_sets_aside(folder, rows):
    path = folder / "hostile.csv"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    try:
        found = draft.of(sources.find(str(path))[0], "y", BASE)
    except PipelineError as error:
        told = str(error)
        event(told[:40])
        assert any(reason in told for reason in REFUSALS), told
        return
    loaded = written(found, folder)
    confirmed = found.confirmed
    assert confirmed.rows == len(rows) - 1
    assert confirmed.good + confirmed.set_aside + confirmed.without_target + confirmed.blank == (
        len(rows) - 1
    )
    assert 100 * confirmed.set_aside <= loaded["prepare"].max_rejected_pct * confirmed.rows
    assert "\x1b" not in page.of(found, TODAY)
    whole = sources.find(str(path))[0].read()
    raw = Raw("hostile.csv", whole, np.arange(whole.num_rows))
    assert len(quarantine.check(loaded["contract"], [raw]).accepted) == confirmed.good


REFUSALS = ("too few", "no column is left", "stands there twice", "not text")
