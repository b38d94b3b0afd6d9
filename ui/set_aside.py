"""The rows that were set aside: counted by reason, searched cell by cell, mended and sent again."""

from typing import Any

import pandas as pd
import streamlit as st

from sales.serving.request import RequestError
from ui import column_names, terms, upload_check
from ui.amounts import plain
from ui.client import RefusedError
from ui.told import Told

UPLOAD, SCORING = "upload", "scoring"  # as the view Score a file keeps them
FILE, ROW, WRONG = "File", "Row", "What is wrong"  # beside the columns of a row to mend
NAME = "rows_to_mend.csv"

Quarantine = dict[str, Any]


def draw(known: Told, by_reason: dict[str, int], bad: Quarantine | None) -> None:
    """Draw what was set aside and why; the rows themselves as far as the service has them."""
    st.header(terms.SET_ASIDE.said, anchor=False)
    if not by_reason:
        st.success("No row was set aside: every one kept the contract.", icon=":material/check:")
        return
    sought = st.text_input(
        "Search what was set aside",
        key="sought",
        placeholder="A column, a value, a file, or what is wrong",
        type="search",
    )
    reasons = found(by_reasons(by_reason), sought)
    cells = found(listed(bad), sought) if bad else None
    if reasons.empty and (cells is None or cells.empty):
        st.info(
            plain(f"Nothing that was set aside holds '{sought}'."), icon=":material/search_off:"
        )
    if not reasons.empty:
        st.dataframe(reasons, hide_index=True, alt="Rows set aside, by reason")
    if bad is None or cells is None:
        _download("Download the reasons", by_reasons(by_reason), "set_aside.csv")
        st.caption(
            "Those who run the pipeline have a list of them: file, row, column, value and reason.",
            help="`data/prepared/quarantine.csv`",
        )
        return
    if not cells.empty:
        st.dataframe(cells, hide_index=True, alt="Rows set aside, cell by cell")
    _to_mend(known, bad, cells)


def by_reasons(counts: dict[str, int]) -> pd.DataFrame:
    """Return Reason and Bad cells, the most frequent first."""
    rows = sorted(counts.items(), key=lambda item: -item[1])
    return pd.DataFrame(rows, columns=["Reason", "Bad cells"])


def listed(bad: Quarantine) -> pd.DataFrame:
    """Return File, Row, Column, Value and what is wrong of each bad cell that the service tells."""
    cells = pd.DataFrame(bad["cells"], columns=["file", "row", "column", "value", "reason"])
    return cells.set_axis([FILE, ROW, "Column", "Value", WRONG], axis=1)


def found(table: pd.DataFrame, sought: str) -> pd.DataFrame:
    """Return the rows of a table of which some cell holds a text, whatever its case.

    >>> table = pd.DataFrame({"Column": ["Tax", "City"], "Value": ["-1", "Taxco"]})
    >>> found(table, "tax").index.tolist(), found(table, "-").index.tolist()
    ([0, 1], [0])
    """
    if not sought:
        return table
    held = [table[name].astype(str).str.contains(sought, case=False, regex=False) for name in table]
    return table[pd.concat(held, axis=1).any(axis=1)] if held else table


def to_mend(bad: Quarantine, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of these bad cells whole: file, row, what is wrong, and their columns."""
    wrong = (cells["Column"] + ": " + cells[WRONG]).groupby([cells[FILE], cells[ROW]], sort=False)
    why = wrong.agg("; ".join).to_dict()
    rows = [
        {FILE: one["file"], ROW: one["row"], WRONG: why[one["file"], one["row"]], **one["cells"]}
        for one in bad["whole"]
        if (one["file"], one["row"]) in why
    ]
    names = dict.fromkeys([FILE, ROW, WRONG, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(names)).fillna("")


def _to_mend(known: Told, bad: Quarantine, cells: pd.DataFrame) -> None:
    """Draw what may be done with the rows that are found."""
    rows = to_mend(bad, cells)
    told = len({(one["file"], one["row"]) for one in bad["cells"]})
    if told < bad["rows"]:
        st.caption(f"{told:,} of {bad['rows']:,} rows, some of each column that has bad cells.")
    count = f"{len(rows):,} row{'s'[: len(rows) != 1]}"
    with st.container(horizontal=True):
        if not rows.empty:
            _download(f"Download {count} to mend", rows, NAME)
            if st.button(f"Mend {count} here", icon=":material/edit:"):
                _send(known, rows)
        _download("Download the list of bad cells", cells, "set_aside.csv")
    without = (
        f" Without {', '.join(bad['left_out'])}, as that is private." if bad["left_out"] else ""
    )
    st.caption(
        plain(
            "Mended rows can be predicted under Score a file. To be learnt from, they go to those "
            f"who run the pipeline: a good row takes the place of the bad one.{without}"
        ),
        help="A file with them in `data/incoming/`, then `make repro`. All bad cells stand in "
        "`data/prepared/quarantine.csv`.",
    )


def _send(known: Told, rows: pd.DataFrame) -> None:
    """Put the rows into Score a file, where bad cells are mended in a table, and go there."""
    body = rows.to_csv(index=False).encode()
    try:
        sent = upload_check.check(
            *(NAME, body, known.fields, known.schema["parts"]), known=column_names.remembered()
        )
    except RequestError as error:
        st.error(plain(str(RefusedError(422, error.details))), icon=":material/error:")
        return
    st.session_state.pop(SCORING, None)
    st.session_state[UPLOAD] = sent
    st.switch_page("views/score_file.py")


def _download(label: str, table: pd.DataFrame, name: str) -> None:
    st.download_button(
        label,
        lambda: table.to_csv(index=False).encode(),
        name,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
