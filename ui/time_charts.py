"""The charts of the view Watch: over one time axis, in UTC, the model's changes marked on it."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from ui.amounts import axis_format
from ui.axes import FRAME, GREY, HEIGHT, LABELS, NUMBER, TITLE, axis, ends
from ui.ticks import ticks
from ui.watched import ESTIMATED, LEVELS, MEASURED

MANY = 60  # windows; a curve of fewer has its points drawn
WHEN = "%Y-%m-%d %H:%M"
ROW = 20  # pixels of a field in the map of all
SHADES = ["#9aa8a5", "#d97706", "#be123c"]  # as ever, more than chance, alarm: on both backgrounds

Ends = tuple[pd.Timestamp, pd.Timestamp]


def traffic(table: pd.DataFrame, rows: str, between: Ends, changes: pd.DataFrame) -> alt.LayerChart:
    """Return a bar a window from start to end, as high as its rows in an hour."""
    title = f"{rows.capitalize()} in an hour"
    bars = (
        alt.Chart(table)
        .mark_rect()
        .encode(
            _x("start:T"),
            alt.X2("end:T"),
            alt.Y("per_hour:Q", title=title, **_from_zero(table["per_hour"], NUMBER)),
            alt.Y2(datum=0),
            alt.Opacity(
                "open:N", scale=alt.Scale(domain=[False, True], range=[1, 0.5]), legend=None
            ),
            tooltip=[
                *_span_tips(),
                alt.Tooltip("rows:Q", title=rows.capitalize(), format=",.0f"),
                alt.Tooltip("per_hour:Q", title=title, format=NUMBER),
            ],
        )
    )
    return _marked(bars, between, changes)


def band(
    table: pd.DataFrame,
    title: str,
    between: Ends,
    changes: pd.DataFrame,
    *,
    form: str,
    promised: float | None,
    tip: str,
) -> alt.LayerChart:
    """Return value over time within low and high, by `which`, with a rule at what is promised.

    Of two kinds a legend tells; of a single one the chart's title has to.
    """
    low, high = ends(
        table["low"], table["high"], table["value"], [] if promised is None else [promised]
    )
    heights = ticks(low, high)
    known = set(table["which"])
    which = alt.Color(
        "which:N",
        title=None,
        scale=alt.Scale(domain=[name for name in (MEASURED, ESTIMATED) if name in known]),
        legend=alt.Legend(orient="top") if len(known) > 1 else None,
    )
    base = alt.Chart(table).encode(alt.X("at:T", title=None))
    y = alt.Y("value:Q", title=title, **axis(heights, form))
    bars = base.mark_rule(opacity=0.45, strokeWidth=3).encode(
        alt.Y("low:Q", title=title), alt.Y2("high"), which
    )
    line = base.mark_line(point=len(table) < MANY).encode(
        _x("at:T"),
        y,
        which,
        tooltip=[
            alt.Tooltip("at:T", title="Middle of the window", format=WHEN),
            alt.Tooltip("which:N", title="How it is known"),
            alt.Tooltip("value:Q", title=title, format=tip),
            alt.Tooltip("low:Q", title="From", format=tip),
            alt.Tooltip("high:Q", title="To", format=tip),
        ],
    )
    drawn: Any = line + bars
    if promised is not None:
        rule = alt.Chart(pd.DataFrame({"promised": [promised]})).mark_rule(color=GREY)
        drawn = drawn + rule.encode(
            alt.Y("promised:Q", title=title),
            tooltip=[alt.Tooltip("promised:Q", title="Promised", format=tip)],
        )
    return _marked(drawn, between, changes)


def error(
    table: pd.DataFrame,
    unit: str | None,
    between: Ends,
    changes: pd.DataFrame,
    promised: float | None,
) -> alt.LayerChart:
    """Return the typical error over time, measured or estimated."""
    title = f"Typical error ({unit})" if unit else "Typical error"
    form, tip = (
        axis_format(unit),
        ",.4~r" if unit is None else f"{unit if unit == '$' else ''},.4~r",
    )
    return band(table, title, between, changes, form=form, promised=promised, tip=tip)


def distance(table: pd.DataFrame, between: Ends, changes: pd.DataFrame) -> alt.LayerChart:
    """Return how far a field lies from its reference, and what chance reaches, over time."""
    share = bool((table["unit"] == "share").all())
    title = "Share of rows that moved" if share else "Standard deviations away"
    form = ".0%" if share else NUMBER
    _, high = ends(table["distance"], table["threshold"])
    y = alt.Y("distance:Q", title=title, **axis(ticks(0, high or 1), form))
    base = alt.Chart(table).encode(alt.X("at:T", title=None))
    tips = [
        alt.Tooltip("at:T", title="Middle of the window", format=WHEN),
        alt.Tooltip("distance:Q", title=title, format=".1%" if share else ",.3~r"),
        alt.Tooltip("threshold:Q", title="Chance reaches", format=".1%" if share else ",.3~r"),
        alt.Tooltip("level:N", title="What it comes to"),
    ]
    line = base.mark_line().encode(_x("at:T"), y, tooltip=tips)
    points = base.mark_point(filled=True, size=50, opacity=1).encode(
        alt.Y("distance:Q", title=title), _level_color(list(LEVELS)), tooltip=tips
    )
    chance = base.mark_line(strokeDash=[2, 3], color=GREY).encode(alt.Y("threshold:Q", title=title))
    return _marked(line + chance + points, between, changes)


def every_field(table: pd.DataFrame, between: Ends, changes: pd.DataFrame) -> alt.LayerChart:
    """Return a row a field and a cell a window, shaded by what its drift comes to."""
    names = list(dict.fromkeys(table["field"]))
    cells = (
        alt.Chart(table)
        .mark_rect()
        .encode(
            _x("start:T"),
            alt.X2("end:T"),
            alt.Y(
                "field:N",
                title=None,
                sort=names,
                axis=alt.Axis(labelLimit=170, labelFlush=False, **LABELS),
                scale=alt.Scale(paddingInner=0.15),
            ),
            _level_color(list(LEVELS)),
            tooltip=[
                alt.Tooltip("field:N", title="Field"),
                *_span_tips(),
                alt.Tooltip("level:N", title="What it comes to"),
                alt.Tooltip("told:N", title="How far"),
            ],
        )
    )
    return _marked(cells, between, changes, height=FRAME + ROW * max(1, len(names)))


def promotions(changes: pd.DataFrame) -> alt.LayerChart:
    """Return a point a change of the model on a line of time."""
    base = alt.Chart(changes.assign(line="")).encode(
        alt.X(
            "at:T",
            title=None,
            scale=alt.Scale(type="utc"),
            axis=alt.Axis(tickCount=5, labelOverlap=True, grid=False),
        ),
        alt.Y("line:N", title=None, axis=None),
        tooltip=[
            alt.Tooltip("said:N", title="Model"),
            alt.Tooltip("at:T", title="At (UTC)", format=WHEN),
        ],
    )
    return (base.mark_line(color=GREY) + base.mark_point(filled=True, size=120)).properties(
        height=70
    )


def beside(table: pd.DataFrame, labels: tuple[str, str], *, ordered: bool) -> alt.Chart:
    """Return the percent of rows of each bin or level, in the reference and now, beside another.

    `ordered` bins stand from left to right; levels beneath one another.
    """
    names = {"reference": labels[0], "now": labels[1]}
    long = table.rename(columns=names).melt("label", list(names.values()), "which", "percent")
    most = ticks(0, ends(long["percent"])[1] or 1, 4)
    order = table["label"].tolist()
    which = alt.Color(
        "which:N",
        title=None,
        scale=alt.Scale(domain=list(labels)),
        legend=alt.Legend(orient="top"),
    )
    tips = [
        alt.Tooltip("label:N", title="Value"),
        alt.Tooltip("which:N", title="When"),
        alt.Tooltip("percent:Q", title="Percent of the rows", format=".3~r"),
    ]
    scale = alt.Scale(domain=list(labels))
    if not ordered:
        return (
            alt.Chart(long)
            .mark_bar()
            .encode(
                alt.X("percent:Q", title="Percent of the rows", **axis(most, NUMBER)),
                alt.Y(
                    "label:N",
                    title=None,
                    sort=order,
                    axis=alt.Axis(labelLimit=170, labelFlush=False, **LABELS),
                ),
                alt.YOffset("which:N", sort=list(labels), scale=scale),
                which,
                tooltip=tips,
            )
            .properties(height=FRAME + TITLE + 26 * len(order))
        )
    few = order[:: max(1, int(np.ceil(len(order) / 6)))]
    return (
        alt.Chart(long)
        .mark_bar()
        .encode(
            alt.X(
                "label:N",
                title=None,
                sort=order,
                axis=alt.Axis(values=few, labelAngle=-35, labelLimit=110),
            ),
            alt.XOffset("which:N", sort=list(labels), scale=scale),
            alt.Y("percent:Q", title="Percent of the rows", **axis(most, NUMBER)),
            which,
            tooltip=tips,
        )
        .properties(height=HEIGHT)
    )


def _x(name: str) -> alt.X:
    return alt.X(
        name,
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(tickCount=5, labelOverlap=True, labelFlush=False, grid=False),
    )


def _from_zero(values: pd.Series, form: str) -> dict[str, Any]:
    return axis(ticks(0, ends(values)[1] or 1, 4), form)


def _span_tips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("start:T", title="From (UTC)", format=WHEN),
        alt.Tooltip("end:T", title="To (UTC)", format=WHEN),
    ]


def _level_color(levels: list[str]) -> alt.Color:
    return alt.Color(
        "level:N",
        title=None,
        sort=levels,
        scale=alt.Scale(domain=levels, range=SHADES),
        legend=alt.Legend(orient="top"),
    )


def _marked(
    chart: Any, between: Ends, changes: pd.DataFrame, height: int = HEIGHT - 30
) -> alt.LayerChart:
    """Return a chart with a dashed line where the model changed, its axis from end to end.

    The ends are drawn, unseen: of a scale's own domain in numbers Vega makes no time.
    """
    reach = alt.Chart(pd.DataFrame({"at": list(between)})).mark_rule(opacity=0)
    marks = (
        alt.Chart(changes)
        .mark_rule(strokeDash=[6, 4], strokeWidth=2, color=GREY)
        .encode(
            alt.X("at:T", title=None),
            tooltip=[
                alt.Tooltip("said:N", title="Model"),
                alt.Tooltip("at:T", title="At (UTC)", format=WHEN),
            ],
        )
    )
    layers = [chart, reach.encode(alt.X("at:T", title=None)), *([marks] if len(changes) else [])]
    return alt.layer(*layers).resolve_scale(color="independent").properties(height=height)
