"""Which column of a file is which of the service's, where the names differ: said by a person.

What was said is remembered for files with the same columns, as long as the session lasts.
"""

import difflib
import re
from collections.abc import Iterable, Mapping

import streamlit as st

from ui.amounts import plain
from ui.told import Told
from ui.upload_check import Upload

REMEMBERED = "column_names"
NONE = "none of them"
LIKE = 0.75  # how alike two names must be, of 1, for one to be offered for the other

Names = Mapping[str, str]  # what the file calls a column, by the service's name


def remembered() -> dict[tuple[str, ...], Names]:
    """Return what was said so far, by the columns of the file of which it was said."""
    known: dict[tuple[str, ...], Names] = st.session_state.setdefault(REMEMBERED, {})
    return known


def guess(lacking: Iterable[str], columns: Iterable[str]) -> dict[str, str]:
    """Return the column that each of the lacking names most likely stands for, where any does.

    >>> guess(["UnitPrice", "Tax"], ["unit price", "VAT", "Quantity sold"])
    {'UnitPrice': 'unit price'}
    """
    free = {_bare(column): column for column in columns}
    found = {}
    for name in lacking:
        if _bare(name) in free:
            found[name] = free.pop(_bare(name))
    for name in lacking:
        alike = difflib.get_close_matches(_bare(name), free, 1, LIKE)
        if name not in found and alike:
            found[name] = free.pop(alike[0])
    return {name: found[name] for name in lacking if name in found}


def ask(known: Told, uploaded: Upload) -> Upload | None:
    """Draw a choice for each column that the file lacks; return the file as it is then.

    None as long as nothing was said, or there is no column to choose from.
    """
    asked = {*known.fields, *known.schema["parts"], known.schema["target"]}
    taken = {uploaded.own(name) for name in asked}
    free = [column for column in uploaded.table.column_names if column not in taken]
    if not free or not uploaded.lacking:
        return None
    target = known.schema["target"]
    lacking = [*uploaded.lacking, *([target] if target not in uploaded.table.column_names else [])]
    guessed = guess(lacking, free)
    st.header("Which column is which?", anchor=False)
    st.markdown(
        "Some names differ. Say which of the file's columns is meant; it is remembered for files "
        "with the same columns."
    )
    said = {}
    with st.form("names", border=False), st.container(key="charts_names"):
        for name in lacking:
            label = f"{plain(name)} (the true values, if there are any)" if name == target else name
            options = [NONE, *free]
            first = options.index(guessed[name]) if name in guessed else 0
            chosen = st.selectbox(
                plain(label) if name != target else label, options, first, key=f"name_{name}"
            )
            if chosen != NONE:
                said[name] = chosen
        pressed = st.form_submit_button("Use these names", type="primary", icon=":material/check:")
    if not pressed:
        return None
    twice = sorted({own for own in said.values() if [*said.values()].count(own) > 1})
    if twice:
        st.error(plain(f"Chosen for two: {', '.join(twice)}."), icon=":material/error:")
        return None
    names = {**uploaded.names, **said}
    remembered()[tuple(uploaded.table.column_names)] = names
    return uploaded.again(known.fields, known.schema["parts"], names=names)


def tell(known: Told, uploaded: Upload) -> Upload | None:
    """Say what was said of the file's columns; return the file as it came when it is taken back."""
    if not uploaded.names:
        return None
    pairs = ", ".join(f"{own} is {name}" for name, own in uploaded.names.items())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(f"As you said: {pairs}."), width="content")
        forgotten = st.button("Name them anew", type="tertiary", icon=":material/undo:")
    if not forgotten:
        return None
    remembered().pop(tuple(uploaded.table.column_names), None)
    return uploaded.again(known.fields, known.schema["parts"], names={})


def _bare(name: str) -> str:
    """Return `UnitPrice` and `unit price` as the same text."""
    return re.sub(r"[\W_]+", "", name).casefold()
