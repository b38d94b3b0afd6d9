"""Data: the picture of the rows that the models learnt from, and what was set aside."""

from typing import Any

import pandas as pd
import streamlit as st

from ui import charts
from ui.amounts import plain, words
from ui.client import RefusedError, Service
from ui.states import show

ACROSS = 3


def view(service: Service) -> None:
    """Draw rows, quarantine, distributions and what matters most to the model that answers."""
    with st.spinner("Asking the service …"):
        picture = service.data()
        answering = next(m for m in service.models()["registered_models"] if m["active"])
        importance = _importance(service, answering["alias"])
    st.title("Data")
    with st.container(horizontal=True):
        for label, key in (
            ("Rows in", "rows_in"),
            ("Accepted", "rows_accepted"),
            ("Quarantined", "rows_quarantined"),
            ("Train", "train_rows"),
            ("Valid", "valid_rows"),
            ("Test", "test_rows"),
        ):
            st.metric(label, f"{picture[key]:,}", width="content")
    st.caption(f"Data hash {picture['sha256'][:16]}")
    _quarantine(picture["quarantined_by_reason"])
    st.header("Numbers", anchor=False)
    unit = picture["target"]["unit"]
    name = picture["target"]["name"]
    tables = {words(c): pd.DataFrame(bins) for c, bins in picture["numeric"].items()}
    _grid({c: charts.histogram(bins, c, 180) for c, bins in tables.items()})
    counts = {words(c): pd.DataFrame(values) for c, values in picture["categorical"].items()}
    if counts:
        st.header("Categories", anchor=False)
        _grid({c: charts.bars(t, "rows", "value", ("Rows", c)) for c, t in counts.items()})
    st.header("What matters most", anchor=False)
    if importance is None:
        st.info("The model that answers was exported without its evaluation: run `make repro`.")
        return
    added = f"RMSE in {unit}" if unit else "RMSE"
    st.caption(
        plain(
            f"{added} that is added to the {answering['alias']}'s prediction of "
            f"{words(name).lower()} when a column is shuffled"
        )
    )
    st.altair_chart(
        charts.bars(importance, "importance", "feature", ("RMSE added", "Column")),
        alt="Feature importance",
    )


def _importance(service: Service, alias: str) -> pd.DataFrame | None:
    try:
        return pd.DataFrame(service.evaluation(alias)["importance"])
    except RefusedError:
        return None


def _quarantine(by_reason: dict[str, int]) -> None:
    st.header("Quarantine", anchor=False)
    if not by_reason:
        st.success("No row was set aside: every one kept the contract.", icon=":material/check:")
        return
    rows = sorted(by_reason.items(), key=lambda item: -item[1])
    st.dataframe(
        pd.DataFrame(rows, columns=["Reason", "Bad cells"]),
        hide_index=True,
        alt="Quarantined rows by reason",
    )
    st.caption("data/prepared/quarantine.csv names each one: file, row, column, value, reason.")


def _grid(drawn: dict[str, Any]) -> None:
    names = list(drawn)
    for start in range(0, len(names), ACROSS):
        for name, place in zip(names[start : start + ACROSS], st.columns(ACROSS), strict=False):
            with place:
                st.markdown(f"**{plain(name)}**")
                st.altair_chart(drawn[name], key=f"data_{name}", alt=f"Distribution of {name}")


show(view)
