"""Score a file: checked here row by row, sent in pieces, given back with the predictions."""

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sales.contract import cells
from sales.serving.request import RequestError, added_columns
from ui import charts, form, memory, upload_check
from ui.amounts import column_format, error_size, plain, words
from ui.client import RefusedError, Service
from ui.scoring import Scoring
from ui.states import show
from ui.upload_check import Upload

UPLOAD, SCORING = "upload", "scoring"
PREVIEW, SHOWN, PLOTTED = 20, 1_000, 2_000  # rows
LOOK_SECONDS = 0.5  # how often a running bar is drawn anew


def view(service: Service) -> None:
    """Draw the step at which the person's file is."""
    st.title("Score a file")
    scoring: Scoring | None = st.session_state.get(SCORING)
    uploaded: Upload | None = st.session_state.get(UPLOAD)
    if scoring:
        _result(service, scoring) if scoring.finished else _progress(scoring)
    elif uploaded:
        _checked(service, uploaded)
    else:
        _ask(service)


def _ask(service: Service) -> None:
    with st.spinner("Asking the service …"):
        schema = service.schema()
    fields = form.fields_of(schema)
    st.markdown(
        plain(f"CSV or Parquet, a line for each {service.called().row}. ")
        + "It is checked here before anything is sent; further columns are kept as they are."
    )
    sent = st.file_uploader("Your file", ["csv", "parquet"])
    st.download_button(
        "Download a template",
        _template(schema),
        "template.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.expander("What each column may hold"):
        st.dataframe(_columns(schema), hide_index=True)
    if sent is None:
        return
    with st.spinner("Reading and checking …"):
        try:
            found = upload_check.check(sent.name, sent.getvalue(), fields, schema["parts"])
        except RequestError as error:
            st.error(plain(str(RefusedError(422, error.details))), icon=":material/error:")
            return
    st.session_state[UPLOAD] = found
    st.rerun()


def _template(schema: dict[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(schema["fields"]))
    writer.writeheader()
    example = {name: str(schema["example"][name]) for name in schema["fields"]}
    for name, column in schema["fields"].items():
        if column["role"] == "date":
            example[name] = example[name][:10]
    writer.writerow(example)
    return text.getvalue()


def _columns(schema: dict[str, Any]) -> pd.DataFrame:
    rows = []
    for name, column in form.fields_of(schema).items():
        bounds = [
            f"{word} {bound:,}" if isinstance(bound, int | float) else f"{word} {bound}"
            for word, bound in (("from", column.min), ("to", column.max))
            if bound is not None
        ]
        values = ", ".join(column.values or ())
        kind = {"numeric": "whole number" if column.integer else "number", "date": "date"}
        rows.append((name, kind.get(column.role, "text"), values or " ".join(bounds)))
    return pd.DataFrame(rows, columns=["Column", "Kind", "Values"])


def _checked(service: Service, uploaded: Upload) -> None:
    """Show the file and what is wrong with it, before anything is sent."""
    rows, good = uploaded.table.num_rows, int(uploaded.good.sum())
    st.markdown(f"**{plain(uploaded.name)}**: {rows:,} rows, {uploaded.table.num_columns} columns")
    if uploaded.skipped:
        st.caption(f"Rows without any cell, which are left out: {uploaded.skipped:,}")
    if uploaded.faults:
        st.error(
            "This file cannot be scored:\n\n" + "\n".join(f"- {plain(f)}" for f in uploaded.faults),
            icon=":material/error:",
        )
    elif rows > good:
        st.warning(
            f"{rows - good:,} of {rows:,} rows cannot be scored; "
            "they come back without a prediction.",
            icon=":material/warning:",
        )
        shown = uploaded.problems.head(SHOWN)
        st.dataframe(
            shown.rename(columns=str.capitalize), hide_index=True, alt="What is wrong, cell by cell"
        )
        if len(shown) < len(uploaded.problems):
            st.caption(f"The first {SHOWN:,} of {len(uploaded.problems):,} bad cells.")
        st.download_button(
            "Download the account of bad cells",
            lambda: uploaded.problems.to_csv(index=False).encode(),
            "bad_cells.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    else:
        st.success("Every row is fine.", icon=":material/check:")
    with st.container(horizontal=True):
        if not uploaded.faults and good:
            label = f"Score {good:,} row{'s'[: good != 1]}"
            if st.button(label, type="primary", icon=":material/play_arrow:"):
                scoring = Scoring(service, uploaded)
                st.session_state[SCORING] = scoring
                scoring.start()
                scoring.wait(LOOK_SECONDS)  # a small file needs no bar
                st.rerun()
        st.button("Choose another file", on_click=_forget, icon=":material/close:")
    st.subheader("The first rows")
    st.dataframe(uploaded.table.slice(0, PREVIEW).to_pandas(), hide_index=True, alt="First rows")


def _forget() -> None:
    scoring: Scoring | None = st.session_state.pop(SCORING, None)
    if scoring:
        scoring.cancel()
    st.session_state.pop(UPLOAD, None)
    memory.release()


def _progress(scoring: Scoring) -> None:
    st.markdown(f"**{plain(scoring.upload.name)}**")
    if scoring.running:
        _bar(scoring)
        st.button("Stop", on_click=_forget, icon=":material/stop:")
        return
    st.progress(scoring.done / scoring.rows, f"{scoring.done:,} of {scoring.rows:,} rows are done")
    if scoring.failed:
        st.error(plain(scoring.failed), icon=":material/error:")
    with st.container(horizontal=True):
        if st.button("Go on", type="primary", icon=":material/play_arrow:"):
            scoring.start()
            scoring.wait(LOOK_SECONDS)
            st.rerun()
        st.button("Choose another file", on_click=_forget, icon=":material/close:")


@st.fragment(run_every=LOOK_SECONDS)
def _bar(scoring: Scoring) -> None:
    if not scoring.running:
        st.rerun()
    st.progress(
        scoring.done / scoring.rows,
        f"{scoring.done:,} of {scoring.rows:,} rows, {scoring.rows_a_second:,.0f} rows a second",
    )


def _result(service: Service, scoring: Scoring) -> None:
    uploaded, added = scoring.upload, scoring.added()
    with st.spinner("Asking the service …"):
        target = service.schema()["target"]
        unit = service.unit()
    st.success(
        f"{scoring.rows:,} rows scored by the {plain(scoring.model)} in {scoring.seconds:.1f} s "
        f"({scoring.rows_a_second:,.0f} rows a second).",
        icon=":material/check:",
    )
    for warning in scoring.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    with st.container(horizontal=True):
        st.download_button(
            "Download the scored file",
            scoring.file,
            f"scored_{uploaded.name}",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
        )
        st.button("Choose another file", on_click=_forget, icon=":material/close:")
    name = added_columns(target)[0]
    predicted = added[name].to_numpy()
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Predictions")
        title = f"Predicted {words(target).lower()}" + (f" ({unit})" if unit else "")
        st.altair_chart(charts.histogram(charts.binned(predicted), title), alt="Histogram")
    if target in uploaded.table.column_names:
        with right:
            _against(uploaded, target, predicted, unit)
    st.subheader("Rows")
    table = scoring.table()
    names = [*added.column_names, *(n for n in table.column_names if n not in added.column_names)]
    st.dataframe(
        table.slice(0, SHOWN).select(names).to_pandas(),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format=column_format(unit))
            for name in added.column_names
        },
        alt="The scored rows",
    )
    if table.num_rows > SHOWN:
        st.caption(f"The first {SHOWN:,} of {table.num_rows:,} rows; the download holds them all.")


def _against(uploaded: Upload, target: str, predicted: np.ndarray, unit: str | None) -> None:
    """Show how far the predictions are from the truth that the file holds."""
    true = cells.number(uploaded.table[target].combine_chunks()).to_numpy(zero_copy_only=False)
    both = np.isfinite(true) & np.isfinite(predicted)
    if not both.any():
        return
    true, predicted = true[both], predicted[both]
    off = predicted - true
    st.subheader("Against the true values")
    rmse, mae = st.columns(2)
    rmse.metric("RMSE", error_size(float(np.sqrt(np.mean(off**2))), unit))
    mae.metric("MAE", error_size(float(np.mean(np.abs(off))), unit))
    drawn = np.random.default_rng(0).permutation(len(true))[:PLOTTED]
    table = pd.DataFrame({"true": true[drawn], "predicted": predicted[drawn]})
    st.altair_chart(charts.predicted_true(table, unit), alt="Predicted against true values")
    if len(true) > PLOTTED:
        st.caption(f"{PLOTTED:,} of {len(true):,} rows are drawn.")


show(view)
