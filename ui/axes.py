"""What the page's charts have in common: height, number formats, axes with round marks."""

from collections.abc import Iterable
from typing import Any

import altair as alt
import numpy as np

HEIGHT = 260
FRAME, TITLE = 100, 40  # of legend and marks, and of an axis' title: Streamlit counts them in
NUMBER = ",.4~r"  # thousands with commas, four digits, never an exponent
PERCENT = ".3~%"
GREY = "#727f7c"  # what is only for orientation, equally readable on both backgrounds
# A label stands at its mark, and no label is left out: the marks are few enough for all.
LABELS: dict[str, Any] = {"labelOverlap": False, "labelBound": False}


def axis(
    marks: list[float], form: str, between: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Return axis and scale with these marks, from the first to the last or `between` two ends."""
    domain = list(between or (marks[0], marks[-1]))
    return {
        "axis": alt.Axis(values=marks, format=form, **LABELS),
        "scale": alt.Scale(domain=domain, nice=False, zero=False),
    }


def ends(*columns: Iterable[float]) -> tuple[float, float]:
    """Return the least and the largest finite value of some columns; 0 and 1 where none is."""
    values = np.concatenate([np.asarray(list(column), float) for column in columns])
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
