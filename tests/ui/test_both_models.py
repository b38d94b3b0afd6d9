"""A file by both models: what is said of the difference, and the file that holds both answers."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.examples import make_orders
from tests.ui.shown import button, everything, labels
from ui import both_models
from ui.client import Service

NAN = float("nan")
NAMES = ("champion", "challenger")


def test_a_difference_is_told_by_its_usual_and_its_largest_size_and_by_its_sign():
    one, other = np.array([10.0, 20, 30, NAN]), np.array([10.001, 21, 27, 5])
    assert both_models.said(NAMES, one, other, "$") == (
        "The challenger differs from the champion by $1.00 or less on half of the rows, and by "
        "$3.00 at most. It says more on 1 of 3 rows, less on 1."
    )


def test_what_is_written_the_same_is_the_same_whatever_the_unit():
    one = np.array([0.051, 0.052])
    assert "the same" in both_models.said(NAMES, one, one + 1e-6, None)
    assert "more on 2 of 2 rows" in both_models.said(NAMES, one, one + 1e-3, None)
    assert "the same" in both_models.said(NAMES, one, one + 1e-3, "$")
    assert "the same" in both_models.said(NAMES, np.array([NAN]), np.array([1.0]), None)


def test_both_are_held_against_the_truths_that_are_there():
    one, other = np.array([10.0, 20, 30, 40]), np.array([11.0, 20, 33, 41])
    true = np.array([11.0, 20, 30, NAN])
    found = both_models.compared(one, other, true, "$").to_numpy().tolist()
    assert found == [
        ["Average prediction", "$25.00", "$26.25", "+$1.25"],
        ["Typical error", "$0.5774", "$1.73", "+$1.15"],
        ["Average error", "$0.3333", "$1.00", "+$0.6667"],
        ["Nearer to the truth", "33.3 % of rows", "33.3 % of rows", ""],
    ]
    assert len(both_models.compared(one, other, None, "$")) == 1
    assert both_models.compared(one[:0], other[:0], None, "$").shape == (0, 4)


def run(alias, predicted, kind="csv"):
    """Return what stands for a finished scoring of two rows by a model."""
    table = pa.table({"n": ["1", "2"]})
    values = {"PredictedPrice": predicted, "PredictedPriceLow": [0.0, 0.0]}
    added = pa.table({"RequestId": ["a-0", "a-1"], **values})
    whole = pa.table({**{"n": table["n"]}, **{n: added[n] for n in added.column_names}})
    upload = SimpleNamespace(kind=kind)
    return SimpleNamespace(alias=alias, upload=upload, added=lambda: added, table=lambda: whole)


@pytest.mark.parametrize(("kind", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_the_file_holds_both_answers_and_the_difference(kind, read):
    first, second = run("champion", [5.0, None], kind), run("challenger", [4.5, 2.0], kind)
    found = read(io.BytesIO(both_models.file(first, second, "Price")))
    assert list(found) == [
        *("n", "RequestId", "PredictedPrice", "PredictedPriceLow"),
        *("PredictedPriceChallenger", "PredictedPriceLowChallenger", "PredictedPriceDifference"),
    ]
    assert found["PredictedPriceChallenger"].tolist() == [4.5, 2.0]
    assert found["PredictedPriceDifference"].tolist()[0] == -0.5
    assert found["PredictedPriceDifference"].isna().tolist() == [False, True]


def scored(app, orders):
    app.file_uploader[0].set_value(("orders.csv", orders.to_csv(index=False).encode(), "")).run()
    [label] = [label for label in labels(app) if label.startswith("Score ")]
    return button(app, label).click().run()


def tables(app):
    return {tuple(one.value.columns): one.value for one in app.table}


def test_the_page_sets_both_models_side_by_side_on_the_persons_own_file(page, running, monkeypatch):
    ask, asked = Service.score, []

    def heard(self, rows, alias="", *, keep=True):
        asked.append((alias, keep))
        return ask(self, rows, alias, keep=keep)

    monkeypatch.setattr(Service, "score", heard)
    app = scored(page("score_file", running), make_orders(60))
    assert "Score it with the fallback too" in labels(app)
    button(app, "Score it with the challenger too").click().run()
    assert asked == [("", True), ("challenger", False)]
    assert "The challenger differs from the champion by" in everything(app)
    found = tables(app)
    errors = found["On these rows", "Champion", "Challenger", "Difference"].set_index(
        "On these rows"
    )
    assert list(errors.index) == [
        *("Average prediction", "Typical error", "Average error", "Nearer to the truth"),
    ]
    assert len(found["Row", "True", "Champion", "Challenger", "Difference"]) == 10
    button(app, "End the comparison").click().run()
    assert "Score it with the challenger too" in labels(app)
    assert not app.exception


def test_a_comparison_that_fails_goes_on_when_asked(page, running, monkeypatch):
    from ui.client import ServiceError

    ask, failures = Service.score, iter([None, ServiceError("busy")])

    def sometimes(self, rows, alias="", *, keep=True):
        if failure := next(failures, None):
            raise failure
        return ask(self, rows, alias, keep=keep)

    monkeypatch.setattr(Service, "score", sometimes)
    app = scored(page("score_file", running), make_orders(5).drop(columns="TotalAmount"))
    button(app, "Score it with the challenger too").click().run()
    assert "busy" in app.error[0].value
    button(app, "Go on comparing").click().run()
    assert "The challenger" in everything(app)
    assert ("Row", "Champion", "Challenger", "Difference") in tables(app)
