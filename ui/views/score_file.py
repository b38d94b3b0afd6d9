"""Score a file: checked here row by row, sent in pieces, given back with the predictions."""

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from sales.contract import Column, cells, decimals
from sales.data.reading import formats, packing
from sales.serving import given_back
from sales.serving.request import RequestError, added_columns
from ui import charts, form, memory, told, upload_check
from ui.amounts import column_format, error_size, is_share, plain, words
from ui.client import RefusedError, Service
from ui.scoring import Scoring
from ui.states import show, trouble
from ui.terms import MAE, RMSE
from ui.told import Told
from ui.upload_check import Upload

ENDINGS = [end[1:] for end in (*formats.KINDS, *packing.MAGIC)]
UPLOAD, SCORING = "upload", "scoring"
PREVIEW, SHOWN, PLOTTED = 20, 1_000, 2_000  # rows
ROW = st.column_config.NumberColumn(
    "Row", help="As a spreadsheet counts: the header is row 1", format="%d"
)
RIGHT = st.column_config.Column(alignment="right")  # a CSV's cells are text, as they were typed
LOOK_SECONDS = 0.5  # how often a running bar is drawn anew


def view(service: Service) -> None:
    """Draw the step at which the person's file is."""
    st.title("Score a file")
    with st.spinner("Asking the service …"):
        known = told.ask(service)
    told.who_answers(known.model)
    if known.failed:
        trouble(service, known.failed)
    scoring: Scoring | None = st.session_state.get(SCORING)
    uploaded: Upload | None = st.session_state.get(UPLOAD)
    if scoring and scoring.finished:
        _result(known, scoring)
    elif scoring:
        _progress(scoring)
    elif uploaded:
        _checked(service, known, uploaded)
    else:
        _ask(known)


def _ask(known: Told) -> None:
    schema, fields = known.schema, known.fields
    told.what_is_kept(known)
    st.markdown(
        plain(f"CSV, Excel, Parquet, JSON lines or Feather, a row for each {known.called.row}. ")
        + "It is checked here before anything is sent; further columns are kept as they are."
    )
    sent = st.file_uploader("Your file", ENDINGS)
    st.download_button(
        "Download a template",
        _template(schema),
        "template.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.expander("What each column may hold"):
        st.table(_columns(known), hide_index=True, border="horizontal")
    if sent is None:
        return
    body = sent.getvalue()
    sheet = None
    if len(sheets := upload_check.sheets(body)) > 1:
        sheet = st.selectbox("Sheet", sheets, index=None, placeholder="Which sheet holds the rows?")
        if sheet is None:
            return
    with st.spinner("Reading and checking …"):
        try:
            found = upload_check.check(sent.name, body, fields, schema["parts"], sheet)
        except RequestError as error:
            st.error(plain(str(RefusedError(422, error.details))), icon=":material/error:")
            return
    st.session_state[UPLOAD] = found
    st.rerun()


def _template(schema: dict[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(schema["fields"]))
    writer.writeheader()
    given = {name: schema["example"].get(name) for name in schema["fields"]}
    example = {name: "" if value is None else str(value) for name, value in given.items()}
    for name, column in schema["fields"].items():
        if column["role"] == "date":
            example[name] = example[name][:10]
    writer.writerow(example)
    return text.getvalue()


def _columns(known: Told) -> pd.DataFrame:
    rows = []
    for name, column in known.fields.items():
        kind = {"numeric": "whole number" if column.integer else "number", "date": "date"}
        kind["boolean"] = "yes or no"
        may = ", ".join(column.values or ()) or form.ends(column)
        if is_share(column):
            may = "from 0 to 1 (0.15 is 15 %)"
        elif column.unit:
            may = f"{may}, in {column.unit}".removeprefix(", ")
        if column.optional:
            may = f"{may}; {form.MAY_BE_EMPTY}".removeprefix("; ")
        rows.append((plain(name), kind.get(column.role, "text"), plain(may)))
    return pd.DataFrame(rows, columns=["Column", "Kind", "Values"])


def _checked(service: Service, known: Told, uploaded: Upload) -> None:
    """Show the file and what is wrong with it, before anything is sent."""
    rows, good = uploaded.table.num_rows, int(uploaded.good.sum())
    st.markdown(f"**{plain(uploaded.name)}**: {rows:,} rows, {uploaded.table.num_columns} columns")
    for line in given_back.read_as(uploaded.table):
        st.caption(plain(line[0].upper() + line[1:]))
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
            shown.rename(columns=str.capitalize),
            hide_index=True,
            column_config={"Row": ROW},
            alt="What is wrong, cell by cell",
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
    st.header("The first rows", anchor=False)
    st.dataframe(
        _numbered(uploaded, uploaded.table.slice(0, PREVIEW)),
        column_config={"_index": ROW, **_aligned(known, uploaded)},
        alt="First rows",
    )


def _numbered(uploaded: Upload, rows: pa.Table) -> pd.DataFrame:
    """Return the file's first rows, each under the number that it has in the file."""
    table = rows.to_pandas()
    table.index = pd.Index(uploaded.rows[: len(table)], name="Row")
    return table


def _aligned(known: Told, uploaded: Upload) -> dict[str, Any]:
    """Return the format of the file's columns that hold numbers."""
    numbers = {n for n, column in known.fields.items() if column.role == "numeric"}
    asked = {*numbers, known.schema["target"]}
    return {name: RIGHT for name in uploaded.table.column_names if name in asked}


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


def _result(known: Told, scoring: Scoring) -> None:
    uploaded, added = scoring.upload, scoring.added()
    target, unit = known.schema["target"], known.unit
    if known.model and known.model["content_hash"] != scoring.content_hash:
        st.info(
            f"Another model answers now. These are the answers of the {plain(scoring.model)}.",
            icon=":material/swap_horiz:",
        )
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
            uploaded.scored_name,
            icon=":material/download:",
            type="primary",
            on_click="ignore",
        )
        st.button("Choose another file", on_click=_forget, icon=":material/close:")
    name = added_columns(target)[0]
    predicted = added[name].to_numpy()
    drawn = st.container(key="charts_scored")
    with drawn, st.container():
        st.header("Predictions", anchor=False)
        title = f"Predicted {words(target).lower()}" + (f" ({unit})" if unit else "")
        st.altair_chart(
            charts.histogram(charts.binned(predicted), title), alt=f"Histogram: {title}"
        )
    if target in uploaded.table.column_names:
        with drawn, st.container():
            _against(uploaded, target, predicted, unit)
    st.header("Rows", anchor=False)
    table = scoring.table()
    names = [*added.column_names, *(n for n in table.column_names if n not in added.column_names)]
    st.dataframe(
        _numbered(uploaded, table.slice(0, SHOWN).select(names)),
        column_config={
            "_index": ROW,
            **_aligned(known, uploaded),
            **{
                name: st.column_config.NumberColumn(format=column_format(unit))
                for name in added.column_names
            },
        },
        alt="The scored rows",
    )
    if table.num_rows > SHOWN:
        st.caption(f"The first {SHOWN:,} of {table.num_rows:,} rows; the download holds them all.")


def _against(uploaded: Upload, target: str, predicted: np.ndarray, unit: str | None) -> None:
    """Show how far the predictions are from the truth that the file holds."""
    raw = decimals.column(uploaded.table, target, Column(role="target"))
    true = cells.number(raw.combine_chunks()).to_numpy(zero_copy_only=False)
    both = np.isfinite(true) & np.isfinite(predicted)
    if not both.any():
        return
    true, predicted = true[both], predicted[both]
    off = predicted - true
    st.header("Against the true values", anchor=False)
    sizes = {RMSE: np.sqrt(np.mean(off**2)), MAE: np.mean(np.abs(off))}
    for place, (term, size) in zip(st.columns(2), sizes.items(), strict=True):
        place.metric(term.said, error_size(float(size), unit), help=term.exactly)
    drawn = np.random.default_rng(0).permutation(len(true))[:PLOTTED]
    table = pd.DataFrame({"true": true[drawn], "predicted": predicted[drawn]})
    st.altair_chart(charts.predicted_true(table, unit), alt="Predicted against true values")
    if len(true) > PLOTTED:
        st.caption(f"{PLOTTED:,} of {len(true):,} rows are drawn.")


show(view)
