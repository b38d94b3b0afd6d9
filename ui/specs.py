"""Charts as Vega-Lite specifications, kept: to make one takes Altair some milliseconds each time.

Whoever looks at the same data finds them made. For charts whose encodings name each type: their
tables go in as plain values, so that no setting of Altair's decides, which all sessions share.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

MOST = 500  # that are kept; each is some kilobytes
Spec = dict[str, Any]
Chart = alt.Chart | alt.LayerChart


@st.cache_data(
    max_entries=MOST,
    show_spinner=False,
    hash_funcs={FunctionType: lambda function: f"{function.__module__}.{function.__qualname__}"},
)
def of(draw: Callable[..., Chart], *told: Any, **by_name: Any) -> Spec:
    """Return the specification of what `draw` makes of what it is told."""
    spec: Spec = _plain(draw(*told, **by_name)).to_dict()
    # A theme of Altair's: the page's own decides.
    return {name: each for name, each in spec.items() if name not in ("config", "usermeta")}


def _plain(chart: Any) -> Any:
    """Return a chart whose tables are values, those of its layers too."""
    if isinstance(chart.data, pd.DataFrame):
        chart.data = alt.InlineData(values=alt.to_values(chart.data)["values"])
    for layer in chart.layer if isinstance(chart, alt.LayerChart) else ():
        _plain(layer)
    return chart


def titled(spec: Spec, title: str) -> Spec:
    """Return a specification with its title in the chart: one element less for the page to draw."""
    return {**spec, "title": {"text": title, "anchor": "start"}}
