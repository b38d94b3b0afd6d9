"""Why a prediction: from the average prediction, feature by feature, to this one."""

import math
from collections.abc import Collection
from typing import Any

import pandas as pd

from ui.amounts import amount, percent, words

MOST = 8  # features that stand alone, if they add this share of what the first one does
SHARE = 0.001
RAISES, LOWERS = "Raises it", "Lowers it"


def steps(
    explained: dict[str, Any], answer_key: str, unit: str | None, shares: Collection[str] = ()
) -> pd.DataFrame:
    """Return the steps of the service's explanation, in order: label, start, end, change, shown.

    The features among `shares` are written in percent.

    The first and the last, whose `change` is empty, start at zero: baseline and prediction.
    `shown` is the change in words, of those two the total.
    """
    told = explained["contributions"]
    least = SHARE * abs(told[0]["amount"])
    alone = sum(abs(one["amount"]) >= least for one in told[:MOST])
    if len(told) == alone + 1:  # one other may as well be named
        alone += 1
    moves = [(_label(one, shares), one["amount"]) for one in told[:alone]]
    if rest := told[alone:]:
        moves.append((f"{len(rest)} others", math.fsum(one["amount"] for one in rest)))
    at = explained["baseline"]
    rows: list[tuple[str, float, float, str, str]] = [
        ("Average prediction", 0.0, at, "", amount(at, unit))
    ]
    for label, moved in moves:
        text = amount(moved, unit)
        more = moved > 0 and text != amount(0.0, unit)
        change = RAISES if moved > 0 else LOWERS
        rows.append((label, at, at + moved, change, f"+{text}" if more else text))
        at += moved
    predicted = explained[answer_key]
    rows.append(("This prediction", 0.0, predicted, "", amount(predicted, unit)))
    return pd.DataFrame(rows, columns=["label", "start", "end", "change", "shown"])


def told(steps: pd.DataFrame) -> str:
    """Return the steps as text, for those who do not see them."""
    return "; ".join(f"{label} {shown}" for label, shown in steps[["label", "shown"]].to_numpy())


def _label(one: dict[str, Any], shares: Collection[str]) -> str:
    value = one["value"]
    if one["feature"] in shares and isinstance(value, int | float):
        value = percent(value)
    elif isinstance(value, float):
        value = f"{value:.2f}" if abs(value) >= 1 else f"{value:.4g}"
    return f"{words(one['feature'])}: {'none' if value is None else value}"
