"""A scored file: the download, the predictions, and how far they are from truths that it holds."""

import numpy as np
import pandas as pd
import streamlit as st

from sales.contract import Column, cells, decimals
from ui import both_models, charts, truths_kept, worst_rows
from ui.amounts import column_format, error_size, plain, words
from ui.client import Service
from ui.file_check import ROW, SHOWN, aligned, numbered
from ui.scoring import Scoring
from ui.terms import MAE, RMSE
from ui.told import Told
from ui.upload_check import Upload

PLOTTED = 2_000  # rows


def said(known: Told, scoring: Scoring) -> None:
    """Say what was scored, by which model, and what was unusual."""
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


def draw(service: Service, known: Told, scoring: Scoring) -> None:
    """Draw the predictions, against the truths where the file holds them, and the first rows."""
    uploaded, added = scoring.upload, scoring.added()
    target, unit = known.schema["target"], known.unit
    name = scoring.predicted(target)
    predicted = added[name].to_numpy()
    drawn = st.container(key="charts_scored")
    with drawn, st.container():
        st.header("Predictions", anchor=False)
        title = f"Predicted {words(target).lower()}" + (f" ({unit})" if unit else "")
        st.altair_chart(
            charts.histogram(charts.binned(predicted), title), alt=f"Histogram: {title}"
        )
    true = truths(uploaded, target)
    if true is not None and np.isfinite(true - predicted).any():
        with drawn, st.container():
            _against(true, predicted, unit)
        with drawn, st.container():
            worst_rows.draw(service, known, scoring, true, predicted)
        truths_kept.draw(service, known, scoring, true)
    both_models.draw(service, known, scoring, true)
    _rows(known, scoring, added.column_names)


def truths(uploaded: Upload, target: str) -> np.ndarray | None:
    """Return the true values that a file holds, NaN where a cell is none; None without a column."""
    own = uploaded.own(target)
    if own not in uploaded.table.column_names or cells.nested(uploaded.table[own].type):
        return None
    raw = decimals.column(uploaded.table, own, Column(role="target"))
    return cells.number(raw.combine_chunks()).to_numpy(zero_copy_only=False)


def _against(true: np.ndarray, predicted: np.ndarray, unit: str | None) -> None:
    """Show how far the predictions are from the truth."""
    both = np.isfinite(true) & np.isfinite(predicted)
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


def _rows(known: Told, scoring: Scoring, added: list[str]) -> None:
    st.header("Rows", anchor=False)
    table = scoring.table()
    names = [*added, *(name for name in table.column_names if name not in added)]
    number = st.column_config.NumberColumn(format=column_format(known.unit))
    st.dataframe(
        numbered(scoring.upload, table.slice(0, SHOWN).select(names)),
        column_config={
            "_index": ROW,
            **aligned(known, scoring.upload),
            **dict.fromkeys(added, number),
        },
        alt="The scored rows",
    )
    if table.num_rows > SHOWN:
        st.caption(f"The first {SHOWN:,} of {table.num_rows:,} rows; the download holds them all.")
