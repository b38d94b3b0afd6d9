"""Predict: one row, its prediction, what that is made of, why it is so, and what moves it."""

from typing import Any

import pandas as pd
import streamlit as st

from sales.contract import Called
from ui import bill, charts, form, states, sweep, waterfall
from ui.amounts import amount, plain, words
from ui.client import RefusedError, Service, ServiceError

PREDICTED = "predicted"


def view(service: Service) -> None:
    """Draw the form, and beside it the answer to what was last asked."""
    with st.spinner("Asking the service …"):
        schema, picture = service.schema(), _picture(service)
    called, target = Called(**picture["called"]), words(schema["target"]).lower()
    st.title(plain(called.question or f"What will this {called.row}'s {target} be?"))
    left, right = st.columns([3, 2], gap="large")
    with left:
        order = form.order_form(schema)
        if st.button("Predict", type="primary", icon=":material/sell:"):
            st.session_state[PREDICTED] = None
            with st.spinner("Predicting …"):
                answer = service.predict(order)
                st.session_state[PREDICTED] = (order, answer, _explained(service, order))
    predicted = st.session_state.get(PREDICTED)
    with right:
        if predicted is None:
            text = plain(f"Fill in the {called.row} and press Predict.")
            st.info(text, icon=":material/arrow_back:")
            return
        asked, answer, explained = predicted
        if asked != order:
            st.caption("The form has changed since: press Predict to see what it comes to now.")
        _answer(schema, picture, asked, answer)
    left, right = st.columns(2, gap="large")  # beneath both: on a telephone the answer is first
    with left:
        _why(schema, picture, answer, explained)
    with right:
        _moves(service, schema, picture, asked)


def _picture(service: Service) -> dict[str, Any]:
    """Return the data's picture, or an empty one: the prediction does not need it."""
    empty: dict[str, Any] = {"called": {}, "target": {"unit": None}, "breakdown": {}, "numeric": {}}
    try:
        return empty | service.data()
    except RefusedError:
        return empty


def _explained(service: Service, order: form.Order) -> dict[str, Any] | str:
    """Return the service's explanation, or why there is none: the prediction does not need it."""
    try:
        return service.explain(order)
    except ServiceError as error:
        return str(error)


def _answer(
    schema: dict[str, Any], picture: dict[str, Any], order: form.Order, answer: dict[str, Any]
) -> None:
    total, unit = answer[schema["answer_key"]], picture["target"]["unit"]
    model = answer["model"]
    with st.container(border=True):
        label = plain(f"Predicted {words(schema['target']).lower()}")
        st.metric(label, amount(total, unit))
        interval = answer.get("prediction_interval")
        if interval:
            low, high = (amount(interval[end], unit) for end in ("low", "high"))
            share, rows = f"{interval['coverage']:.0%}", picture["called"].get("rows", "rows")
            st.markdown(plain(f"{share} of such {rows} lie between {low} and {high}."))
        st.caption(
            f"Answered by the {model['alias']}, version {model['version']} "
            f"({model['content_hash'][:12]})"
        )
    for warning in answer["warnings"]:
        st.warning(plain(warning), icon=":material/warning:")
    if picture["breakdown"]:
        st.subheader("The bill")
        parts = bill.parts(picture["breakdown"], order, total)
        lines = {**parts, "**Total**": total}
        st.table(
            pd.DataFrame(
                {"Part": lines.keys(), "Amount": [plain(amount(v, unit)) for v in lines.values()]}
            ),
            border="horizontal",
            hide_index=True,
            hide_header=True,
        )


def _why(
    schema: dict[str, Any],
    picture: dict[str, Any],
    answer: dict[str, Any],
    explained: dict[str, Any] | str,
) -> None:
    """Draw what each feature adds to the prediction."""
    st.subheader("Why this prediction")
    if isinstance(explained, str):
        st.info(plain(f"It cannot be explained. {explained}"), icon=":material/info:")
        return
    if explained["model"] != answer["model"]:
        st.info("Another model has been switched to: press Predict again.")
        return
    for warning in explained["warnings"]:
        if warning not in answer["warnings"]:  # those stand above
            st.warning(plain(warning), icon=":material/warning:")
    unit = picture["target"]["unit"]
    steps = waterfall.steps(explained, schema["answer_key"], unit)
    st.altair_chart(
        charts.waterfall(steps, unit),
        alt=f"Waterfall chart: {waterfall.told(steps)}",
    )
    row = picture["called"].get("row", "row")
    st.caption(plain(f"Each bar is what the model makes of a field, against an average {row}."))


def _moves(
    service: Service, schema: dict[str, Any], picture: dict[str, Any], order: form.Order
) -> None:
    """Draw how the prediction moves with a field that the person picks."""
    fields = {n: c for n, c in form.fields_of(schema).items() if c.role == "numeric"}
    if not fields or not fields.keys() <= order.keys():
        return
    st.subheader("What moves it")
    field = st.selectbox(
        "How the prediction moves with", list(fields), format_func=words, key="moves_with"
    )
    tried = sweep.values(fields[field], order[field], picture["numeric"].get(field))
    predictions = service.predict_batch(sweep.orders(order, field, tried))
    x, y = words(field), f"Predicted {words(schema['target']).lower()}"
    st.altair_chart(
        charts.line(
            pd.DataFrame({"x": tried, "y": predictions}),
            *((x, y), order[field], picture["target"]["unit"]),
            whole=fields[field].integer,
        ),
        alt=f"Line chart: {y} by {x}",
    )
    st.caption(plain(f"All other fields as they were; the dashed line marks your {x.lower()}."))


states.show(view)
