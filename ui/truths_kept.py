"""The true amounts of a scored file, sent to the service as truths where the person says so."""

import numpy as np
import pyarrow as pa
import streamlit as st

from sales.serving import request_ids
from ui.amounts import plain, words
from ui.client import RefusedError, Service
from ui.scoring import Scoring
from ui.told import Told

PIECE = 50_000  # rows in a request
SENT = "truths_sent"
UNAUTHORIZED = 401


def table(scoring: Scoring, target: str, true: np.ndarray) -> pa.Table | None:
    """Return the ids of the file's rows with what came true; None where there is nothing to send.

    Rows without a prediction or a truth are left out.
    """
    added, name = scoring.added(), request_ids.column(target)
    if name not in added.column_names:
        return None  # of an older service
    told = pa.table({name: added[name], target: pa.array(true)})
    told = told.filter(pa.array(scoring.upload.good & np.isfinite(true)))
    return told if told.num_rows else None


def draw(service: Service, known: Told, scoring: Scoring, true: np.ndarray) -> None:
    """Draw the question whether to keep them, and what became of it."""
    target = known.schema["target"]
    truths = table(scoring, target, true) if known.kept.get("kept") else None
    if truths is None:
        return
    rows = truths.num_rows
    said = words(target).lower()
    with st.expander("Keep the true values", icon=":material/fact_check:"):
        if st.session_state.get(SENT) is scoring:
            st.success(f"{rows:,} true values are kept.", icon=":material/check:")
            return
        st.markdown(
            plain(
                f"The file holds the true {said} of {rows:,} {known.called.rows}. Sent to the "
                "service, they show how right it is: on Watch, and where models are compared. "
                f"Send them only if they are final. They are kept for {known.kept['days']:g} days."
            )
        )
        token = ""
        if st.session_state.get(f"{SENT}_token"):
            token = st.text_input("Token for true values", type="password", autocomplete="off")
        if not st.button(f"Keep {rows:,} true values", icon=":material/save:"):
            return
        try:
            for first in range(0, rows, PIECE):
                service.truths(truths.slice(first, PIECE), token)
        except RefusedError as error:
            if error.status == UNAUTHORIZED and not st.session_state.get(f"{SENT}_token"):
                st.session_state[f"{SENT}_token"] = True
                st.rerun()
            st.error(plain(f"Not kept. {error}"), icon=":material/error:")
            return
        st.session_state[SENT] = scoring
        st.rerun()
