"""How a model ages: its error by age, what each habit of training anew would have cost."""

from typing import Any

import pandas as pd
import streamlit as st

from ui import charts, tables
from ui.amounts import error_size, model_name, plain, small
from ui.terms import RMSE

HABITS = {
    "monthly": "Each month",
    "never": "Never",
    "on drift": "When its errors leave their level",
}
NONE_YET = (
    "Nobody has looked yet. Those who run the service can: `make backtest` trains a model for each "
    "month of the data and judges it by the months after."
)


def draw(found: dict[str, Any] | None) -> None:
    """Draw what a backtest found; where there is none, how to come by one."""
    if found is None:
        st.info(NONE_YET)
        return
    st.markdown(plain(verdict(found)))
    for one in found["known"]:
        st.caption(plain(f"Made so: from {one['since']} on {one['what']}."))
    ages = pd.DataFrame(found["ages"]).dropna(subset=["growth_pct", "low", "high"])
    if not ages.empty:
        drawn = charts.band(ages, "age", ("Age in months", "Larger error (%)"))
        st.altair_chart(drawn, key="ageing", alt="How the error grows with a model's age")
    table = habits(found)
    tables.draw("habits", table, alt="What each habit of training anew would have cost")
    first, last = found["judged"]
    st.caption(
        plain(
            f"{model_name(found['model'])}, judged by {found['rows']:,} rows of {first} to {last}"
        ),
        help=f"{RMSE.exactly} Of models that have learnt from {_window(found)}, against one of a "
        f"month on the same rows; ranges are {100 * found['confidence']:g} % sure, of all ages "
        "together.",
    )


def verdict(found: dict[str, Any]) -> str:
    """Return what follows from the curve, in a sentence."""
    age, beyond = found["too_old_at"], f"{found['beyond_pct']:g} %"
    oldest = found["ages"][-1]["age"] if found["ages"] else 1
    if oldest == 1:
        return "The months are too few to compare ages."
    if age:
        when = "each month" if age == 2 else f"after {age - 1} months"
        return (
            f"From {age} months on a model is worse than a fresh one by more than {beyond}, for "
            f"sure: train it anew {when}."
        )
    if found["flat"]:
        return f"Up to {oldest} months of age no model is told from a fresh one."
    return f"Up to {oldest} months of age no model is worse by more than {beyond}, for sure."


def habits(found: dict[str, Any]) -> pd.DataFrame:
    """Return a row a habit: when it trains anew, how often it did, and the error it had."""
    lines = [
        (
            plain(HABITS.get(one["name"], one["name"].capitalize())),
            f"{one['trainings']:,}",
            _more(one),
            plain(error_size(one["rmse"], found["unit"])),
        )
        for one in found["policies"]
    ]
    columns = ["Trained anew", "Trainings", "Larger than each month's", RMSE.said]
    return pd.DataFrame(lines, columns=columns)


def _more(one: dict[str, Any]) -> str:
    if one["name"] == "monthly":
        return "–"
    return "?" if one["excess_pct"] is None else f"{small(one['excess_pct'])} %"


def _window(found: dict[str, Any]) -> str:
    months = found["window_months"]
    return f"{months} months each" if months else "all months before"
