"""The rows of a scored file whose predictions are farthest from the truth, and why they are."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ui import charts, row_of_file, tables, waterfall
from ui.amounts import amount, is_share, plain, signed
from ui.client import RefusedError, Service
from ui.scoring import Scoring
from ui.told import Told

MOST = 10  # rows
PICKED = "worst_row"


def places(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the places of the worst rows, the worst first; a row without both is none.

    >>> places(np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.5, 9.0, 3.0, 4.0])).tolist()
    [1, 0, 3]
    """
    off = np.abs(predicted - true)
    order = np.argsort(-np.nan_to_num(off, nan=-1.0), kind="stable")[:MOST]
    return order[np.isfinite(off[order])]


def draw(
    service: Service, known: Told, scoring: Scoring, true: np.ndarray, predicted: np.ndarray
) -> None:
    """Draw the worst rows, and why the one that is picked has its prediction."""
    worst, unit = places(true, predicted), known.unit
    numbers = scoring.upload.rows[worst]
    st.header("The worst rows", anchor=False)
    rows = [
        (
            str(number),
            plain(amount(true[place], unit)),
            plain(amount(predicted[place], unit)),
            plain(signed(predicted[place] - true[place], unit)),
        )
        for number, place in zip(numbers, worst, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["Row", "True", "Predicted", "Off by"])
    tables.draw("worst", table, alt="The rows that are farthest off")
    by_number = dict(zip(numbers.tolist(), worst.tolist(), strict=True))
    picked = st.selectbox(
        "Why a row has its prediction",
        list(by_number),
        index=None,
        format_func=lambda number: f"Row {number}",
        placeholder="Pick a row",
        key=PICKED,
    )
    if picked is not None:
        _why(service, known, scoring, by_number[picked])


def _why(service: Service, known: Told, scoring: Scoring, place: int) -> None:
    fields, parts = known.fields, known.schema["parts"]
    order = row_of_file.order(scoring.upload, place, fields, parts)
    try:
        explained: dict[str, Any] = service.explain(order)
    except RefusedError as error:
        st.info(plain(f"It cannot be explained. {error}"), icon=":material/info:")
        return
    if explained["model"]["content_hash"] != scoring.content_hash:
        st.info("Another model answers now: score the file again.", icon=":material/swap_horiz:")
        return
    shares = {name for name, column in fields.items() if is_share(column)}
    steps = waterfall.steps(explained, known.schema["answer_key"], known.unit, shares)
    st.altair_chart(
        charts.waterfall(steps, known.unit), alt=f"Waterfall chart: {waterfall.told(steps)}"
    )
