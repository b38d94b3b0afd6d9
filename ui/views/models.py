"""Models: champion and challenger as one comparison, the gate's verdicts, and the switch."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from ui import (
    ageing,
    comparison,
    other_models,
    side_by_side,
    time_charts,
    told,
    trial,
    watched,
)
from ui.amounts import error_size, model_name, plain, small
from ui.client import RefusedError, Service, ServiceError
from ui.folded import fold
from ui.states import show
from ui.terms import MAE, R2, RMSE

ASKED, SWITCHED, EVALUATIONS = "asked_to_switch", "switched", "evaluations"
NOT_EXPORTED = (
    "There is no evaluation beside this model. Those who run the service can add it: `make repro`."
)

Evaluation = dict[str, Any] | None


def view(service: Service) -> None:
    """Draw the loaded models as one comparison: what differs first, what is behind it folded."""
    st.title("Models")
    with st.spinner("Asking the service …"):
        loaded, unit, aged, changes, tried = side_by_side.answers(
            service.models,
            lambda: _unit(service),
            lambda: _backtest(service),
            lambda: _changes(service),
            service.trial,
        )
        models = loaded["registered_models"]
        found = _evaluations(service, models)
    told.who_answers(next(model for model in models if model["active"]))
    if switched := st.session_state.pop(SWITCHED, None):
        st.success(f"{switched.capitalize()} answers now.", icon=":material/check:")
    for model, place in zip(models, st.columns(len(models), gap="large"), strict=True):
        with place:
            _head(service, model, loaded["may_switch"])
            _scores(found[model["alias"]], unit)
    if len(models) == 1:
        st.info("There is no challenger: a single model has passed the gate.")
    trial.draw(tried)
    known = {alias: evaluation for alias, evaluation in found.items() if evaluation}
    if known:
        comparison.draw(known, unit)
    _others(models, found, unit)
    _promotions(changes)
    fold("ageing", "How a model ages", lambda: ageing.draw(aged))


def _others(models: list[dict[str, Any]], found: dict[str, Evaluation], unit: str | None) -> None:
    """Draw why the other models of the run do not answer, as far as the service tells."""
    judged = other_models.of_the_last_run(models, found)
    if judged is None:
        return
    others = other_models.table(judged, [one["content_hash"] for one in models], unit)
    if others.empty:
        return
    refused = int((others["Verdict"] == "refused").sum())

    def draw() -> None:
        st.table(others, border="horizontal", hide_index=True, alt="The other models, and why")
        st.caption(
            "Judged in the same run, on the test rows, by the same rules; those that passed are "
            "ranked by the rows they were tuned on."
        )

    passed = len(others) - refused
    fold("others", f"Why others do not answer: {refused} refused, {passed} passed", draw)


def _promotions(changes: list[dict[str, Any]]) -> None:
    """Draw when which model came to answer, as far as the service tells."""
    if not changes:
        return

    def draw() -> None:
        history = pd.DataFrame(
            {
                "At": [one["when"][:16].replace("T", " ") for one in changes],
                "Model": [plain(watched.change(one)) for one in changes],
                "Why": [plain(one["reason"] or "") for one in changes],
            }
        )
        if len(changes) > 1:
            drawn = time_charts.promotions(watched.changes({"changes": changes}))
            st.altair_chart(drawn, key="promotions", alt="When the models followed one another")
        st.table(history[::-1], border="horizontal", hide_index=True, alt="Every change")

    fold("promotions", "How the models followed one another", draw)


def _unit(service: Service) -> str | None:
    try:
        unit: str | None = service.data()["target"]["unit"]
    except RefusedError:
        return None
    return unit


def _backtest(service: Service) -> dict[str, Any] | None:
    """Return how a model ages; None where nobody has looked, or the service is an older one."""
    try:
        return service.backtest()
    except RefusedError:
        return None


def _changes(service: Service) -> list[dict[str, Any]]:
    """Return the model's changes, the oldest first, as `make watch` found them."""
    found = service.watched()
    changes: list[dict[str, Any]] = found["changes"] if found else []
    return changes


def _evaluations(service: Service, models: list[dict[str, Any]]) -> dict[str, Evaluation]:
    """Return the models' evaluations by alias, each kept until the model is another."""
    kept: dict[Any, Evaluation] = st.session_state.setdefault(EVALUATIONS, {})
    keys = {
        model["alias"]: (service.url, model["alias"], model["content_hash"]) for model in models
    }
    new = [alias for alias, key in keys.items() if kept.get(key) is None]
    asked = side_by_side.answers(*(partial(_evaluation, service, alias) for alias in new))
    kept.update(zip((keys[alias] for alias in new), asked, strict=True))
    for gone in kept.keys() - set(keys.values()):
        del kept[gone]
    return {alias: kept[key] for alias, key in keys.items()}


def _evaluation(service: Service, alias: str) -> Evaluation:
    """Return a model's evaluation; None where it was exported without."""
    try:
        return service.evaluation(alias)
    except RefusedError:
        return None


def _head(service: Service, model: dict[str, Any], may_switch: str) -> None:
    alias = model["alias"]
    badge = " :green-badge[answers now]" if model["active"] else ""
    st.header(f"{alias.capitalize()}{badge}", anchor=False)
    st.caption(
        f"{model_name(model['model'])}, version {model['version']}", help=told.exactly(model)
    )
    if model["active"]:
        st.button("Answers now", disabled=True, key=f"switch_{alias}", icon=":material/check:")
        return
    st.button(
        f"Let the {alias} answer",
        key=f"switch_{alias}",
        icon=":material/swap_horiz:",
        disabled=may_switch == "no",
        help="Only the service's own machine may switch models. Ask those who run it: they switch, "
        "or set `ADMIN_TOKEN` and tell you the token."
        if may_switch == "no"
        else None,
        on_click=st.session_state.update,
        kwargs={ASKED: alias},
    )
    if st.session_state.get(ASKED) == alias:
        _confirm(service, model, may_switch)


def _forget() -> None:
    st.session_state.pop(ASKED, None)


@st.dialog("Switch the model?", on_dismiss=_forget)
def _confirm(service: Service, model: dict[str, Any], may_switch: str) -> None:
    alias = model["alias"]
    st.markdown(
        f"From then on the **{alias}** ({model_name(model['model'])}, version {model['version']}) "
        "answers, whoever asks."
    )
    token = ""
    if may_switch == "with_token":
        token = st.text_input("Administrator's token", type="password", autocomplete="off")
    without = may_switch == "with_token" and not token
    with st.container(horizontal=True):
        switch = st.button("Switch", type="primary", disabled=without)
        if st.button("Cancel"):
            _forget()
            st.rerun()
    if switch:
        try:
            service.switch(alias, token)
        except ServiceError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        _forget()
        st.session_state[SWITCHED] = f"the {alias}"
        st.rerun()


def _scores(evaluation: Evaluation, unit: str | None) -> None:
    """Draw what tells most, and whether the gate let the model pass."""
    if evaluation is None:
        st.info(NOT_EXPORTED)
        return
    test, judged = evaluation["metrics"]["test"], evaluation["gate"]
    with st.container(horizontal=True):
        for term, value in (
            (RMSE, error_size(test["rmse"], unit)),
            (MAE, error_size(test["mae"], unit)),
            (R2, f"{small(100 * test['r2'], 4)} %"),
        ):
            st.metric(term.said, value, width="content", help=f"{term.exactly} On the test rows.")
    passed = judged["verdict"] == "passed"
    sign = ":green[:material/check_circle:]" if passed else ":red[:material/cancel:]"
    rules = [rule for rule in judged["rules"].values() if rule.get("applies", True)]
    kept = sum(rule["passed"] for rule in rules)
    st.markdown(f"**Gate** {sign} {judged['verdict']}: {kept} of {len(rules)} rules kept")


show(view)
