"""The page's charts; colours come from the theme, so that they suit light and dark."""

import altair as alt
import numpy as np
import pandas as pd

from ui.amounts import axis_format, tip_format
from ui.axes import GREY, HEIGHT, LABELS, NUMBER, PERCENT, axis, ends
from ui.ticks import ticks
from ui.waterfall import LOWERS, RAISES

FEW = 30  # whole numbers that have a bar each


def line(
    table: pd.DataFrame,
    titles: tuple[str, str],
    at: float,
    unit: str | None,
    *,
    whole: bool,
    share: bool = False,
) -> alt.LayerChart:
    """Return y over x, from columns of that name, titled so, with a mark at `at`.

    x takes whole numbers only, or any; a `share` is written in percent.
    """
    x, y = titles
    form = PERCENT if share else NUMBER
    low, high = ends(table["x"])
    marks = [mark for mark in ticks(low, high, whole=whole) if low <= mark <= high]
    base = alt.Chart(table).encode(
        alt.X("x:Q", title=x, **axis(marks, form, (low, high))),
        alt.Y("y:Q", title=y, **axis(ticks(*ends(table["y"])), axis_format(unit))),
        tooltip=[
            alt.Tooltip("x", title=x, format=form),
            alt.Tooltip("y", title=y, format=tip_format(unit)),
        ],
    )
    here = alt.Chart(pd.DataFrame({"x": [at]})).mark_rule(strokeDash=[4, 4], color=GREY)
    line = base.mark_line(point=len(table) < 15) + here.encode(alt.X("x:Q"))
    return line.properties(height=HEIGHT)


def histogram(
    bins: pd.DataFrame,
    title: str | None,
    height: int = HEIGHT,
    *,
    whole: bool = False,
    share: bool = False,
) -> alt.Chart:
    """Return bars from a table of bin_start, bin_end and rows.

    Few whole numbers have a bar each; a `share` is written in percent. `title` is that of the
    axis.
    """
    low, high = ends(bins["bin_start"], bins["bin_end"])
    form = PERCENT if share else NUMBER
    marks = ticks(low, high, 4, whole=whole)
    domain = marks[0], marks[-1]
    if whole and high - low < FEW:
        bins = per_number(bins)
        domain = low - 0.5, high + 0.5
        marks = [mark for mark in marks if low <= mark <= high]
    most = float(bins["rows"].max()) if len(bins) else 1.0
    return (
        alt.Chart(bins)
        .mark_bar(binSpacing=1)
        .encode(
            alt.X("bin_start:Q", bin="binned", title=title, **axis(marks, form, domain)),
            alt.X2("bin_end"),
            alt.Y("rows:Q", title="Rows", **axis(ticks(0, most, 4, whole=True), ",~d")),
            tooltip=[
                alt.Tooltip("bin_start:Q", title="From", format=form),
                alt.Tooltip("bin_end:Q", title="To", format=form),
                alt.Tooltip("rows:Q", title="Rows", format=",d"),
            ],
        )
        .properties(height=height)
    )


def per_number(bins: pd.DataFrame) -> pd.DataFrame:
    """Return the bins of whole numbers again, a bar around each number instead."""
    starts, rows = bins["bin_start"].to_numpy(float), bins["rows"].to_numpy()
    numbers = np.ceil(starts - 1e-9)  # a bin holds what lies from its start on
    found = pd.Series(rows).groupby(numbers).sum()
    at = found.index.to_numpy(float)
    return pd.DataFrame({"bin_start": at - 0.4, "bin_end": at + 0.4, "rows": found.to_numpy()})


def binned(values: np.ndarray, bins: int = 40) -> pd.DataFrame:
    """Return bin_start, bin_end, rows of some values; no row of none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return pd.DataFrame({"bin_start": [], "bin_end": [], "rows": []})
    rows, edges = np.histogram(finite, bins)
    return pd.DataFrame({"bin_start": edges[:-1], "bin_end": edges[1:], "rows": rows})


def bars(
    table: pd.DataFrame,
    length: str,
    name: str,
    titles: tuple[str, str],
    *,
    form: str = NUMBER,
    whole: bool = False,
) -> alt.Chart:
    """Return horizontal bars in the table's order, with `titles` of length and name.

    They begin at zero. One below it is drawn as nothing and told in the tooltip: an importance
    below zero is chance.
    """
    most = max(0.0, ends(table[length])[1])
    drawn = table.assign(drawn=table[length].clip(lower=0))
    marks = ticks(0, most or 1, 3, whole=whole)
    return (
        alt.Chart(drawn)
        .mark_bar()
        .encode(
            alt.X("drawn", type="quantitative", title=titles[0], **axis(marks, form)),
            alt.Y(
                name,
                type="nominal",
                title=None,
                sort=None,
                axis=alt.Axis(
                    labelLimit=200,
                    labelFlush=False,
                    labelBaseline="middle",
                    labelPadding=6,
                    **LABELS,
                ),
            ),
            tooltip=[
                alt.Tooltip(name, type="nominal", title=titles[1]),
                alt.Tooltip(length, type="quantitative", title=titles[0], format=",.4~g"),
            ],
        )
        .properties(height=alt.Step(18))
    )


def predicted_true(table: pd.DataFrame, unit: str | None) -> alt.LayerChart:
    """Return a point an order, from columns true and predicted, on the line where they agree."""
    marks = ticks(*ends(table["true"], table["predicted"]), 4)
    corners = [marks[0], marks[-1]]
    diagonal = alt.Chart(pd.DataFrame({"true": corners, "predicted": corners})).mark_line(
        color=GREY
    )
    points = (
        alt.Chart(table)
        .mark_circle(size=14, opacity=0.5)
        .encode(
            alt.X("true:Q", title="True", **axis(marks, axis_format(unit))),
            alt.Y("predicted:Q", title="Predicted", **axis(marks, axis_format(unit))),
            tooltip=[
                alt.Tooltip("true", title="True", format=tip_format(unit)),
                alt.Tooltip("predicted", title="Predicted", format=tip_format(unit)),
            ],
        )
    )
    return (diagonal.encode(alt.X("true:Q"), alt.Y("predicted:Q")) + points).properties(
        height=HEIGHT
    )


def band(table: pd.DataFrame, x: str, titles: tuple[str, str]) -> alt.LayerChart:
    """Return growth_pct over whole numbers x, within low and high, with a mark at zero."""
    marks = ticks(*ends(table[x]), whole=True)
    heights = ticks(*ends(table["low"], table["high"], [0.0]))
    base = alt.Chart(table).encode(
        alt.X(f"{x}:Q", title=titles[0], **axis(marks, NUMBER)),
        tooltip=[
            alt.Tooltip(x, title=titles[0], format=NUMBER),
            alt.Tooltip("growth_pct", title=titles[1], format=",.4~r"),
            alt.Tooltip("low", title="From", format=",.4~r"),
            alt.Tooltip("high", title="To", format=",.4~r"),
        ],
    )
    y = alt.Y("low:Q", title=titles[1], **axis(heights, NUMBER))
    area = base.mark_area(opacity=0.25).encode(y, alt.Y2("high"))
    line = base.mark_line(point=True).encode(alt.Y("growth_pct:Q", title=titles[1]))
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(strokeDash=[4, 4], color=GREY)
    return (area + line + zero.encode(alt.Y("zero:Q"))).properties(height=HEIGHT)


def residuals(table: pd.DataFrame, unit: str | None) -> alt.Chart:
    """Return a point an order, from columns predicted and residual."""
    off = f"Predicted − true ({unit})" if unit else "Predicted − true"
    return (
        alt.Chart(table)
        .mark_circle(size=14, opacity=0.5)
        .encode(
            alt.X(
                "predicted:Q",
                title="Predicted",
                **axis(ticks(*ends(table["predicted"]), 4), axis_format(unit)),
            ),
            alt.Y("residual:Q", title=off, **axis(ticks(*ends(table["residual"])), NUMBER)),
            tooltip=[
                alt.Tooltip("predicted", title="Predicted", format=tip_format(unit)),
                alt.Tooltip("residual", title=off, format=",.4~g"),
            ],
        )
        .properties(height=HEIGHT)
    )


def waterfall(steps: pd.DataFrame, unit: str | None) -> alt.LayerChart:
    """Return a bar a step of `waterfall.steps`, each from where the one above it ended."""
    reached = steps[["start", "end"]].to_numpy()
    low, high = float(min(reached.min(), 0)), float(max(reached.max(), 0))
    room = 0.3 * (high - low or 1)  # for the text beside the longest bar
    marks = [mark for mark in ticks(low, high, 4) if low <= mark <= high + room]
    label = alt.Y(
        "label:N",
        title=None,
        sort=steps["label"].tolist(),
        axis=alt.Axis(labelLimit=170, labelFlush=False, **LABELS),
    )
    base = alt.Chart(steps.assign(right=reached.max(axis=1))).encode(label)
    bars = base.encode(
        alt.X("start:Q", title=None, **axis(marks, axis_format(unit), (low, high + room))),
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
