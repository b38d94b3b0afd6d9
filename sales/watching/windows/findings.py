"""What `make retrain` is told: state/watch/findings.json, whose shape docs/retraining.md fixes.

A trigger is to fire where `needed` of the last `of_last` windows are that far. So each value is the
one that `needed` of them reach.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sales.watching.windows import turned_away
from sales.watching.windows.settings import WatchParams


def told(document: Mapping[str, Any], settings: WatchParams) -> dict[str, Any]:
    """Return the findings of the champion's windows; null is what was not watched."""
    champion = document["champion"]["content_hash"]
    judged = [
        window
        for window in document["windows"]
        if window["judged"] and window["judged"]["content_hash"] == champion
    ]
    with_truths = [window for window in judged if window["error"]]
    return {
        "when": document["when"],
        "content_hash": champion,
        "drift": _finding(judged[-settings.of_last :], settings, _drift, settings.quiet),
        "live_error": _finding(with_truths[-settings.of_last :], settings, _error, ()),
        "refused": _refused(document["windows"]),
    }


def _refused(windows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return how many requests of the last window were refused."""
    if not windows:
        return None
    counts = windows[-1]["refused"]
    return {"value": float(sum(counts.values())), "what": turned_away.in_words(counts)}


def _finding(
    windows: Sequence[Mapping[str, Any]], settings: WatchParams, of: Any, quiet: Sequence[str]
) -> dict[str, Any] | None:
    if not windows:
        return None
    values = [of(window, quiet) for window in windows]
    ordered = sorted(values, key=lambda each: each[0], reverse=True)
    asked = f"{settings.needed} of the last {settings.of_last} windows are asked for"
    if len(ordered) < settings.needed:
        return {"value": 0.0, "what": f"{len(ordered)} could be judged, {asked}"}
    value, what = ordered[settings.needed - 1]
    reached = sum(each > 0 for each, _ in ordered)
    if value <= 0:
        return {"value": 0.0, "what": f"beyond chance in {reached} of {len(ordered)}, {asked}"}
    return {"value": value, "what": f"{what}; beyond chance in {reached} of {len(ordered)}"}


def _drift(window: Mapping[str, Any], quiet: Sequence[str]) -> tuple[float, str]:
    """Return the largest distance of a field that is beyond chance, and whose; 0: none is."""
    beyond = [
        one
        for one in window["drift"]
        if one["more_than_chance"] and one["kind"] != "date" and one["field"] not in quiet
    ]
    if not beyond:
        return 0.0, ""
    one = max(beyond, key=lambda each: each["distance"])
    return one["distance"], f"{one['field']}, {one['unit']}, {window['kept']:,} rows"


def _error(window: Mapping[str, Any], _: Sequence[str]) -> tuple[float, str]:
    """Return by how many percent the error lies above the promised one; 0: within chance."""
    told = window["error"]
    what = f"RMSE {told['rmse']:g} on {window['truths']:,} truths"
    return (told["worse_pct"] if told["more_than_chance"] else 0.0), what
