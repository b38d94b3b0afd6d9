"""The page's frame: `make ui`. Each view is a file in views/, drawn by Streamlit's navigation."""

from pathlib import Path

import streamlit as st

from ui import told

# An icon of our own: Streamlit would fetch one of its set from fonts.gstatic.com.
HERE = Path(__file__).parent
ICON = str(HERE / "icon.svg")

title = told.title()
st.set_page_config(title, ICON, layout="wide")
st.html(HERE / "page.css")
st.navigation(
    [
        st.Page("views/predict.py", title="Predict", icon=":material/sell:", default=True),
        st.Page("views/score_file.py", title="Score a file", icon=":material/table:"),
        st.Page("views/models.py", title="Models", icon=":material/model_training:"),
        st.Page("views/data.py", title="Data", icon=":material/bar_chart:"),
        st.Page("views/watch.py", title="Watch", icon=":material/monitoring:"),
        st.Page("views/about.py", title="About", icon=":material/info:"),
    ],
    position="top",
).run()
if told.title() != title:  # the view has just been told it
    st.set_page_config(told.title(), ICON, layout="wide")
