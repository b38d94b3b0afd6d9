"""How the doubt about a challenger closes in: its improvement and the band around it, by truths."""

import altair as alt
import pandas as pd

from ui.axes import GREY, HEIGHT, NUMBER, axis, ends
from ui.ticks import ticks

REACH = 4.0  # times the last band's width that is shown: the first ones reach far beyond
TITLE = "Error smaller by (%)"
ROWS = "True amounts"


def closing_in(table: pd.DataFrame, margin: float) -> alt.LayerChart:
    """Return improvement_pct within low and high over rows, zero, and the margin to both sides.

    Within the margin the two count as equal.
    """
    low, high = seen(table, margin)
    marks = ticks(low, high)
    among = ticks(0, float(table["rows"].max()), whole=True)
    shown = table.assign(
        **{end: table[end].clip(marks[0], marks[-1]) for end in ("low", "high", "improvement_pct")}
    )
    told = table[["low", "high", "improvement_pct"]].add_suffix("_told")
    base = alt.Chart(pd.concat([shown, told], axis=1)).encode(
        alt.X("rows:Q", title=ROWS, **axis(among, NUMBER))
    )
    y = alt.Y("improvement_pct:Q", title=TITLE, **axis(marks, NUMBER))
    band = base.mark_area(opacity=0.25).encode(alt.Y("low:Q", title=TITLE), alt.Y2("high"))
    line = base.mark_line(point=True).encode(
        y,
        tooltip=[
            alt.Tooltip("rows", title=ROWS, format=",.0f"),
            alt.Tooltip("improvement_pct_told", title=TITLE, format=".2f"),
            alt.Tooltip("low_told", title="From", format=".2f"),
            alt.Tooltip("high_told", title="To", format=".2f"),
        ],
    )
    within = pd.DataFrame({"at": [-margin, margin]}).query(f"{marks[0]} <= at <= {marks[-1]}")
    margins = alt.Chart(within).mark_rule(strokeDash=[2, 3], color=GREY)
    zero = alt.Chart(pd.DataFrame({"at": [0.0]})).mark_rule(color=GREY)
    at = alt.Y("at:Q", title=TITLE)
    return (band + zero.encode(at) + margins.encode(at) + line).properties(height=HEIGHT)


def seen(table: pd.DataFrame, margin: float) -> tuple[float, float]:
    """Return what is shown of the improvement: the last band, several times as wide, and zero."""
    last = table.iloc[-1]
    around = REACH / 2 * max(last["high"] - last["low"], 2 * margin)
    low, high = ends(table["low"], table["high"])
    middle = last["improvement_pct"]
    return min(0.0, max(low, middle - around)), max(0.0, min(high, middle + around))
