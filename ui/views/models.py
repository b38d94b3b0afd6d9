"""Models: champion and challenger side by side, the gate's verdicts, and the switch."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from ui import ageing, charts, decided, gate, side_by_side, tables, told
from ui.amounts import error_size, model_name, plain, small, words
from ui.client import RefusedError, Service, ServiceError
from ui.states import show
from ui.terms import MAE, R2, RMSE

ASKED, SWITCHED, EVALUATIONS = "asked_to_switch", "switched", "evaluations"
NOT_EXPORTED = (
    "There is no evaluation beside this model. Those who run the service can add it: `make repro`."
)

Evaluation = dict[str, Any] | None


def view(service: Service) -> None:
    """Draw the loaded models side by side: the scores at once, what is behind them folded."""
    st.title("Models")
    with st.spinner("Asking the service …"):
        loaded, unit, aged = side_by_side.answers(
            service.models, lambda: _unit(service), lambda: _backtest(service)
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
    sections: dict[str, Callable[[str, dict[str, Any]], None]] = {
        "All scores": lambda alias, evaluation: _metrics(alias, evaluation["metrics"], unit),
        "Why it is champion, or not": lambda alias, evaluation: decided.draw(
            alias, evaluation, unit
        ),
        "The gate, rule by rule": lambda alias, evaluation: _gate(alias, evaluation["gate"], unit),
        "Predicted against true": lambda alias, evaluation: _predictions(alias, evaluation, unit),
        "How far off": lambda alias, evaluation: _residuals(alias, evaluation, unit),
        "Error by group": lambda alias, evaluation: _slices(alias, evaluation, unit),
    }
    for label, draw in sections.items():
        _section(label, found, draw)
    with st.expander("How a model ages"):
        ageing.draw(aged)


def _section(
    label: str,
    evaluated: dict[str, Evaluation],
    draw: Callable[[str, dict[str, Any]], None],
) -> None:
    """Draw one aspect of all models beside one another, folded: a telephone shows one at a time."""
    if not any(evaluated.values()):
        return
    with st.expander(label):
        for alias, place in zip(evaluated, st.columns(len(evaluated), gap="large"), strict=True):
            evaluation = evaluated[alias]
            with place:
                st.markdown(f"**{alias.capitalize()}**")
                if evaluation:
                    draw(alias, evaluation)
                else:
                    st.caption("Not evaluated")


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


def _predictions(alias: str, evaluation: dict[str, Any], unit: str | None) -> None:
    predictions = pd.DataFrame(evaluation["predictions"])
    agreed = charts.predicted_true(predictions[["true", "predicted"]], unit)
    st.altair_chart(agreed, key=f"t_{alias}", alt=f"Predicted against true, {alias}")


def _residuals(alias: str, evaluation: dict[str, Any], unit: str | None) -> None:
    predictions = pd.DataFrame(evaluation["predictions"])
    drawn = charts.residuals(predictions, unit)
    st.altair_chart(drawn, key=f"r_{alias}", alt=f"Predicted minus true by predicted, {alias}")
    bins = pd.DataFrame(evaluation["residual_histogram"])
    off = f"Predicted − true ({unit})" if unit else "Predicted − true"
    drawn = charts.histogram(bins, off)
    st.altair_chart(drawn, key=f"h_{alias}", alt=f"Histogram of predicted minus true, {alias}")


def _slices(alias: str, evaluation: dict[str, Any], unit: str | None) -> None:
    slices = pd.DataFrame(evaluation["slices"])
    if slices.empty:
        return
    slices["slice"] = slices["slice"].map(_slice_in_words)
    error = f"{RMSE.said} ({unit})" if unit else RMSE.said
    st.altair_chart(
        charts.bars(slices, "rmse", "slice", (error, "Group")),
        key=f"s_{alias}",
        alt=f"{RMSE.said} by group, {alias}",
    )


def _slice_in_words(name: str) -> str:
    """Return `UnitPrice<50` as `Unit price below 50`, `City=Austin` as `City: Austin`."""
    column, sign, value = re.split("(>=|<|=)", name, maxsplit=1)
    said = {">=": " from ", "<": " below ", "=": ": "}[sign]
    return f"{words(column)}{said}{value.replace('..', ' to ')}"


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


def _within(test: dict[str, Any], unit: str | None) -> dict[str, str]:
    """Return how sure the typical error is; an older service does not tell."""
    low, high = test.get("rmse_low"), test.get("rmse_high")
    if low is None or high is None:
        return {}
    low, high = error_size(low, unit), error_size(high, unit)
    return {f"{RMSE.said}, 95 % sure": f"{low} to {high}"}


def _metrics(alias: str, metrics: dict[str, Any], unit: str | None) -> None:
    test, train = metrics["test"], metrics["train"]
    rows = {
        f"{RMSE.said} on the rows that it learnt from": error_size(train["rmse"], unit),
        f"{RMSE.said} on the rows that it was tuned on": error_size(metrics["valid"]["rmse"], unit),
        **_within(test, unit),
        "Largest error": error_size(test["max_error"], unit),
        f"Too {'low' if test['bias'] < 0 else 'high'} on average by": error_size(
            abs(test["bias"]), unit
        ),
        "Error saved, against always saying the average": f"{metrics['skill_pct']:.2f} %",
    }
    if alike := metrics.get("not_told_apart_from"):
        rows["As good, as far as these rows tell"] = ", ".join(map(model_name, alike.split(", ")))
    if metrics["worst_slice"]:
        rows["Group with the largest error"] = _slice_in_words(metrics["worst_slice"])
    rows |= _coverage(metrics)
    table = pd.DataFrame(
        {"Score": map(plain, rows.keys()), "Value": [plain(text) for text in rows.values()]}
    )
    tables.draw(f"scores_{alias}", table, header=False)
    exact = "; ".join(
        (
            f"train RMSE {train['rmse']:g}",
            f"valid RMSE {metrics['valid']['rmse']:g}",
            f"test RMSE {test['rmse']:g}",
            f"test bias {test['bias']:g}",
            f"skill {metrics['skill_pct']:g} %",
        )
    )
    st.caption("On the test rows, where nothing else is said.", help=f"Exactly: {exact}")


def _coverage(metrics: dict[str, Any]) -> dict[str, str]:
    if metrics.get("coverage_pct") is None:
        return {}  # exported before there were intervals
    promised, least = metrics["nominal_coverage_pct"], metrics["least_slice_coverage_pct"]
    rows = {
        "True value within its range": f"{metrics['coverage_pct']:.1f} %, promised {promised:g} %"
    }
    if least is not None:
        where = _slice_in_words(metrics["least_covered_slice"])
        rows["Least in a group"] = f"{least:.1f} %, {where}"
    return rows


def _gate(alias: str, judged: dict[str, Any], unit: str | None) -> None:
    told_in_words = gate.table(judged, unit)
    tables.draw(f"gate_{alias}", told_in_words, alt="The gate's verdict, rule by rule")
    st.caption("By their names in params.yaml", help=gate.exactly(judged))


show(view)
