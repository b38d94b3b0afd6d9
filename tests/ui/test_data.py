"""The view Data: distributions, the quarantine by reason, what matters most."""

import httpx

from tests.ui.shown import everything
from ui.client import Service


def test_rows_and_a_chart_for_every_column_stand_there(page, running):
    app = page("data", running)
    told = httpx.get(f"{running}/data").json()
    shown = {one.label: one.value for one in app.metric}
    assert shown["Rows read"] == f"{told['rows_in']:,}"
    assert shown["Judged by"] == f"{told['test_rows']:,}"
    charts = app.get("arrow_vega_lite_chart") or app.get("vega_lite_chart")
    assert len(charts) == len(told["numeric"]) + len(told["categorical"]) + 1
    assert "Unit price" in everything(app)
    assert not app.exception


def with_quarantine(monkeypatch, by_reason):
    ask = Service.data
    monkeypatch.setattr(
        Service, "data", lambda self: {**ask(self), "quarantined_by_reason": by_reason}
    )


def test_an_empty_quarantine_says_so(page, running, monkeypatch):
    with_quarantine(monkeypatch, {})
    app = page("data", running)
    assert "No row was set aside" in everything(app)
    assert not app.dataframe


def test_the_quarantine_is_counted_by_reason_the_most_frequent_first(page, running, monkeypatch):
    with_quarantine(monkeypatch, {"Tax: missing": 2, "UnitPrice: below 0.01": 5})
    app = page("data", running)
    assert list(app.dataframe[0].value.itertuples(index=False, name=None)) == [
        ("UnitPrice: below 0.01", 5),
        ("Tax: missing", 2),
    ]
