"""What is folded until somebody opens it: nothing of it is worked out, sent or drawn before."""

from collections.abc import Callable

import streamlit as st

PREFIX = "folded_"  # before the key under which the session knows whether it is open


def fold(key: str, label: str, draw: Callable[[], None], icon: str | None = None) -> None:
    """Let `draw` fill an expander as it is opened; the rest of the view is not drawn again."""

    @st.fragment(key=f"part_{key}")
    def part() -> None:
        with st.expander(label, key=f"{PREFIX}{key}", icon=icon, on_change="rerun") as place:
            if place.open:
                draw()

    part()
