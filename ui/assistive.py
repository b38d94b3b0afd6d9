"""What the browser does for the form: Enter predicts, and the answer is told to screen readers."""

from pathlib import Path

import streamlit as st

from ui.form import FORM

# Seen by nobody, and there from the start: a region that comes with its text is not read.
REGION = """<div role="status" aria-live="polite" style="position: absolute; width: 1px;
 height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap"></div>"""
SCRIPT = Path(__file__).with_name("assistive.js").read_text()
_mount = st.components.v2.component("assistive", html=REGION, js=SCRIPT, isolate_styles=False)


def assist(button: str, bad: list[str], turn: int, text: str) -> None:
    """Let Enter press the button of that key; mark the bad fields; read `text` once a turn."""
    data = {"form": FORM, "button": button, "bad": bad, "turn": str(turn), "text": text}
    _mount(key="assistive", data=data)
