"""The page's frame: `make ui`. Each view is a file in views/, drawn by Streamlit's navigation."""

import streamlit as st

from ui import frame, states, told

title = told.title()
st.set_page_config(title, frame.MARK, layout="wide")
frame.draw(title, dark=st.context.theme.type == "dark")
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
told.once(states.service())  # not every view asks
if told.title() != title:  # it has just been told
    st.set_page_config(told.title(), frame.MARK, layout="wide")
    frame.name(told.title())
