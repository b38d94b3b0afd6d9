"""The view Score a file: every step from the upload to the priced file."""

import io
import tomllib

import httpx
import numpy as np
import pandas as pd
import pytest

from sales import params
from sales.contract import Contract
from tests.examples import ROOT, make_orders
from tests.ui.shown import button, everything, labels
from ui import upload_check

COLUMNS = ["OrderID", "TotalAmount"]


def as_csv(orders):
    return orders.to_csv(index=False, date_format="%Y-%m-%d").encode()


def as_parquet(orders):
    sink = io.BytesIO()
    orders.to_parquet(sink, index=False)
    return sink.getvalue()


def send(app, name, body):
    return app.file_uploader[0].set_value((name, body, "")).run()


def score(app):
    [label] = [label for label in labels(app) if label.startswith("Score ")]
    return button(app, label).click().run()


def test_at_first_there_is_a_template_and_the_list_of_columns(page, running):
    app = page("score_file", running)
    assert app.file_uploader
    listed = app.table[0].value
    assert list(listed["Column"])[:2] == ["Category", "Brand"]
    assert "Toys & Games" in listed.set_index("Column").loc["Category", "Values"]
    values = listed.set_index("Column")["Values"].str.replace("\\", "")
    assert values["UnitPrice"] == "from 0.01 to 10,000, in $"
    assert values["Discount"] == "from 0 to 1 (0.15 is 15 %)"
    assert values["OrderDate"] == "from 2020-01-01 to 2024-12-31"


@pytest.mark.parametrize("form", [as_csv, as_parquet])
def test_a_good_file_is_previewed_then_scored_and_held_against_its_true_amounts(
    page, running, orders, form
):
    app = page("score_file", running)
    send(app, f"orders.{form.__name__[3:]}", form(orders))
    assert "Every row is fine." in everything(app)
    assert len(app.dataframe[0].value) == 20
    score(app)
    assert "400 rows scored" in everything(app)
    metrics = {one.label: float(one.value.strip("$")) for one in app.metric}
    rows = app.dataframe[0].value
    off = rows["PredictedTotalAmount"] - pd.to_numeric(rows["TotalAmount"])
    assert metrics["Typical error"] == pytest.approx(float(np.sqrt((off**2).mean())), abs=1e-4)
    assert metrics["Average error"] == pytest.approx(float(off.abs().mean()), abs=1e-4)
    assert not app.exception


def test_every_bad_cell_is_named_before_anything_is_sent_and_the_rest_is_scored(
    page, running, orders
):
    bad = orders.astype({"UnitPrice": object, "OrderDate": object})
    bad.loc[2, "UnitPrice"] = -1
    bad.loc[2, "OrderDate"] = "soon"
    bad.loc[7, "UnitPrice"] = "free"
    app = page("score_file", running)
    send(app, "orders.csv", bad.to_csv(index=False).encode())
    assert "2 of 400 rows cannot be scored" in everything(app)
    named = app.dataframe[0].value
    assert sorted(named.itertuples(index=False, name=None)) == [
        (4, "OrderDate", "soon", "not a date"),
        (4, "UnitPrice", "-1", "below 0.01"),
        (9, "UnitPrice", "free", "not a number"),
    ]
    assert "Score 398 rows" in labels(app)
    score(app)
    rows = app.dataframe[0].value
    assert list(rows.index[rows["PredictedTotalAmount"].isna()]) == [4, 9]


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("orders.csv", b"", "empty"),
        ("orders.csv", b"\xff\xfe\x00", "UTF-8"),
        ("orders.parquet", b"PAR1 and no more", "Parquet"),
    ],
)
def test_a_broken_file_is_explained(page, running, name, body, told):
    app = page("score_file", running)
    send(app, name, body)
    assert told in app.error[0].value
    assert app.file_uploader


def test_a_missing_column_is_named_and_nothing_can_be_sent(page, running, orders):
    app = page("score_file", running)
    send(app, "orders.csv", as_csv(orders.drop(columns=["Tax", "City"])))
    assert "Tax" in app.error[0].value
    assert "City" in app.error[0].value
    assert [one for one in labels(app) if one.startswith("Score")] == []
    button(app, "Choose another file").click().run()
    assert app.file_uploader


def test_a_file_without_true_amounts_has_no_metrics(page, running, orders):
    app = page("score_file", running)
    send(app, "orders.csv", as_csv(orders.drop(columns=COLUMNS)))
    score(app)
    assert not app.metric
    assert "400 rows scored" in everything(app)


def test_what_training_never_saw_is_warned_of(page, running, orders):
    app = page("score_file", running)
    send(app, "orders.csv", as_csv(orders.assign(Brand="Nobody")))
    score(app)
    assert "Nobody" in app.warning[0].value


def test_another_file_begins_anew(page, running, orders):
    app = page("score_file", running)
    send(app, "orders.csv", as_csv(orders))
    score(app)
    button(app, "Choose another file").click().run()
    assert app.file_uploader
    assert "scoring" not in app.session_state
    assert "upload" not in app.session_state


def test_a_service_that_dies_on_the_way_can_be_gone_on_with(page, running, orders, monkeypatch):
    from ui import scoring
    from ui.client import DownError, Service

    monkeypatch.setattr(scoring, "PIECE", 100)
    ask, asked = Service.score, []

    def dies(self, rows, *named, **how):
        asked.append(rows.num_rows)
        if len(asked) == 3:
            raise DownError("The service does not answer.")
        return ask(self, rows, *named, **how)

    monkeypatch.setattr(Service, "score", dies)
    app = page("score_file", running)
    send(app, "orders.csv", as_csv(orders))
    score(app)
    assert "does not answer" in app.error[0].value
    button(app, "Go on").click().run()
    assert "400 rows scored" in everything(app)
    assert asked == [100] * 5


def test_rows_without_any_cell_are_left_out_and_others_keep_their_numbers(orders):
    text = orders[:3].astype({"Tax": str}).assign(Tax=["1", "x", "2"]).to_csv(index=False)
    first, *rest = text.splitlines()[1:]
    empty = "," * (orders.shape[1] - 1)
    body = "\n".join([text.splitlines()[0], first, empty, *rest, empty]).encode()
    contract = params.read("contract", Contract)
    fields = {name: contract.columns[name] for name in ("Tax", "Brand")}
    found = upload_check.check("a.csv", body, fields, {})
    assert (found.skipped, found.table.num_rows, found.good.tolist()) == (2, 3, [True, False, True])
    assert found.problems.to_dict("records") == [
        {"row": 4, "column": "Tax", "value": "x", "problem": "not a number"}
    ]


def test_nothing_is_drawn_that_no_view_meant_to_draw(page, running, orders):
    """Streamlit draws what a bare expression returns, unless it is told not to."""
    app = page("score_file", running)
    send(app, "orders.csv", as_csv(orders))
    score(app)
    assert "None" not in everything(app)
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["magicEnabled"] is False


def test_rows_have_the_numbers_of_a_spreadsheet(page, running, orders):
    lines = as_csv(orders.astype({"UnitPrice": object})).splitlines()
    lines[3:3] = [b""]
    lines[6] = lines[6].replace(b",", b",x", 1)  # an order date
    app = page("score_file", running)
    send(app, "orders.csv", b"\n".join(lines))
    assert list(app.dataframe[0].value["Row"]) == [7]
    assert list(app.dataframe[-1].value.index[:5]) == [2, 3, 5, 6, 7]
    score(app)
    assert list(app.dataframe[0].value.index[:5]) == [2, 3, 5, 6, 7]


def test_a_switch_after_the_scoring_says_whose_answers_these_are(page, running, orders):
    app = page("score_file", running)
    send(app, "orders.csv", as_csv(orders))
    score(app)
    assert not app.info
    httpx.post(f"{running}/models/load?alias=challenger").raise_for_status()
    try:
        app.run()
        assert "The challenger answers now" in everything(app)
        assert "answers of the champion, version" in app.info[0].value
    finally:
        httpx.post(f"{running}/models/load?alias=champion").raise_for_status()


def test_a_workbook_of_two_sheets_is_asked_which_one(page, running):
    orders = make_orders(5)
    sink = io.BytesIO()
    with pd.ExcelWriter(sink, engine="openpyxl") as book:
        pd.DataFrame({"note": ["nothing to score"]}).to_excel(book, sheet_name="Notes", index=False)
        orders.to_excel(book, sheet_name="Orders", index=False)
    app = page("score_file", running)
    app = app.file_uploader[0].set_value(("book.xlsx", sink.getvalue(), "")).run()
    assert app.selectbox[0].options == ["Notes", "Orders"]
    assert "upload" not in app.session_state
    app = app.selectbox[0].set_value("Orders").run()
    assert app.session_state["upload"].table.num_rows == 5
    assert app.session_state["upload"].good.all()
    assert app.session_state["upload"].scored_name == "scored_book.csv"


def test_the_page_says_how_a_file_was_read(page, running):
    body = make_orders(5).to_csv(index=False, sep=";", decimal=",").encode()
    app = page("score_file", running)
    app = app.file_uploader[0].set_value(("a.csv", body, "text/csv")).run()
    told = "The file was read as CSV separated by semicolons, with decimal commas"
    assert told in [caption.value for caption in app.caption]
    assert app.session_state["upload"].good.all()
