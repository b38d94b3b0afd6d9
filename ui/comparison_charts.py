"""Charts that set some answers or models side by side, on the same axes and in the same colours."""

import altair as alt
import numpy as np
import pandas as pd

from ui.amounts import axis_format, tip_format
from ui.axes import FRAME, GREY, HEIGHT, LABELS, PERCENT, TITLE, axis, ends
from ui.ticks import ticks

STEP = 12  # pixels, a bar
POINTS = 101  # of a curve


def paired(table: pd.DataFrame, names: dict[str, str], title: str, unit: str | None) -> alt.Chart:
    """Return a bar a name beside one another for each `label`, in the table's order.

    `names` are columns, by what they are called in the legend; `title` is that of their length.
    """
    long = table.rename(columns=names).melt("label", list(names.values()), "which", "length")
    low, high = ends(long["length"], [0.0])
    order = list(names.values())
    color = alt.Color(
        "which:N", title=None, sort=order, scale=alt.Scale(domain=order), legend=_legend()
    )
    return (
        alt.Chart(long.dropna())
        .mark_bar()
        .encode(
            alt.X("length:Q", title=title, **axis(ticks(low, high, 4), axis_format(unit))),
            alt.Y(
                "label:N",
                title=None,
                sort=table["label"].tolist(),
                axis=alt.Axis(labelLimit=170, labelFlush=False, **LABELS),
                scale=alt.Scale(paddingInner=0.3),
            ),
            alt.YOffset("which:N", sort=order, scale=alt.Scale(domain=order)),
            color,
            tooltip=[
                alt.Tooltip("label", title="Which"),
                alt.Tooltip("which", title="Of"),
                alt.Tooltip("length", title=title, format=tip_format(unit)),
            ],
        )
        .properties(height=FRAME + TITLE + len(table) * (len(names) * STEP + 8))
    )


def agreement(tables: dict[str, pd.DataFrame], unit: str | None) -> alt.LayerChart:
    """Return a point a row and model, from columns true and predicted, on the line of agreement."""
    points = pd.concat([table.assign(which=name) for name, table in tables.items()])
    marks = ticks(*ends(points["true"], points["predicted"]), 4)
    corners = [marks[0], marks[-1]]
    line = alt.Chart(pd.DataFrame({"true": corners, "predicted": corners})).mark_line(color=GREY)
    drawn = (
        alt.Chart(points)
        .mark_circle(size=14, opacity=0.5)
        .encode(
            alt.X("true:Q", title="True", **axis(marks, axis_format(unit))),
            alt.Y("predicted:Q", title="Predicted", **axis(marks, axis_format(unit))),
            _by_model(list(tables)),
            tooltip=[
                alt.Tooltip("which", title="Model"),
                alt.Tooltip("true", title="True", format=tip_format(unit)),
                alt.Tooltip("predicted", title="Predicted", format=tip_format(unit)),
            ],
        )
    )
    layered = line.encode(alt.X("true:Q"), alt.Y("predicted:Q")) + drawn
    return layered.properties(height=HEIGHT + 60)


def within(tables: dict[str, pd.DataFrame], unit: str | None) -> alt.Chart:
    """Return, for each model, the share of rows that are off by at most so much.

    From a column `residual`; the axis ends where 99 of 100 rows of the worst model are.
    """
    sizes = {name: np.sort(np.abs(table["residual"])) for name, table in tables.items()}
    most = max((float(np.quantile(each, 0.99)) for each in sizes.values() if len(each)), default=1)
    marks = ticks(0, most or 1, 4)
    at = np.linspace(0, marks[-1], POINTS)
    curves = [
        pd.DataFrame({"off": at, "share": np.searchsorted(each, at, "right") / len(each)})
        for each in sizes.values()
        if len(each)
    ]
    table = pd.concat(
        [curve.assign(which=name) for name, curve in zip(sizes, curves, strict=False)]
    )
    title = f"Off by at most ({unit})" if unit else "Off by at most"
    return (
        alt.Chart(table)
        .mark_line()
        .encode(
            alt.X("off:Q", title=title, **axis(marks, axis_format(unit))),
            alt.Y("share:Q", title="Share of rows", **axis([0, 0.25, 0.5, 0.75, 1], PERCENT)),
            _by_model(list(tables)),
            tooltip=[
                alt.Tooltip("which", title="Model"),
                alt.Tooltip("off", title=title, format=tip_format(unit)),
                alt.Tooltip("share", title="Share of rows", format=".1%"),
            ],
        )
        .properties(height=HEIGHT)
    )


def _by_model(names: list[str]) -> alt.Color:
    return alt.Color("which:N", title=None, scale=alt.Scale(domain=names), legend=_legend())


def _legend() -> alt.Legend:
    return alt.Legend(orient="top")
