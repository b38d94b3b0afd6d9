"""Specifications of charts are what Altair makes, made once for whoever looks at the same data."""

import altair as alt
import pandas as pd
import pytest

from ui import charts, specs

BINS = pd.DataFrame({"bin_start": [0.0, 1.0], "bin_end": [1.0, 2.0], "rows": [3, 5]})
COUNTS = pd.DataFrame({"value": ["a", "b"], "rows": [3, 2]})
DRAWN = [
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
    assert "config" not in found
    for spec in (expected, found):
        [rows] = spec.pop("datasets").values()
        spec["rows"] = rows
        del spec["data"]
    del expected["config"]
    assert found == expected


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
