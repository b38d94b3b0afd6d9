"""Charts of some models or answers on the same axes."""

import numpy as np
import pandas as pd

from ui import comparison_charts


def spec(chart):
    return chart.to_dict()


def test_bars_stand_beside_one_another_in_the_tables_order():
    table = pd.DataFrame({"label": ["b", "a"], "one": [1.0, -2.0], "two": [3.0, 0.5]})
    drawn = spec(comparison_charts.paired(table, {"one": "Kept", "two": "Now"}, "Added", "$"))
    assert drawn["encoding"]["y"]["sort"] == ["b", "a"]
    assert drawn["encoding"]["color"]["scale"]["domain"] == ["Kept", "Now"]
    low, high = drawn["encoding"]["x"]["scale"]["domain"]
    assert low <= -2
    assert high >= 3


def test_the_share_of_rows_within_an_error_grows_to_nearly_all():
    tables = {
        "Champion": pd.DataFrame({"residual": np.linspace(-1, 1, 101)}),
        "Challenger": pd.DataFrame({"residual": np.linspace(-2, 2, 101)}),
    }
    drawn = spec(comparison_charts.within(tables, None))
    [rows] = drawn["datasets"].values()
    table = pd.DataFrame(rows)
    assert set(table["which"]) == {"Champion", "Challenger"}
    for _, curve in table.groupby("which"):
        assert (np.diff(curve["share"]) >= 0).all()
        assert curve["share"].iloc[-1] >= 0.99
    at_one = table[np.isclose(table["off"], 1)].set_index("which")["share"]
    assert at_one["Champion"] == 1
    assert abs(at_one["Challenger"] - 0.5) < 0.02


def test_a_perfect_model_is_drawn_all_the_same():
    drawn = spec(comparison_charts.within({"A": pd.DataFrame({"residual": [0.0, 0.0]})}, "$"))
    assert drawn["encoding"]["x"]["scale"]["domain"][1] > 0
