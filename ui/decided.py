"""What the promotion rule decided of a model, and on what evidence, in words."""

from typing import Any

import pandas as pd
import streamlit as st

from ui import tables
from ui.amounts import error_size, plain
from ui.terms import RMSE


def draw(alias: str, evaluation: dict[str, Any], unit: str | None) -> None:
    """Draw the decision on a model; an older export tells of none."""
    decision = evaluation.get("decision")
    if decision is None:
        st.caption("Nothing is known of a decision on it.")
        return
    st.markdown(plain(outcome(decision)))
    rows = compared(decision, unit)
    if rows:
        told = {"Compared": map(plain, rows), "Value": map(plain, rows.values())}
        tables.draw(f"decided_{alias}", pd.DataFrame(told), header=False)
    st.caption("Why, word for word", help=plain(f"{decision['reason']}. {decision['data']}"))


def compared(decision: dict[str, Any], unit: str | None) -> dict[str, str]:
    """Return how it and the champion of that time compare on the same rows, by what it is called.

    >>> compared({"improvement_pct": None}, "$")
    {}
    """
    better = decision["improvement_pct"]
    if better is None:
        return {}
    low, high = decision["improvement_low"], decision["improvement_high"]
    rows = {
        f"{RMSE.said}": error_size(decision["candidate_test_rmse"], unit),
        f"{RMSE.said} of the champion then": error_size(decision["incumbent_test_rmse"], unit),
        "Smaller by" if better >= 0 else "Larger by": f"{abs(better):.2f} %",
    }
    if low is not None and high is not None:
        rows["95 % sure"] = _between(low, high)
    return {**rows, "Rows that both were tried on": f"{decision['compared_rows']:,}"}


def outcome(decision: dict[str, Any]) -> str:
    """Return in words what became of the model."""
    if decision["what"] == "refused":
        return "It did not replace the champion."
    if decision["incumbent_test_rmse"] is None:
        return "It became champion without another one to compare with."
    return "It replaced the champion before it."


def _between(low: float, high: float) -> str:
    """Return in words by how much an error is smaller, surely; below 0 it is larger."""
    if low >= 0:
        return f"{low:.2f} % to {high:.2f} % smaller"
    if high < 0:
        return f"{-high:.2f} % to {-low:.2f} % larger"
    return f"{-low:.2f} % larger to {high:.2f} % smaller"
