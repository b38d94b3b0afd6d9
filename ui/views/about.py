"""About: a first visit of two minutes: what this is, one example, what it cannot do."""

from typing import Any

import streamlit as st

from ui import link, told
from ui.amounts import amount, plain, value_of, words
from ui.client import RefusedError, Service
from ui.states import show
from ui.told import Told

SHOWN = 6  # fields of the example


def view(service: Service) -> None:
    """Draw what somebody who sees this page for the first time needs to know."""
    known = told.last(service)
    title = st.empty()
    title.title(_title(known))
    with st.spinner("Asking the service …"):
        known = told.ask(service)
    title.title(_title(known))
    if known.failed:
        raise known.failed
    called, target = known.called, words(known.schema["target"]).lower()
    st.markdown(
        plain(
            f"You say what is known of one {called.row}; this page says what its {target} will "
            f"most likely be, how far off that may be, and why. It learnt that from "
            f"{_learnt(known)}."
        )
    )
    _example(service, known)
    st.header("What you can do here", anchor=False)
    for page, icon, text in (
        ("views/predict.py", "sell", f"Predict one {called.row}, and see what changes it"),
        ("views/score_file.py", "table", f"Predict a file of {called.rows}, and get it back"),
        ("views/models.py", "model_training", "See how good the models are, and which answers"),
        ("views/data.py", "bar_chart", f"See the {called.rows} that they learnt from"),
        ("views/watch.py", "monitoring", "See how right it was lately"),
    ):
        st.page_link(page, label=text, icon=f":material/{icon}:")
    st.header("What it cannot do", anchor=False)
    st.markdown("\n".join(f"- {plain(line)}" for line in limits(known)))
    told.what_is_kept(known)


def _title(known: Told | None) -> str:
    return plain(f"{known.called.title} in two minutes") if known else "In two minutes"


def limits(known: Told) -> list[str]:
    """Return what a person must not expect of the predictions."""
    called, target = known.called, words(known.schema["target"]).lower()
    lines = [
        f"It does not know the future: it answers as if the {called.rows} to come were like those "
        "that it learnt from. Where prices or habits change, it is wrong until it is trained anew.",
        "It warns where a value lies outside of what it learnt from; its answer is a guess then, "
        "and the range around it does not hold.",
        "The range is right for most, not for all: one of ten, where it says 90 %, lies outside.",
        f"Why it answers so is told by how the model works, not by what makes a {target} in the "
        "world: changing a field here does not prove what a change would do there.",
    ]
    if days := _days(known):
        lines.insert(1, f"It knows no {called.row} of before {days[0]} or after {days[1]}.")
    return lines


def _days(known: Told) -> tuple[str, str] | None:
    spans = known.picture.get("spans") or []
    firsts = [span["first"] for span in spans if span.get("first")]
    lasts = [span["last"] for span in spans if span.get("last")]
    return (min(firsts), max(lasts)) if firsts and lasts else None


def _learnt(known: Told) -> str:
    rows = known.picture.get("train_rows")
    return f"{rows:,} {known.called.rows}" if rows else f"{known.called.rows} of the past"


def _example(service: Service, known: Told) -> None:
    """Draw the schema's example with its prediction; without one where the service fails."""
    order: dict[str, Any] = known.schema["example"]
    st.header("One example", anchor=False)
    shown = [name for name in known.fields if order.get(name) is not None]
    numbers = [name for name in shown if known.fields[name].role == "numeric"]
    first = [*numbers, *(name for name in shown if name not in numbers)][:SHOWN]
    told_of = ", ".join(
        f"{words(name).lower()} {value_of(order[name], known.fields[name])}" for name in first
    )
    try:
        answer = service.predict_batch([order])
    except RefusedError as error:
        st.info(plain(f"It cannot be predicted now. {error}"), icon=":material/info:")
        return
    total, row = amount(answer["predictions"][0], known.unit), known.called.row
    article = "An" if row[:1].lower() in tuple("aeiou") else "A"
    said = plain(f"{article} {row} with {told_of}: the prediction is ")
    st.markdown(f"{said}**{plain(total)}**.")
    st.page_link(
        "views/predict.py",
        label="Open it and change something",
        icon=":material/arrow_forward:",
        query_params=link.query(order),
    )


show(view)
