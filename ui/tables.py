"""Small tables of text, whose last column is an amount."""

import pandas as pd
import streamlit as st


def draw(key: str, table: pd.DataFrame, *, header: bool = True, alt: str | None = None) -> None:
    """Draw a table; page.css sets the last column to the right, finding it by the key."""
    with st.container(key=f"amounts_{key}"):
        st.table(table, border="horizontal", hide_index=True, hide_header=not header, alt=alt)
