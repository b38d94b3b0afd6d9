"""What all views stand in: the mark and the product's name, the looks on a screen and on paper."""

from pathlib import Path

import streamlit as st

# A mark of our own: Streamlit would fetch one of its set from fonts.gstatic.com.
HERE = Path(__file__).parent
MARK = str(HERE / "icon.svg")
# Beside the mark, which is an image of its own or stands in a button that leads to the first view.
NAME = '*:has(> [data-testid="stHeaderLogo"])::after { content: %s; }'


def draw(title: str, *, dark: bool) -> None:
    """Draw the frame; what is printed from a `dark` page is dark on white all the same."""
    st.html(HERE / "page.css")
    if dark:
        st.html(HERE / "dark_on_paper.css")
    st.logo(MARK)
    name(title)


def name(title: str) -> None:
    """Write the product's name beside the mark; the last one that is written counts."""
    st.html(f"<style>{NAME % quoted(title)}</style>")


def quoted(text: str) -> str:
    r"""Return a text as a string of CSS, which nothing in it ends.

    >>> print(quoted('Ann\'s "best" </style>'))
    "Ann's \22 best\22  \3c /style\3e "
    """
    hidden = {*'"\\<>', *map(chr, range(32))}
    return '"' + "".join(f"\\{ord(c):x} " if c in hidden else c for c in text) + '"'
