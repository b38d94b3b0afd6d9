"""Who presses again before all is drawn: Streamlit, as the page sets it, in real Chromium."""

import pytest
from playwright.sync_api import expect

from tests.ui.chromium import PATIENCE, launched, page_over, settled

pytestmark = pytest.mark.browser

SCRIPT = """
import threading
import time

import streamlit as st


@st.cache_resource
def counted():
    return {"now": 0, "most": 0, "begun": 0}, threading.Lock()


counts, lock = counted()
with lock:
    counts["begun"] += 1
    counts["now"] += 1
    counts["most"] = max(counts["most"], counts["now"])
try:
    st.button("Again")
    st.text(f"run {counts['begun']}")
    time.sleep(2)
    st.text(f"at most {counts['most']} at a time")
finally:
    with lock:
        counts["now"] -= 1
"""


def test_a_session_is_never_drawn_twice_at_the_same_time(tmp_path):
    """With fast reruns two are: both change what the session keeps, and one of them may break."""
    (tmp_path / "app.py").write_text(SCRIPT)
    with (
        page_over("http://127.0.0.1:9", tmp_path, str(tmp_path / "app.py")) as url,
        launched() as browser,
    ):
        tab = browser.new_page()
        tab.goto(url)
        again = tab.get_by_role("button", name="Again")
        for _ in range(3):
            again.click(timeout=PATIENCE)
            tab.wait_for_timeout(500)
        settled(tab)
        expect(tab.get_by_text("at most 1 at a time")).to_be_visible(timeout=PATIENCE)
