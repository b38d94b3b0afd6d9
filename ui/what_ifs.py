"""Two answers side by side: where the orders differ, both predictions, both whys, the difference.

The first is the one that the person has kept, the second the one that was asked last.
"""

from typing import Any

import pandas as pd

from sales.contract import Column
from ui.amounts import amount, signed, value_of, words
from ui.asked import Asked

MOST = 8  # features that stand alone
BASELINE = "Average prediction"
FIRST, SECOND = "Kept", "Now"


def differing(first: Asked, second: Asked) -> list[str]:
    """Return the fields in which two orders differ; one that the other lacks differs."""
    names = dict.fromkeys([*second.order, *first.order])
    missing = object()
    return [n for n in names if first.order.get(n, missing) != second.order.get(n, missing)]


def changes(before: Asked | None, asked: Asked, fields: dict[str, Column]) -> str:
    """Return which fields were changed since the answer before, and to what, in words."""
    if before is None:
        return "the first one"
    names = [name for name in differing(before, asked) if name in asked.order]
    told = [f"{words(name)}: {value_of(asked.order[name], fields.get(name))}" for name in names]
    return ", ".join(told) or "nothing"


def table(
    first: Asked,
    second: Asked,
    fields: dict[str, Column],
    answer_key: str,
    unit: str | None,
) -> pd.DataFrame:
    """Return a row a differing field, then the predictions: What, Kept, Now, Difference."""
    rows = []
    for name in differing(first, second):
        column = fields.get(name)
        one, other = first.order.get(name), second.order.get(name)
        rows.append(
            (
                words(name),
                value_of(one, column),
                value_of(other, column),
                _field_difference(one, other, column),
            )
        )
    one, other = (float(asked.answer[answer_key]) for asked in (first, second))
    within = [asked.answer.get("prediction_interval") for asked in (first, second)]
    if all(within):
        for end, said in (("low", "From"), ("high", "To")):
            low, high = (float(each[end]) for each in within if each)
            rows.append((said, *_both(low, high, unit)))
    rows.append(("Prediction", *_both(one, other, unit)))
    return pd.DataFrame(rows, columns=["What", FIRST, SECOND, "Difference"])


def said(first: Asked, second: Asked, answer_key: str, unit: str | None) -> str:
    """Return the difference in a sentence."""
    one, other = (float(asked.answer[answer_key]) for asked in (first, second))
    difference = amount(abs(other - one), unit)
    if difference == amount(0.0, unit):
        return f"Both come to {amount(other, unit)}."
    share = f" ({abs(100 * (other - one) / one):,.1f} %)" if one else ""
    more = "more" if other > one else "less"
    return f"{difference}{share} {more} than the one that was kept."


def whys(first: Asked, second: Asked) -> pd.DataFrame | None:
    """Return what each feature adds in both: label, first, second, difference, the largest first.

    The differences add up to that of the predictions. None where one of them is not explained.
    """
    if isinstance(first.explained, str) or isinstance(second.explained, str):
        return None
    one, other = _added(first.explained), _added(second.explained)
    names = list(dict.fromkeys([*other, *one]))
    rows = [(words(name), one.get(name, 0.0), other.get(name, 0.0)) for name in names]
    found = pd.DataFrame(rows, columns=["label", "first", "second"])
    found["difference"] = found["second"] - found["first"]
    size = found["difference"].abs()
    found = found.iloc[size.argsort(kind="stable")[::-1]].reset_index(drop=True)
    alone, rest = found[:MOST], found[MOST:]
    if len(rest):
        sums = rest[["first", "second", "difference"]].sum()
        others = pd.DataFrame([{"label": f"{len(rest)} others", **sums}])
        found = pd.concat([alone, others], ignore_index=True)
    return found


def _added(explained: dict[str, Any]) -> dict[str, float]:
    told = {one["feature"]: float(one["amount"]) for one in explained["contributions"]}
    return {BASELINE: float(explained["baseline"]), **told}


def _both(one: float, other: float, unit: str | None) -> tuple[str, str, str]:
    return amount(one, unit), amount(other, unit), signed(other - one, unit)


def _field_difference(one: Any, other: Any, column: Column | None) -> str:
    numbers = [
        isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other)
    ]
    if not all(numbers) or column is None:
        return ""
    change = value_of(abs(other - one), column)
    return f"+{change}" if other > one else f"−{change}"
