"""Score a file: checked here row by row, sent in pieces, given back with the predictions."""

import csv
import io
from typing import Any

import pandas as pd
import streamlit as st

from sales.data.reading import formats, packing
from sales.serving.request import RequestError
from ui import (
    both_models,
    column_names,
    file_check,
    file_result,
    form,
    memory,
    told,
    upload_check,
)
from ui.amounts import is_share, plain
from ui.client import RefusedError, Service
from ui.scoring import Scoring
from ui.states import show, trouble
from ui.told import Told
from ui.upload_check import Upload

ENDINGS = [end[1:] for end in (*formats.KINDS, *packing.MAGIC)]
UPLOAD, SCORING = "upload", "scoring"
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
        _result(service, known, scoring)
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
            found = upload_check.check(
                *(sent.name, body, fields, schema["parts"], sheet), column_names.remembered()
            )
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
    changed = file_check.draw(known, uploaded)
    if changed is not None:
        st.session_state[UPLOAD] = changed
        st.rerun()
    good = int(uploaded.good.sum())
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
    file_check.first_rows(known, uploaded)


def _forget() -> None:
    both_models.forget()
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


def _result(service: Service, known: Told, scoring: Scoring) -> None:
    file_result.said(known, scoring)
    with st.container(horizontal=True):
        st.download_button(
            "Download the scored file",
            scoring.file,
            scoring.upload.scored_name,
            icon=":material/download:",
            type="primary",
            on_click="ignore",
        )
        st.button("Choose another file", on_click=_forget, icon=":material/close:")
    file_result.draw(service, known, scoring)


show(view)
