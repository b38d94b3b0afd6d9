"""The step between a file and its scores: what is wrong with it, and the ways to put that right."""

from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from sales.serving import given_back
from ui import column_names, mending
from ui.amounts import plain
from ui.mending import MendError
from ui.told import Told
from ui.upload_check import Upload

PREVIEW, SHOWN = 20, 1_000  # rows
MENDS = "mends"  # how often the file was mended: the table to edit is a new one then
ROW = st.column_config.NumberColumn(
    "Row", help="As a spreadsheet counts: the header is row 1", format="%d"
)
RIGHT = st.column_config.Column(alignment="right")  # a CSV's cells are text, as they were typed


def draw(known: Told, uploaded: Upload) -> Upload | None:
    """Draw the file and what is wrong with it; return it anew where a person has put it right."""
    rows, good = uploaded.table.num_rows, int(uploaded.good.sum())
    st.markdown(f"**{plain(uploaded.name)}**: {rows:,} rows, {uploaded.table.num_columns} columns")
    for line in given_back.read_as(uploaded.table):
        st.caption(plain(line[0].upper() + line[1:]))
    if uploaded.skipped:
        st.caption(f"Rows without any cell, which are left out: {uploaded.skipped:,}")
    changed = column_names.tell(known, uploaded)
    if uploaded.faults:
        st.error(
            "This file cannot be scored:\n\n" + "\n".join(f"- {plain(f)}" for f in uploaded.faults),
            icon=":material/error:",
        )
        return changed or column_names.ask(known, uploaded)
    if rows == good:
        st.success("Every row is fine.", icon=":material/check:")
        return changed
    return _bad_cells(known, uploaded, rows - good) or changed


def first_rows(known: Told, uploaded: Upload) -> None:
    """Draw the first rows as they came."""
    st.header("The first rows", anchor=False)
    st.dataframe(
        numbered(uploaded, uploaded.table.slice(0, PREVIEW)),
        column_config={"_index": ROW, **aligned(known, uploaded)},
        alt="First rows",
    )


def numbered(uploaded: Upload, rows: pa.Table) -> pd.DataFrame:
    """Return the file's first rows, each under the number that it has in the file."""
    table = rows.to_pandas()
    table.index = pd.Index(uploaded.rows[: len(table)], name="Row")
    return table


def aligned(known: Told, uploaded: Upload) -> dict[str, Any]:
    """Return the format of the file's columns that hold numbers."""
    numbers = [name for name, column in known.fields.items() if column.role == "numeric"]
    asked = {uploaded.own(name) for name in (*numbers, known.schema["target"])}
    return {name: RIGHT for name in uploaded.table.column_names if name in asked}


def _bad_cells(known: Told, uploaded: Upload, bad: int) -> Upload | None:
    st.warning(
        f"{bad:,} of {uploaded.table.num_rows:,} rows cannot be scored; "
        "they come back without a prediction, unless you mend them here.",
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
    with st.expander("Mend them here", icon=":material/edit:"):
        changed = _editor(known, uploaded, bad)
    st.download_button(
        "Download the account of bad cells",
        lambda: uploaded.problems.to_csv(index=False).encode(),
        "bad_cells.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    return changed


def _editor(known: Told, uploaded: Upload, bad: int) -> Upload | None:
    before = mending.editable(uploaded)
    turn = st.session_state.get(MENDS, 0)
    after = st.data_editor(
        before,
        hide_index=True,
        disabled=[mending.ROW, mending.WRONG],
        column_config={mending.ROW: st.column_config.NumberColumn(format="%d", pinned=True)},
        key=f"mending_{turn}",
        alt="The bad rows, to be edited",
    )
    if bad > len(before):
        st.caption(f"The first {len(before):,} of {bad:,} bad rows: the next come after these.")
    changed = mending.edits(before, after)
    st.caption("A double click, or Enter on a cell, edits it. The scored file has what you typed.")
    label = f"Check again with {len(changed):,} changed cell{'s'[: len(changed) != 1]}"
    if not st.button(label, disabled=not changed, icon=":material/fact_check:"):
        return None
    try:
        table = mending.mended(uploaded.table, changed)
    except MendError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    st.session_state[MENDS] = turn + 1
    return uploaded.again(known.fields, known.schema["parts"], table=table)
