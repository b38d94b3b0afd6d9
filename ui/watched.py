"""What `make watch` found, as the view Watch draws it: tables over time, and sentences.

All is of `GET /watch`; nothing is computed that it does not tell.
"""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ui.amounts import amount, error_size, model_name, small, words

Watch = dict[str, Any]
PREDICTION = "(prediction)"
MEASURED, ESTIMATED = "Measured", "Estimated"
ALARM, CHANCE, EVER, UNJUDGED = "Alarm", "More than chance", "As ever", "Not judged"
LEVELS = (EVER, CHANCE, ALARM)  # from the least on
KINDS = {
    "drift": "Drift",
    "missing": "Missing values",
    "outside": "Values outside of what training saw",
    "unknown": "Values that training never saw",
    "rmse": "Larger error",
    "bias": "Error to one side",
    "coverage": "Too few within the range",
    "slice": "Larger error of a group",
}
CHANGES = {"promoted": "promoted", "rolled back": "rolled back to", "answers": "answers from then"}


def last(found: Watch) -> dict[str, Any] | None:
    """Return the last judged window, else the last one; None where there is none."""
    windows: list[dict[str, Any]] = found["windows"]
    judged = [window for window in windows if window["judged"]] or windows
    return judged[-1] if judged else None


def traffic(found: Watch) -> pd.DataFrame:
    """Return a row a window: start, end, at (its middle), rows, per_hour, open."""
    table = _times(found)
    for name in ("rows", "per_hour", "open"):
        table[name] = [window[name] for window in found["windows"]]
    return table


def errors(found: Watch) -> pd.DataFrame:
    """Return rmse, low and high by window: measured where truths are there, else estimated.

    `which` tells; a window that tells neither has no row.
    """
    rows = []
    for window, at in zip(found["windows"], _times(found)["at"], strict=True):
        told = window["error"] or window["estimated"]
        if told:
            which = MEASURED if window["error"] else ESTIMATED
            rows.append((at, told["rmse"], told["rmse_low"], told["rmse_high"], which))
    return pd.DataFrame(rows, columns=["at", "value", "low", "high", "which"])


def coverage(found: Watch) -> pd.DataFrame:
    """Return the percent of truths within their range, low and high, of windows that tell it."""
    rows = [
        (at, error["coverage_pct"], error["coverage_low"], error["coverage_high"], MEASURED)
        for window, at in zip(found["windows"], _times(found)["at"], strict=True)
        if (error := window["error"]) and error["coverage_pct"] is not None
    ]
    return pd.DataFrame(rows, columns=["at", "value", "low", "high", "which"])


def fields(found: Watch) -> list[str]:
    """Return the fields that were judged, those that moved farthest in the last window first."""
    names = dict.fromkeys(one["field"] for one in found["worst"])
    judged = [window for window in found["windows"] if window["drift"]]
    newest = sorted(judged[-1]["drift"] if judged else [], key=lambda one: -_times_chance(one))
    names |= dict.fromkeys(one["field"] for one in newest)
    return list(names | dict.fromkeys(one["field"] for window in judged for one in window["drift"]))


def drift(found: Watch, field: str) -> pd.DataFrame:
    """Return distance and threshold of a field by window, and its unit; windows that tell it."""
    rows = [
        (at, one["distance"], one["threshold"], one["unit"], level(one))
        for window, at in zip(found["windows"], _times(found)["at"], strict=True)
        for one in window["drift"]
        if one["field"] == field
    ]
    return pd.DataFrame(rows, columns=["at", "distance", "threshold", "unit", "level"])


def every_field(found: Watch) -> pd.DataFrame:
    """Return a row a window and field: start, end, field in words, level, times (of chance)."""
    times = _times(found)
    rows = [
        (times["start"][place], times["end"][place], in_words(one["field"]), level(one), told)
        for place, window in enumerate(found["windows"])
        for one in window["drift"]
        for told in [f"{_times_chance(one):.1f} times what chance reaches"]
    ]
    return pd.DataFrame(rows, columns=["start", "end", "field", "level", "told"])


def level(one: dict[str, Any]) -> str:
    """Return what a drift comes to: an alarm, more than chance, or as ever."""
    return ALARM if one["alarm"] else CHANCE if one["more_than_chance"] else EVER


def changes(found: Watch) -> pd.DataFrame:
    """Return when the model changed, and how in words."""
    rows = [(_time(one["when"]), change(one)) for one in found["changes"]]
    return pd.DataFrame(rows, columns=["at", "said"])


def change(one: dict[str, Any]) -> str:
    """Return a change of the model in words: `Linear regression, version 3: promoted`."""
    named = f"{model_name(one['model'])}, version {one['version']}" if one["model"] else "?"
    return f"{named}: {CHANGES.get(one['what'], one['what'])}"


def beside(field: dict[str, Any]) -> pd.DataFrame:
    """Return label, reference and now, in percent of the rows, of a field's bins or levels."""
    return pd.DataFrame(
        {
            "label": field["labels"],
            "reference": field["reference_pct"],
            "now": field["now_pct"],
        }
    )


def far(one: dict[str, Any]) -> str:
    """Return how far a field lies from its reference, in words, beside what chance reaches."""
    if one["unit"] == "share":
        moved, chance = (f"{100 * one[name]:.1f} %" for name in ("distance", "threshold"))
        return f"{moved} of the rows have moved to another value; chance reaches {chance}"
    return (
        f"{small(one['distance'])} standard deviations from what training saw; chance reaches "
        f"{small(one['threshold'])}"
    )


def verdict(found: Watch) -> str:
    """Return in a sentence how it stands."""
    window = last(found)
    if window is None:
        return f"No {found['rows']} were answered in the time that was looked at."
    if found["state"] == "unknown":
        return found["why"] or window["why"] or "It cannot be told."
    when = span(window)
    if not window["alarms"]:
        later = f" Before, there were {len(found['alarms'])} alarms." if found["alarms"] else ""
        return f"Nothing out of the ordinary in the last window, {when}.{later}"
    return f"{_alarms(window['alarms'])} in the last window, {when}."


def unjudged(found: Watch) -> str:
    """Return why the newest windows are not judged; nothing where the newest is."""
    windows = found["windows"]
    if not windows or windows[-1]["judged"]:
        return ""
    return f"The newest window, {span(windows[-1])}, is not judged: {windows[-1]['why']}"


def alarms(found: Watch) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the alarms of the last window that has any judged, and those of the others."""
    window = last(found)
    at = window["start"] if window else None
    newest = [one for one in found["alarms"] if one["start"] == at]
    return newest, [one for one in found["alarms"] if one["start"] != at]


def what(one: dict[str, Any]) -> str:
    """Return an alarm's finding, its prediction called so, and a sentence that begins like one."""
    text: str = one["what"].replace(PREDICTION, "the prediction")
    return f"The{text[3:]}" if text.startswith("the prediction") else text


def to_do(one: dict[str, Any]) -> str:
    """Return what an alarm asks for; the prediction is called so."""
    text: str = one["do"]
    return text.replace(PREDICTION, "the prediction")


def headline(found: Watch) -> list[tuple[str, str, str | None]]:
    """Return label, value and how it compares, of what the last judged window comes to."""
    window, promised, unit = last(found), found["promised"], found["unit"]
    if window is None:
        return []
    rows: list[tuple[str, str, str | None]] = []
    rows.append((f"{found['rows'].capitalize()} answered", f"{window['rows']:,.0f}", None))
    rows.append(("In an hour", small(window["per_hour"], 1), None))
    error = window["error"]
    promise = f"promised {error_size(promised['rmse'], unit)}" if promised else None
    if error:
        rows.append(("Typical error", error_size(error["rmse"], unit), promise))
        if error["coverage_pct"] is not None:
            nominal = promised and promised["nominal_coverage_pct"]
            within = f"promised {nominal:g} %" if nominal else None
            rows.append(("Within its range", f"{error['coverage_pct']:.1f} %", within))
        bias = error["bias"]
        side = "low" if bias < 0 else "high"
        rows.append((f"Too {side} on average by", error_size(abs(bias), unit), None))
    elif estimated := window["estimated"]:
        rows.append(("Typical error, estimated", error_size(estimated["rmse"], unit), promise))
    share = f"{window['truths_pct']:.1f} % of them" if window["truths"] else None
    rows.append(("Came true so far", f"{window['truths']:,}", share))
    return rows


def quality(window: dict[str, Any]) -> pd.DataFrame:
    """Return a row a field whose cells are not as training had them: Field, What, Now, Before."""
    said = {
        "missing": "Missing",
        "outside": "Outside of what training saw",
        "unknown": "Never seen in training",
    }
    rows = [
        (words(one["field"]), said[one["what"]], _pct(one["now_pct"]), _pct(one["reference_pct"]))
        for one in sorted(window["quality"], key=lambda one: not one["alarm"])
    ]
    return pd.DataFrame(rows, columns=["Field", "What", "Now", "In training"])


def slices(window: dict[str, Any], unit: str | None) -> pd.DataFrame:
    """Return a row a group: its truths, the error now and the promised one; the worst first."""
    told = window["error"]["slices"] if window["error"] else []
    worst = sorted(told, key=lambda one: -_growth(one))
    rows = [
        (
            one["slice"],
            f"{one['truths']:,}",
            "" if one["promised_rmse"] is None else error_size(one["promised_rmse"], unit),
            error_size(one["rmse"], unit),
        )
        for one in worst
    ]
    return pd.DataFrame(rows, columns=["Group", "Truths", "Promised", "Typical error"])


def refused(window: dict[str, Any]) -> str:
    """Return how many requests were refused, and why, in words; nothing where it is not known."""
    told = window["refused"]
    if not told:
        return ""
    reasons = ", ".join(f"{count:,} {words(why).lower()}" for why, count in told.items())
    return f"Refused in that time: {reasons}."


def span(window: dict[str, Any]) -> str:
    """Return a window's time, in UTC: a day by its date, else from and to."""
    start, end = _time(window["start"]), _time(window["end"])
    if (end - start) == pd.Timedelta(days=1) and start == start.normalize():
        return f"{start:%Y-%m-%d}"
    form = "%Y-%m-%d" if start == start.normalize() and end == end.normalize() else "%Y-%m-%d %H:%M"
    return f"{start.strftime(form)} to {end.strftime(form)}"


def when(found: Watch) -> str:
    """Return when it was looked, in UTC."""
    return f"{datetime.fromisoformat(found['when']):%Y-%m-%d %H:%M} UTC"


def in_words(field: str) -> str:
    """Return how a field is called: the prediction as such."""
    return "The prediction" if field == PREDICTION else words(field)


def told_errors(table: pd.DataFrame, unit: str | None) -> str:
    """Return the errors over time as text, for those who do not see them."""
    if table.empty:
        return "none"
    newest = table.iloc[-1]
    low, high = (amount(getattr(table["value"], end)(), unit, 4) for end in ("min", "max"))
    return (
        f"{len(table)} windows, from {low} to {high}; the last {amount(newest['value'], unit, 4)}"
    )


def _times(found: Watch) -> pd.DataFrame:
    """Return start, end and middle of each window, in UTC.

    With their zone: without one, a browser takes them for its own time.
    """
    told = pd.DataFrame(found["windows"], columns=["start", "end"])
    start, end = (pd.to_datetime(told[name], utc=True, format="ISO8601") for name in told)
    return pd.DataFrame({"start": start, "end": end, "at": start + (end - start) / 2})


def _time(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).tz_convert("UTC")


def _times_chance(one: dict[str, Any]) -> float:
    return one["distance"] / one["threshold"] if one["threshold"] else 0.0


def _growth(one: dict[str, Any]) -> float:
    promised = one["promised_rmse"]
    return one["rmse"] / promised if promised else -np.inf


def _pct(value: float) -> str:
    return f"{small(value)} %"


def _alarms(count: int) -> str:
    return "One alarm" if count == 1 else f"{count} alarms"
