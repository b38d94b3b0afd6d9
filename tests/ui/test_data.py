"""The view Data: distributions, the quarantine by reason, what matters most."""

import json

import httpx
import pyarrow as pa

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
    assert "The champion answers now" in everything(app)
    assert not app.exception


def test_what_is_folded_is_named_and_drawn_for_whoever_opens_it(page, running):
    told = httpx.get(f"{running}/data").json()
    app = page("data", running, unfolded=False)
    assert len(app.get("vega_lite_chart")) == len(told["numeric"])
    categories, most = [one.label for one in app.expander]
    assert categories == f"Categories: {len(told['categorical'])}"
    assert most.startswith("What matters most: Net amount, ")
    assert most.count(",") == 2
    assert "Distribution of Brand" not in charted(app)
    assert "Distribution of Brand" in charted(page("data", running))


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


def charted(app):
    """Return each chart's description by the text that stands for it."""
    return {one.proto.alt: json.loads(one.proto.spec) for one in app.get("vega_lite_chart")}


def test_every_amount_has_its_unit_and_whole_numbers_have_whole_marks(page, running):
    found = charted(page("data", running))
    titles = {alt.removeprefix("Distribution of ") for alt in found}
    assert {"Unit price ($)", "Tax ($)", "Total amount ($)", "Discount (%)", "Quantity"} <= titles
    drawn = {alt.removeprefix("Distribution of "): spec.get("title") for alt, spec in found.items()}
    assert drawn["Unit price ($)"]["text"] == "Unit price ($)"
    quantity = found["Distribution of Quantity"]["encoding"]["x"]
    assert quantity["axis"]["values"] == [1, 2, 3, 4, 5]
    assert found["Distribution of Discount (%)"]["encoding"]["x"]["axis"]["format"].endswith("%")
    assert found["What matters most, column by column"]["encoding"]["x"]["axis"]["values"][0] == 0


def test_what_matters_is_named_in_words(page, running):
    app = page("data", running)
    [chart] = [one for one in app.get("vega_lite_chart") if "What matters" in one.proto.alt]
    rows = chart.proto.datasets[0].data.data if chart.proto.datasets else chart.proto.data.data
    names = set(pa.ipc.open_stream(rows).read_all()["feature"].to_pylist())
    assert {"Net amount", "Unit price"} <= names


def test_a_service_that_tells_units_is_believed(page, running, monkeypatch):
    """Of columns that the answering model does not ask for, only the data's picture can tell."""
    ask, fields = Service.data, Service.schema

    def without_tax(self):
        schema = fields(self)
        asked = {name: field for name, field in schema["fields"].items() if name != "Tax"}
        return {**schema, "fields": asked}

    monkeypatch.setattr(Service, "schema", without_tax)
    assert "Distribution of Tax" in charted(page("data", running))
    monkeypatch.setattr(Service, "data", lambda self: {**ask(self), "units": {"Tax": "$"}})
    assert "Distribution of Tax ($)" in charted(page("data", running))
