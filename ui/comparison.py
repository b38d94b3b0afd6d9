"""The models' evaluations on the same axes: what differs, and what is behind it, folded."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from ui import compared, comparison_charts, decided, gate, tables
from ui.amounts import group, plain
from ui.folded import fold
from ui.terms import RMSE


def draw(found: dict[str, dict[str, Any]], unit: str | None) -> None:
    """Draw the evaluations on the same axes, in one table a subject."""
    scores = {alias: evaluation["metrics"] for alias, evaluation in found.items()}
    st.header("What differs" if len(found) > 1 else "The scores", anchor=False)
    if said := compared.verdict(scores, unit):
        st.markdown(plain(said))
    fold("scores", "All scores, what differs most first", partial(_all_scores, scores, unit))
    drawn = {alias.capitalize(): evaluation for alias, evaluation in found.items()}
    fold("off", "How far off", partial(_how_far_off, drawn, unit))
    fold("agreement", "Predicted against true", partial(_agreement, drawn, unit))
    fold("groups", "Error by group", partial(_groups, drawn, unit))
    fold("gate", "The gate, rule by rule", partial(_rules, drawn, unit))
    fold("decided", "Why it is champion, or not", partial(_decided, found, unit))


def _all_scores(scores: dict[str, Any], unit: str | None) -> None:
    tables.draw("scores", compared.table(scores, unit), alt="The scores of every model")
    for said in (
        compared.sure(scores, unit),
        compared.worst_groups(scores),
        compared.alike(scores),
    ):
        if said:
            st.caption(plain(said))
    st.caption(
        "On the test rows, where nothing else is said; the better one is bold.",
        help=compared.exactly(),
    )


def _predictions(drawn: dict[str, dict[str, Any]]) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(each["predictions"]) for name, each in drawn.items()}


def _how_far_off(drawn: dict[str, dict[str, Any]], unit: str | None) -> None:
    st.altair_chart(
        comparison_charts.within(_predictions(drawn), unit),
        key="off",
        alt="Share of rows that are off by at most so much, for each model",
    )


def _agreement(drawn: dict[str, dict[str, Any]], unit: str | None) -> None:
    agreed = {name: table[["true", "predicted"]] for name, table in _predictions(drawn).items()}
    st.altair_chart(
        comparison_charts.agreement(agreed, unit),
        key="agreement",
        alt="Predicted against true, every model",
    )


def _rules(drawn: dict[str, dict[str, Any]], unit: str | None) -> None:
    judged = {name: each["gate"] for name, each in drawn.items()}
    tables.draw("gate", gate.beside(judged, unit), alt="The gate's verdicts, rule by rule")
    for name, each in judged.items():
        st.caption(f"{name}, by the names in params.yaml", help=gate.exactly(each))


def _decided(found: dict[str, dict[str, Any]], unit: str | None) -> None:
    places = st.columns(len(found), gap="large")
    for (alias, evaluation), place in zip(found.items(), places, strict=True):
        with place:
            st.markdown(f"**{alias.capitalize()}**")
            decided.draw(alias, evaluation, unit)


def _groups(drawn: dict[str, dict[str, Any]], unit: str | None) -> None:
    """Draw the error of each group, the models' bars beside one another, the worst first."""
    tables_of = {name: pd.DataFrame(each["slices"]) for name, each in drawn.items()}
    filled = {name: table for name, table in tables_of.items() if not table.empty}
    if not filled:
        st.caption("No group has rows enough.")
        return
    rows = pd.concat([t.set_index("slice")["rmse"].rename(n) for n, t in filled.items()], axis=1)
    rows["label"] = [group(name) for name in rows.index]
    title = f"{RMSE.said} ({unit})" if unit else RMSE.said
    names = {name: name for name in filled}
    chart = comparison_charts.paired(rows.reset_index(drop=True), names, title, unit)
    st.altair_chart(chart, key="groups", alt=f"{RMSE.said} by group, every model")
