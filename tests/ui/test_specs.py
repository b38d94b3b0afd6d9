"""Specifications of charts are what Altair makes, made once for whoever looks at the same data."""

import altair as alt
import pandas as pd
import pytest

from ui import charts, specs, time_charts
from ui.watched import MEASURED

BINS = pd.DataFrame({"bin_start": [0.0, 1.0], "bin_end": [1.0, 2.0], "rows": [3, 5]})
COUNTS = pd.DataFrame({"value": ["a", "b"], "rows": [3, 2]})
ENDS = pd.Timestamp("2026-11-01", tz="UTC"), pd.Timestamp("2026-11-03", tz="UTC")
TRAFFIC = pd.DataFrame(
    {"start": ENDS[0], "end": ENDS[1], "per_hour": [2.5], "rows": [120.0], "open": [False]}
)
CHANGES = pd.DataFrame({"at": [ENDS[0]], "said": ["Champion: version 2"]})
COVERED = pd.DataFrame(
    {"at": ENDS, "low": [80.0, 81], "value": [90.0, 91], "high": [95.0, 96], "which": MEASURED}
)
DRAWN = [
    (time_charts.traffic, TRAFFIC, ("orders", ENDS, CHANGES), {}),
    (time_charts.band, COVERED, ("%", ENDS, CHANGES), {"form": "~f", "promised": 90, "tip": "~f"}),
    (charts.histogram, BINS, ("Tax ($)", 200), {"share": True}),
    (charts.bars, COUNTS, ("rows", "value", ("Rows", "Brand")), {"whole": True}),
]


@pytest.fixture(autouse=True)
def forgotten():
    specs.of.clear()


@pytest.mark.parametrize(("draw", "table", "told", "by_name"), DRAWN)
def test_it_is_altairs_own_but_for_its_theme(draw, table, told, by_name):
    expected = draw(table, *told, **by_name).to_dict()
    found = specs.of(draw, table, *told, **by_name)
    assert {**found, "config": expected["config"]} == expected
    assert found["datasets"]


@pytest.mark.parametrize(("draw", "table", "told", "by_name"), DRAWN)
def test_no_setting_of_altairs_changes_it(draw, table, told, by_name):
    expected = specs.of(draw, table, *told, **by_name)
    specs.of.clear()
    alt.data_transformers.register("nothing", lambda *_, **__: {"name": "elsewhere"})
    with alt.data_transformers.enable("nothing"), alt.theme.enable("dark"):
        assert specs.of(draw, table, *told, **by_name) == expected


def test_it_is_made_once_for_the_same_data_and_again_for_other():
    made = []

    def draw(table, title):
        made.append(title)
        return charts.histogram(table, title)

    first = specs.of(draw, BINS, "Tax")
    first["title"] = "changed by who got it"
    again = specs.of(draw, BINS.copy(), "Tax")
    assert made == ["Tax"]
    assert "title" not in again
    specs.of(draw, BINS.assign(rows=[3, 6]), "Tax")
    specs.of(draw, BINS, "Total")
    assert made == ["Tax", "Tax", "Total"]
    assert specs.of(charts.histogram, BINS, "Tax")["mark"]["type"] == "bar"
