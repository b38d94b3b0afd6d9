"""Predict: one row, its prediction, what that is made of, why it is so, and what moves it."""

from typing import Any

import pandas as pd
import streamlit as st

from sales.contract import Column
from ui import (
    asked,
    beside,
    bill,
    charts,
    form,
    history,
    link,
    states,
    sweep,
    tables,
    told,
    waterfall,
)
from ui.amounts import amount, apart, is_share, plain, words
from ui.asked import Asked
from ui.assistive import assist
from ui.client import RefusedError, Service, ServiceError
from ui.form import Filled
from ui.told import Told

PREDICTED, TURN, PICKED, OPENED = "predicted", "turn", "moves_with", "opened"
BUTTON = "predict"
OTHER_FIELDS = "Another model answers now, which asks for other fields: press Predict again."


def view(service: Service) -> None:
    """Draw the form, and beside it the answer to what was last asked."""
    try:
        with st.spinner("Asking the service …"):
            # The answer to come tells which model gave it: there is nothing to wait for before.
            known = told.ask(service, anew=not st.session_state.get(BUTTON))
    except Exception:
        st.title(_title(told.last(service)))
        raise
    called = known.called
    st.title(_title(known))
    told.who_answers(known.model)
    opened = _open_link(known)
    with st.container(key="asked"):
        with st.container():
            filled = form.order_form(known.schema)
            pressed = st.button("Predict", key=BUTTON, type="primary", icon=":material/sell:")
            pressed = pressed or opened
        with st.container():
            failed = _ask(service, known, filled, pressed=pressed)
            found: Asked | None = st.session_state.get(PREDICTED)
            spoken = _spoken(known, found, failed)
            if found:
                if found.order != filled.order:
                    st.caption("The form has changed since: press Predict for what it is now.")
                _answer(service, known, found)
            elif not failed:
                text = plain(f"Fill in the {called.row} and press Predict.")
                st.info(text, icon=":material/arrow_back:")
                st.page_link(
                    "views/about.py", label="New here? Two minutes", icon=":material/info:"
                )
    if found:
        with st.container(key="about"):  # beneath both: on a telephone the answer is first
            with st.container():
                _why(known, found)
            with st.container():
                _moves(service, known, found)
        beside.draw(known, found)
    beside.session(known)
    told.what_is_kept(known)
    assist(BUTTON, form.bad_fields(known.schema, filled), st.session_state.get(TURN, 0), spoken)


def _title(known: Told | None) -> str:
    if known is None:
        return "Predict"
    called, target = known.called, words(known.schema["target"]).lower()
    return plain(called.question or f"What will this {called.row}'s {target} be?")


def _open_link(known: Told) -> bool:
    """Fill the form from the page's address, once for each; return whether it is to be asked."""
    query = st.query_params.to_dict()
    if st.session_state.get(OPENED, {}) == query:
        return False
    st.session_state[OPENED] = query
    order, problems = link.read(query, known.fields)
    form.fill(known.schema, order)
    if problems:
        text = f"The link does not say all of it. {'; '.join(problems)}."
        st.warning(plain(text), icon=":material/link_off:")
    return bool(order) and not problems


def _ask(service: Service, known: Told, filled: Filled, *, pressed: bool) -> str:
    """Keep the answer to the order, asked anew where another model answers by now.

    Return why there is none, which is said in its place.
    """
    found: Asked | None = st.session_state.get(PREDICTED)
    order = filled.order if pressed or found is None else found.order
    if known.failed:
        states.trouble(service, known.failed)
        return str(known.failed)
    if pressed:
        st.session_state[PREDICTED] = None
        st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
    if pressed and filled.problems:
        said = [f"{words(name)}: {problem}." for name, problem in filled.problems.items()]
        st.error(plain("Not predicted. " + " ".join(said)), icon=":material/error:")
        return " ".join(["Not predicted.", *said])
    switched = not pressed and found is not None and not found.is_by(known.model)
    if switched and order.keys() != known.fields.keys():
        st.session_state[PREDICTED] = None
        st.info(OTHER_FIELDS, icon=":material/swap_horiz:")
        return OTHER_FIELDS
    if not (pressed or switched):
        return ""
    try:
        with st.spinner("Predicting …"):
            st.session_state[PREDICTED] = asked.ask(service, order, *_tried(known, order))
        history.add(st.session_state[PREDICTED])
    except ServiceError as error:
        st.session_state[PREDICTED] = None
        if isinstance(error, RefusedError) and told.ask(service).fields != known.fields:
            st.info(OTHER_FIELDS, icon=":material/swap_horiz:")
            st.button("Show them", icon=":material/refresh:")
            return OTHER_FIELDS
        states.trouble(service, error)
        return f"Not predicted. {error}"
    if switched:
        st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
        st.info("Another model answers now: it was asked anew.", icon=":material/swap_horiz:")
    elif not st.session_state[PREDICTED].is_by(known.model):
        st.rerun()  # switched since the view was begun: drawn again, from what this model asks for
    return ""


def _tried(known: Told, order: form.Order) -> tuple[str | None, list[form.Order]]:
    """Return the field that the person picked, and the order with each value tried of it."""
    fields = _movable(known, order)
    if not fields:
        return None, []
    picked = st.session_state.get(PICKED)
    name = picked if picked in fields else next(iter(fields))
    return name, sweep.orders(order, name, _values(known, order, name))


def _movable(known: Told, order: form.Order) -> dict[str, Column]:
    fields = {n: c for n, c in known.fields.items() if c.role == "numeric"}
    if not fields.keys() <= order.keys():
        return {}
    return {name: column for name, column in fields.items() if order[name] is not None}


def _values(known: Told, order: form.Order, name: str) -> list[float]:
    return sweep.values(known.fields[name], order[name], known.picture["numeric"].get(name))


def _spoken(known: Told, found: Asked | None, failed: str) -> str:
    """Return what is read to those who do not see the answer."""
    if failed or not found:
        return failed
    total = amount(found.answer[known.schema["answer_key"]], known.unit)
    return f"Predicted {words(known.schema['target']).lower()}: {total}. {_within(known, found)}"


def _within(known: Told, found: Asked) -> str:
    """Return between what the truth lies, and how often; nothing where the model does not tell."""
    interval = found.answer.get("prediction_interval")
    if not interval:
        return ""
    low, high = apart(interval["low"], interval["high"], known.unit)
    return f"{interval['coverage']:.0%} of such {known.called.rows} lie between {low} and {high}."


def _answer(service: Service, known: Told, found: Asked) -> None:
    total, model = found.answer[known.schema["answer_key"]], found.model
    with st.container(border=True):
        label = plain(f"Predicted {words(known.schema['target']).lower()}")
        st.metric(label, amount(total, known.unit))
        if within := _within(known, found):
            st.markdown(plain(within))
        st.caption(
            f"Answered by the {model['alias']}, version {model['version']}",
            help=told.exactly(model),
        )
    for warning in found.answer["warnings"]:
        st.warning(plain(warning), icon=":material/warning:")
    if known.picture["breakdown"]:
        st.header("The bill", anchor=False)
        parts = bill.parts(known.picture["breakdown"], found.order, total)
        lines = {**parts, "**Total**": total}
        rows = [(part, plain(amount(value, known.unit))) for part, value in lines.items()]
        tables.draw("bill", pd.DataFrame(rows, columns=["Part", "Amount"]), header=False)
    with st.container(horizontal=True, key="with_answer"):
        beside.keep_button(found)
    with st.expander("Link and curl", icon=":material/link:"):
        st.markdown(plain(f"Opens this page with this {known.called.row}; nothing else is in it:"))
        st.code(link.to(st.context.url or "", found.order), language=None, wrap_lines=True)
        st.markdown("Asks the service for the same, from a terminal that reaches it:")
        st.code(link.curl(service.url, found.order), language=None, wrap_lines=True)


def _why(known: Told, found: Asked) -> None:
    """Draw what each feature adds to the prediction."""
    st.header("Why this prediction", anchor=False)
    explained = found.explained
    if isinstance(explained, str):
        st.info(plain(f"It cannot be explained. {explained}"), icon=":material/info:")
        return
    for warning in explained["warnings"]:
        if warning not in found.answer["warnings"]:  # those stand above
            st.warning(plain(warning), icon=":material/warning:")
    shares = {name for name, column in known.fields.items() if is_share(column)}
    steps = waterfall.steps(explained, known.schema["answer_key"], known.unit, shares)
    st.altair_chart(
        charts.waterfall(steps, known.unit),
        alt=f"Waterfall chart: {waterfall.told(steps)}",
    )
    row = known.called.row
    st.caption(plain(f"Each bar is what the model makes of a field, against an average {row}."))


def _moves(service: Service, known: Told, found: Asked) -> None:
    """Draw how the prediction moves with a field that the person picks."""
    fields = _movable(known, found.order)
    if not fields:
        return
    st.header("What moves it", anchor=False)
    name = st.selectbox(
        "How the prediction moves with", list(fields), format_func=words, key=PICKED
    )
    tried = _values(known, found.order, name)
    if found.must_ask(name) and not known.failed:
        orders = sweep.orders(found.order, name, tried)
        if not asked.move(service, found, name, orders):
            st.session_state[PREDICTED] = asked.ask(service, found.order, name, orders)
            st.rerun()  # all of it by the model that answers now
    moved: dict[str, Any] | str = found.moves.get(name, "The service does not answer.")
    if isinstance(moved, str):
        st.info(plain(moved), icon=":material/info:")
        return
    column = known.fields[name]
    x, y = words(name), f"Predicted {words(known.schema['target']).lower()}"
    unit = "%" if is_share(column) else column.unit
    st.altair_chart(
        charts.line(
            pd.DataFrame({"x": tried, "y": moved["predictions"]}),
            (f"{x} ({unit})" if unit else x, y),
            found.order[name],
            known.unit,
            whole=column.integer,
            share=is_share(column),
        ),
        alt=f"Line chart: {y} by {x}",
    )
    st.caption(plain(f"All other fields as they were; the dashed line marks your {x.lower()}."))


states.show(view)
