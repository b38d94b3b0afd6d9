"""Models: champion and challenger side by side, the gate's verdicts, and the switch."""

import re
from typing import Any

import pandas as pd
import streamlit as st

from ui import charts
from ui.amounts import error_size, plain, words
from ui.client import RefusedError, Service
from ui.states import show

ASKED, SWITCHED = "asked", "switched"


def view(service: Service) -> None:
    """Draw every loaded model in a column of its own."""
    with st.spinner("Asking the service …"):
        loaded = service.models()
        unit = service.unit()
        models = loaded["registered_models"]
        evaluations = {model["alias"]: _evaluation(service, model) for model in models}
    st.title("Models")
    if switched := st.session_state.pop(SWITCHED, None):
        st.success(f"{switched.capitalize()} answers now.", icon=":material/check:")
    for model, place in zip(models, st.columns(len(models), gap="large"), strict=True):
        with place:
            _head(service, model, loaded["may_switch"])
            _body(model, evaluations[model["alias"]], unit)
    if len(models) == 1:
        st.info("There is no challenger: a single model has passed the gate.")


def _evaluation(service: Service, model: dict[str, Any]) -> dict[str, Any] | None:
    """Return a model's evaluation, kept until the model is another; None where it has none."""
    try:
        return _known(service.url, model["alias"], model["content_hash"])
    except RefusedError:
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _known(url: str, alias: str, content_hash: str) -> dict[str, Any]:
    del content_hash  # only a part of the key under which Streamlit keeps the answer
    return Service(url).evaluation(alias)


def _head(service: Service, model: dict[str, Any], may_switch: str) -> None:
    alias = model["alias"]
    badge = " :green-badge[answers now]" if model["active"] else ""
    st.subheader(f"{alias.capitalize()}{badge}", anchor=False)
    st.markdown(
        f"{words(model['model'])}, version {model['version']}, on the feature set "
        f"`{model['feature_set']}`"
    )
    st.caption(f"Content {model['content_hash'][:12]} · run {model['run_id'][:12]}")
    if model["active"]:
        st.button("Answers now", disabled=True, key=f"switch_{alias}", icon=":material/check:")
        return
    st.button(
        f"Let the {alias} answer",
        key=f"switch_{alias}",
        icon=":material/swap_horiz:",
        disabled=may_switch == "no",
        help="The service takes switches from its own machine only: it has no ADMIN_TOKEN"
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
        f"From then on the **{alias}** ({words(model['model'])}, version {model['version']}) "
        "answers, whoever asks."
    )
    token = ""
    if may_switch == "with_token":
        token = st.text_input("Administrator's token", type="password", autocomplete="off")
    if st.button("Switch", type="primary", disabled=may_switch == "with_token" and not token):
        try:
            service.switch(alias, token)
        except RefusedError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        _forget()
        st.session_state[SWITCHED] = f"the {alias}"
        st.rerun()


def _body(model: dict[str, Any], evaluation: dict[str, Any] | None, unit: str | None) -> None:
    if evaluation is None:
        st.info("This model was exported without its evaluation: run `make repro`.")
        return
    _metrics(evaluation["metrics"], unit)
    _gate(evaluation["gate"])
    alias = model["alias"]
    predictions = pd.DataFrame(evaluation["predictions"])
    st.markdown("**Predicted against true**")
    agreed = charts.predicted_true(predictions[["true", "predicted"]], unit)
    st.altair_chart(agreed, key=f"t_{alias}", alt="Predicted against true")
    st.markdown("**Residuals against predicted**")
    st.altair_chart(charts.residuals(predictions, unit), key=f"r_{alias}")
    st.markdown("**Residuals**")
    bins = pd.DataFrame(evaluation["residual_histogram"])
    st.altair_chart(charts.histogram(bins, "Predicted − true"), key=f"h_{alias}")
    slices = pd.DataFrame(evaluation["slices"])
    if slices.empty:
        return
    st.markdown("**Error by slice**")
    slices["slice"] = slices["slice"].map(_slice_in_words)
    st.altair_chart(
        charts.bars(slices, "rmse", "slice", ("RMSE on the slice's test rows", "Slice")),
        key=f"s_{alias}",
    )


def _slice_in_words(name: str) -> str:
    """Return `UnitPrice<50` as `Unit price below 50`, `City=Austin` as `City: Austin`."""
    column, sign, value = re.split("(>=|<|=)", name, maxsplit=1)
    said = {">=": " from ", "<": " below ", "=": ": "}[sign]
    return f"{words(column)}{said}{value.replace('..', ' to ')}"


def _metrics(metrics: dict[str, Any], unit: str | None) -> None:
    test, train = metrics["test"], metrics["train"]
    with st.container(horizontal=True):
        st.metric("Test RMSE", error_size(test["rmse"], unit), width="content")
        st.metric("Test MAE", error_size(test["mae"], unit), width="content")
        st.metric("Test R²", f"{test['r2']:.6f}", width="content")
    rows = {
        "Train RMSE": error_size(train["rmse"], unit),
        "Valid RMSE": error_size(metrics["valid"]["rmse"], unit),
        "Largest test error": error_size(test["max_error"], unit),
        "Test bias": error_size(test["bias"], unit),
        "RMSE saved against the mean": f"{metrics['skill_pct']:.2f} %",
    }
    if metrics["worst_slice"]:
        rows["Worst slice"] = _slice_in_words(metrics["worst_slice"])
    rows |= _coverage(metrics)
    table = pd.DataFrame({"what": rows.keys(), "value": [plain(text) for text in rows.values()]})
    st.table(table, border="horizontal", hide_index=True, hide_header=True)


def _coverage(metrics: dict[str, Any]) -> dict[str, str]:
    if metrics.get("coverage_pct") is None:
        return {}  # exported before there were intervals
    promised, least = metrics["nominal_coverage_pct"], metrics["least_slice_coverage_pct"]
    rows = {"Within their interval": f"{metrics['coverage_pct']:.1f} %, promised {promised:g} %"}
    if least is not None:
        where = _slice_in_words(metrics["least_covered_slice"])
        rows["Least in a slice"] = f"{least:.1f} %, {where}"
    return rows


def _gate(gate: dict[str, Any]) -> None:
    passed = gate["verdict"] == "passed"
    sign = ":green[:material/check_circle:]" if passed else ":red[:material/cancel:]"
    rules = gate["rules"]
    kept = sum(rule["passed"] for rule in rules.values())
    st.markdown(f"**Gate** {sign} {gate['verdict']}: {kept} of {len(rules)} rules kept")
    st.table(  # not a data frame: its cells are cut off where a table's text wraps
        pd.DataFrame(
            {
                "Kept": ["✓" if rule["passed"] else "✗" for rule in rules.values()],
                "Rule": [words(name) for name in rules],
                "Why": [plain(rule["why"]) for rule in rules.values()],
            }
        ),
        border="horizontal",
        hide_index=True,
        alt="The gate's verdict, rule by rule",
    )


show(view)
