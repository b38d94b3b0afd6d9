"""Charts as Vega-Lite specifications, kept: to make one takes Altair some milliseconds each time.

Whoever looks at the same data finds them made. For charts of one table whose encodings name each
type: they depend on no setting of Altair's, of which all sessions of the page share one.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

MOST = 500  # that are kept; each is some kilobytes
Spec = dict[str, Any]


@st.cache_data(
    max_entries=MOST,
    show_spinner=False,
    hash_funcs={FunctionType: lambda function: f"{function.__module__}.{function.__qualname__}"},
)
def of(draw: Callable[..., alt.Chart], table: pd.DataFrame, *told: Any, **by_name: Any) -> Spec:
    """Return the specification of what `draw` makes of a table and what else it is told."""
    chart = draw(table, *told, **by_name)
    chart.data = alt.InlineData(values=chart.data.to_dict("records"))
    spec: Spec = chart.to_dict()
    # A theme of Altair's: the page's own decides.
    return {name: each for name, each in spec.items() if name not in ("config", "usermeta")}
