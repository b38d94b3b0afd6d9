"""Answers of this session beside one another: the one that is kept, and the list of all of them."""

import pandas as pd
import streamlit as st

from ui import comparison_charts, form, history, tables, what_ifs
from ui.amounts import amount, plain, words
from ui.asked import Asked
from ui.history import Entry
from ui.told import Told

KEPT, PICKED = "kept_to_compare", "earlier"
SHOWN = 20  # answers in the list; the download holds them all


def keep_button(found: Asked) -> None:
    """Draw the button that keeps an answer, for the next one to stand beside."""
    kept: Asked | None = st.session_state.get(KEPT)
    label = "Keep it to compare" if kept is None else "Keep this one instead"
    st.button(
        label,
        key="keep",
        icon=":material/push_pin:",
        disabled=kept is found,
        help="Then change the form and predict again: both stand side by side",
        on_click=st.session_state.update,
        kwargs={KEPT: found},
    )
    if kept is found:
        st.caption("Kept: change a field and predict again.")


def draw(known: Told, found: Asked) -> None:
    """Draw the kept answer beside the last one; nothing where none is kept, or it is the same."""
    kept: Asked | None = st.session_state.get(KEPT)
    if kept is None or kept is found:
        return
    key, unit = known.schema["answer_key"], known.unit
    st.header("Side by side", anchor=False)
    st.markdown(plain(what_ifs.said(kept, found, key, unit)))
    if not found.is_by(kept.model):
        st.info(
            plain(
                f"Two models: the {kept.model['alias']}, version {kept.model['version']}, answered "
                f"the one that was kept; the {found.model['alias']}, version "
                f"{found.model['version']}, this one."
            ),
            icon=":material/swap_horiz:",
        )
    with st.container(key="beside"):
        with st.container():
            table = what_ifs.table(kept, found, known.fields, key, unit)
            tables.draw("what_ifs", table.map(plain), alt="Both answers side by side")
            st.button(
                "End the comparison",
                key="unkeep",
                icon=":material/close:",
                on_click=st.session_state.pop,
                args=(KEPT, None),
            )
        with st.container():
            _whys(known, kept, found)


def _whys(known: Told, kept: Asked, found: Asked) -> None:
    whys = what_ifs.whys(kept, found)
    if whys is None:
        st.info("One of them cannot be explained.", icon=":material/info:")
        return
    names = {"first": what_ifs.FIRST, "second": what_ifs.SECOND}
    target = words(known.schema["target"]).lower()
    title = f"Added to the {target}" + (f" ({known.unit})" if known.unit else "")
    text = "; ".join(
        f"{label} {first:,.2f} and {second:,.2f}"
        for label, first, second in whys[["label", "first", "second"]].itertuples(index=False)
    )
    st.altair_chart(
        comparison_charts.paired(whys, names, title, known.unit),
        alt=f"Both whys: {text}",
    )
    st.caption("What each field adds in both; the largest difference first.")


def session(known: Told) -> None:
    """Draw the session's answers: the list, one to compare with or to open, and the download."""
    entries = history.entries()
    if len(entries) < 2:
        return
    key, zone = known.schema["answer_key"], history.zone()
    entries = [one for one in entries if key in one.asked.answer]
    with st.expander(f"This session: {len(entries)} answers", icon=":material/history:"):
        tables.draw("history", _listed(entries, known), alt="The answers of this session")
        labels = {history.label(one, key, known.unit, zone): one for one in reversed(entries)}
        picked = st.selectbox("An earlier one", list(labels), key=PICKED, format_func=str)
        earlier = labels[picked].asked
        with st.container(horizontal=True):
            st.button(
                "Compare with it",
                icon=":material/compare_arrows:",
                on_click=st.session_state.update,
                kwargs={KEPT: earlier},
            )
            st.button(
                "Fill the form with it",
                icon=":material/edit:",
                on_click=form.fill,
                args=(known.schema, earlier.order),
            )
            st.download_button(
                "Download the session",
                lambda: history.table(entries, known.schema["target"], key),
                "session.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
        st.caption("It is kept in this tab alone, and goes with it.")


def _listed(entries: list[Entry], known: Told) -> pd.DataFrame:
    """Return the last answers, the newest first: number, time, what was changed, prediction."""
    key, zone = known.schema["answer_key"], history.zone()
    rows = []
    before = [None, *entries[:-1]]
    for one, last in list(zip(entries, before, strict=True))[::-1][:SHOWN]:
        changed = what_ifs.changes(last.asked if last else None, one.asked, known.fields)
        total = amount(one.asked.answer[key], known.unit)
        when = f"{one.at.astimezone(zone):%H:%M:%S}"
        rows.append((str(one.number), when, plain(changed), plain(total)))
    return pd.DataFrame(rows, columns=["No.", "At", "Changed", "Prediction"])
