"""What the charts draw: marks from end to end, names beside their bars, bars of a visible width."""

import numpy as np
import pandas as pd
import pytest

from ui import charts


def axis(chart, channel):
    return chart.to_dict()["encoding"][channel]


def bins(low, high, values, count=30):
    rows, edges = np.histogram(values, np.linspace(low, high, count + 1))
    return pd.DataFrame({"bin_start": edges[:-1], "bin_end": edges[1:], "rows": rows})


def drawn_rows(chart):
    [rows] = chart.to_dict()["datasets"].values()
    return rows


def test_a_bars_name_stands_beside_it():
    table = pd.DataFrame({"value": ["a", "b"], "rows": [3, 2]})
    told = axis(charts.bars(table, "rows", "value", ("Rows", "Value")), "y")["axis"]
    assert told["labelFlush"] is False  # flush moves the first name below its bar
    assert told["labelBaseline"] == "middle"


def test_bars_begin_at_zero_and_what_is_below_is_drawn_as_nothing():
    table = pd.DataFrame({"feature": ["a", "b"], "importance": [996.9, -0.5]})
    chart = charts.bars(table, "importance", "feature", ("Added", "Column"))
    assert axis(chart, "x")["axis"]["values"] == [0, 500, 1000]
    assert axis(chart, "x")["scale"]["domain"] == [0, 1000]
    assert [row["drawn"] for row in drawn_rows(chart)] == [996.9, 0]
    assert drawn_rows(chart)[1]["importance"] == -0.5  # the tooltip tells it


def test_whole_numbers_have_a_bar_each_and_no_mark_between_them():
    chart = charts.histogram(bins(1, 5, [1, 1, 2, 5, 5, 5]), "Quantity", whole=True)
    assert axis(chart, "x")["axis"]["values"] == [1, 2, 3, 4, 5]
    told = {(row["bin_start"], row["bin_end"]): row["rows"] for row in drawn_rows(chart)}
    full = {place: rows for place, rows in told.items() if rows}
    assert full == {(0.6, 1.4): 2, (1.6, 2.4): 1, (4.6, 5.4): 3}


@pytest.mark.parametrize(("low", "high"), [(1, 5), (0, 29), (3, 4), (-7, 7)])
def test_no_whole_number_gets_lost_between_bins(low, high):
    values = np.arange(low, high + 1)
    found = charts.per_number(bins(low, high, values))
    full = found[found["rows"] > 0]
    assert ((full["bin_start"] + full["bin_end"]) / 2).round(9).tolist() == values.tolist()
    assert full["rows"].tolist() == [1] * len(values)


def test_an_axis_has_a_mark_at_each_end():
    chart = charts.histogram(bins(5.2, 599, [10, 300]), "Unit price ($)")
    for channel in ("x", "y"):
        told = axis(chart, channel)
        marks, domain = told["axis"]["values"], told["scale"]["domain"]
        assert [marks[0], marks[-1]] == domain
        assert told["axis"]["labelOverlap"] is False


def test_a_share_is_written_in_percent():
    chart = charts.histogram(bins(0, 0.3, [0, 0.1]), "Discount (%)", share=True)
    assert axis(chart, "x")["axis"]["format"].endswith("%")
    table = pd.DataFrame({"x": [0.0, 0.3], "y": [1.0, 2.0]})
    drawn = charts.line(table, ("Discount", "Price"), 0.1, "$", whole=False, share=True).to_dict()
    assert drawn["layer"][0]["encoding"]["x"]["axis"]["format"].endswith("%")


def test_a_line_over_whole_numbers_has_whole_marks():
    table = pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})
    drawn = charts.line(table, ("Quantity", "Price"), 1, "$", whole=True).to_dict()
    assert drawn["layer"][0]["encoding"]["x"]["axis"]["values"] == [1, 2]


def test_nothing_to_draw_is_no_error():
    empty = charts.binned(np.array([np.nan]))
    assert charts.histogram(empty, "Price").to_dict()
