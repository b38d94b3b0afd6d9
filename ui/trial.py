"""The challenger on trial, as `make trial` found it last: how sure it is by now, and how it ended.

All is of `GET /trial`.
"""

from typing import Any

import pandas as pd
import streamlit as st

from ui import trial_chart
from ui.amounts import model_name, plain, small
from ui.terms import MAE, RMSE

ERRORS = {"RMSE": RMSE, "MAE": MAE}
OUTCOMES = {
    "better": "It was better, and takes the champion's place, at once or when it is approved.",
    "worse": "It was worse: it answers nobody until another trial begins.",
    "equal": "The two are as good as one another: the champion stays.",
    "undecided": "It could not be told within the trial's time: the champion stays.",
    "stopped": "A person has ended it: the champion stays.",
    "overtaken": "Another model was chosen meanwhile.",
}
VERDICTS = {"better": "It is better.", "worse": "It is worse.", "equal": "They are as good."}


def draw(found: dict[str, Any] | None) -> None:
    """Draw how the trial stands, and how the doubt has closed in; nothing where there was none."""
    if found is None:
        return
    st.header("On trial", anchor=False)
    st.markdown(plain(who(found)))
    st.markdown(f"**{plain(stands(found))}**")
    term = ERRORS[found["score"]]
    points = course(found)
    if len(points) > 1:
        name = f"How much smaller the challenger's {term.said.lower()} is"
        margin = found["terms"]["margin_pct"]
        drawn = trial_chart.closing_in(points, margin)
        st.altair_chart(drawn, key="trial", alt=f"{name}, as true amounts came in")
        st.caption(f"Within the dotted lines, {margin:g} % to both sides, the two count as equal.")
    sure = f"{100 * (1 - found['terms']['alpha']):g} %"
    st.caption(
        plain(
            f"{counted(found)} Looked at {found['looked'][:16].replace('T', ' ')} UTC. The band is "
            f"{sure} sure, however often it is looked at."
        ),
        help=f"{term.exactly} A confidence sequence: docs/trials.md.",
    )


def who(found: dict[str, Any]) -> str:
    """Return who is tried against whom, since when, and how much it answers."""
    one, other = (
        f"{model_name(found[alias]['model'])}, version {found[alias]['version']}"
        for alias in ("challenger", "champion")
    )
    begun = f"“{found['name']}”: {one}, against {other}, since {found['begun'][:10]}."
    if not found["runs"]:
        return f"{begun} It has ended."
    share = found["share_pct"]
    if not share:
        return f"{begun} It answers nobody: what it would have answered is kept beside."
    return f"{begun} It answers {small(share)} % of the requests."


def stands(found: dict[str, Any]) -> str:
    """Return what can be said by now."""
    told = OUTCOMES.get(found["outcome"] or "") or VERDICTS.get(found["verdict"])
    if told:
        return told
    if found["units"] < 2:
        return "Nothing can be said yet: no true amounts came."
    needed = found["rows_needed"]
    more = f"; about {needed:,} more true amounts are needed" if needed is not None else ""
    return f"Too early to tell{more}."


def counted(found: dict[str, Any]) -> str:
    """Return by how many true amounts, and what they show."""
    rows = f"{found['rows']:,} true amounts of answers that both predicted"
    if found["improvement_pct"] is None or found["units"] < 2:
        return f"{rows}, {found['waiting']:,} answers wait for theirs."
    said = f"its {ERRORS[found['score']].said.lower()} is {_smaller(found['improvement_pct'])}"
    ends = [found[f"{end}_pct"] for end in ("low", "high")]
    if None not in ends:
        said += f", surely between {_smaller(ends[0])} and {_smaller(ends[1])}"
    return f"{rows}: {said}. {found['waiting']:,} answers wait for theirs."


def course(found: dict[str, Any]) -> pd.DataFrame:
    """Return a row a point at which both ends were bounded: rows, improvement_pct, low, high."""
    names = {"low_pct": "low", "high_pct": "high"}
    kept = ["rows", "improvement_pct", *names]
    table = pd.DataFrame(found["points"], columns=kept).rename(columns=names)
    return table.astype(float).dropna().reset_index(drop=True)


def _smaller(pct: float) -> str:
    return f"{small(abs(pct))} % {'smaller' if pct >= 0 else 'larger'}"
