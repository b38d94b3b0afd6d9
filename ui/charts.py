"""The page's charts; colours come from the theme, so that they suit light and dark."""

import altair as alt
import numpy as np
import pandas as pd

from ui.amounts import axis_format, tip_format
from ui.waterfall import LOWERS, RAISES

HEIGHT = 260
NUMBER = ",.4~r"  # thousands with commas, four digits, never an exponent
GREY = "#8a9a97"  # what is only for orientation, readable on both backgrounds


def line(
    table: pd.DataFrame, titles: tuple[str, str], at: float, unit: str | None, *, whole: bool
) -> alt.LayerChart:
    """Return y over x, from columns of that name, titled so, with a mark at `at`.

    x takes whole numbers only, or any.
    """
    x, y = titles
    base = alt.Chart(table).encode(
        alt.X(
            "x:Q",
            title=x,
            axis=alt.Axis(tickMinStep=1 if whole else alt.Undefined, format=NUMBER),
            scale=alt.Scale(nice=False, zero=False),
        ),
        alt.Y(
            "y:Q",
            title=y,
            axis=alt.Axis(format=axis_format(unit)),
            scale=alt.Scale(zero=False),
        ),
        tooltip=[
            alt.Tooltip("x", title=x, format=NUMBER),
            alt.Tooltip("y", title=y, format=tip_format(unit)),
        ],
    )
    here = alt.Chart(pd.DataFrame({"x": [at]})).mark_rule(strokeDash=[4, 4], color=GREY)
    line = base.mark_line(point=len(table) < 15) + here.encode(alt.X("x:Q"))
    return line.properties(height=HEIGHT)


def histogram(bins: pd.DataFrame, title: str, height: int = HEIGHT) -> alt.Chart:
    """Return bars from a table of bin_start, bin_end and rows."""
    return (
        alt.Chart(bins)
        .mark_bar()
        .encode(
            alt.X("bin_start:Q", bin="binned", title=title, axis=alt.Axis(format=NUMBER)),
            alt.X2("bin_end"),
            alt.Y("rows:Q", title="Rows", axis=alt.Axis(format=",~d")),
            tooltip=[
                alt.Tooltip("bin_start", format=",.4g"),
                alt.Tooltip("bin_end", format=",.4g"),
                alt.Tooltip("rows", format=",d"),
            ],
        )
        .properties(height=height)
    )


def binned(values: np.ndarray, bins: int = 40) -> pd.DataFrame:
    """Return bin_start, bin_end, rows of some values; no row of none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return pd.DataFrame({"bin_start": [], "bin_end": [], "rows": []})
    rows, edges = np.histogram(finite, bins)
    return pd.DataFrame({"bin_start": edges[:-1], "bin_end": edges[1:], "rows": rows})


def bars(table: pd.DataFrame, length: str, name: str, titles: tuple[str, str]) -> alt.Chart:
    """Return horizontal bars in the table's order, with `titles` of length and name."""
    return (
        alt.Chart(table)
        .mark_bar()
        .encode(
            alt.X(length, type="quantitative", title=titles[0], axis=alt.Axis(format=NUMBER)),
            alt.Y(
                name,
                type="nominal",
                title=None,
                sort=None,
                axis=alt.Axis(labelLimit=200, labelOverlap=False),
            ),
            tooltip=[alt.Tooltip(name, title=titles[1]), alt.Tooltip(length, format=",.6g")],
        )
        .properties(height=alt.Step(18))
    )


def predicted_true(table: pd.DataFrame, unit: str | None) -> alt.LayerChart:
    """Return a point an order, from columns true and predicted, on the line where they agree."""
    ends = [float(np.nanmin(table.to_numpy())), float(np.nanmax(table.to_numpy()))]
    diagonal = alt.Chart(pd.DataFrame({"true": ends, "predicted": ends})).mark_line(color=GREY)
    axis = alt.Axis(format=axis_format(unit))
    points = (
        alt.Chart(table)
        .mark_circle(size=14, opacity=0.5)
        .encode(
            alt.X("true:Q", title="True", axis=axis),
            alt.Y("predicted:Q", title="Predicted", axis=axis),
            tooltip=[
                alt.Tooltip("true", format=tip_format(unit)),
                alt.Tooltip("predicted", format=tip_format(unit)),
            ],
        )
    )
    return (diagonal.encode(alt.X("true:Q"), alt.Y("predicted:Q")) + points).properties(
        height=HEIGHT
    )


def residuals(table: pd.DataFrame, unit: str | None) -> alt.Chart:
    """Return a point an order, from columns predicted and residual."""
    return (
        alt.Chart(table)
        .mark_circle(size=14, opacity=0.5)
        .encode(
            alt.X("predicted:Q", title="Predicted", axis=alt.Axis(format=axis_format(unit))),
            alt.Y("residual:Q", title="Predicted − true", axis=alt.Axis(format=NUMBER)),
            tooltip=[
                alt.Tooltip("predicted", format=tip_format(unit)),
                alt.Tooltip("residual", format=",.4g"),
            ],
        )
        .properties(height=HEIGHT)
    )


def waterfall(steps: pd.DataFrame, unit: str | None) -> alt.LayerChart:
    """Return a bar a step of `waterfall.steps`, each from where the one above it ended."""
    ends = steps[["start", "end"]].to_numpy()
    low, high = float(min(ends.min(), 0)), float(max(ends.max(), 0))
    room = 0.3 * (high - low or 1)  # for the text beside the longest bar
    label = alt.Y(
        "label:N", title=None, sort=steps["label"].tolist(), axis=alt.Axis(labelLimit=170)
    )
    base = alt.Chart(steps.assign(right=ends.max(axis=1))).encode(label)
    bars = base.encode(
        alt.X(
            "start:Q",
            title=None,
            axis=alt.Axis(format=axis_format(unit), tickCount=4),
            scale=alt.Scale(domain=[low, high + room], nice=False),
        ),
        alt.X2("end"),
        tooltip=[alt.Tooltip("label", title="Step"), alt.Tooltip("shown", title="Amount")],
    )
    moved = alt.Color(
        "change:N",
        title=None,
        scale=alt.Scale(domain=[RAISES, LOWERS]),
        legend=alt.Legend(orient="top"),
    )
    totals = bars.transform_filter("datum.change == ''").mark_bar(color=GREY)
    moves = bars.transform_filter("datum.change != ''").mark_bar().encode(moved)
    text = base.mark_text(align="left", dx=4, color=GREY).encode(alt.X("right:Q"), text="shown:N")
    return (totals + moves + text).properties(height=alt.Step(22))
