"""The findings as a page for people: one file, nothing fetched from anywhere, light and dark."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sales.watching.windows import report

TEMPLATE = "page.html.j2"
WIDTH, HEIGHT = 640, 150  # of a drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 10, 22


class Dot(NamedTuple):
    """A point of a drawing, with what is told when one points at it."""

    x: float
    y: float
    low: float | None
    high: float | None
    told: str
    loud: bool  # an alarm
    faint: bool  # an estimate


class Drawing(NamedTuple):
    """Something over time, a point a window: `lines` are at heights that mean something."""

    title: str
    note: str
    dots: list[Dot]
    lines: list[tuple[float, str]]
    ticks: list[tuple[float, str]]
    days: list[tuple[float, str]]
    changes: list[tuple[float, str]]


def of(document: Mapping[str, Any]) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    windows = document["windows"]
    last = next((w for w in reversed(windows) if w["judged"]), None)
    return environment.get_template(TEMPLATE).render(
        told=document,
        summary=report.summary(document),
        last=last,
        drawings=_drawings(document) if windows else [],
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
    )


def _number(value: float | None, unit: str | None = None) -> str:
    """Return a number with four digits that count; nothing for None."""
    if value is None:
        return ""
    told = f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return f"{told} {unit}" if unit else told


def _drawings(document: Mapping[str, Any]) -> list[Drawing]:
    windows, promised = document["windows"], document["promised"] or {}
    unit = document["unit"]
    changes = [(change["when"], _change(change)) for change in document["changes"]]
    found = [
        _drawing(
            f"{document['rows'].capitalize()} an hour",
            "answered, by weight",
            windows,
            changes,
            [(w["per_hour"], None, None, False, False) for w in windows],
        ),
        _drawing(
            f"RMSE of {document['target']}" + (f", {unit}" if unit else ""),
            "on what came true, with 95 % intervals; hollow: an estimate from the mix of "
            "predictions, which sees no change of the truth",
            windows,
            changes,
            [_rmse(window) for window in windows],
            [(promised["rmse"], "promised")] if promised else [],
        ),
    ]
    if promised.get("coverage_pct") is not None:
        found.append(
            _drawing(
                "Within their interval, %",
                "of what came true",
                windows,
                changes,
                [_coverage(window) for window in windows],
                [(promised["coverage_pct"], "test rows")],
            )
        )
    if any(window["refused"] for window in windows):
        found.append(
            _drawing(
                "Refused requests",
                "by window; the reasons of the last one stand below",
                windows,
                changes,
                [(float(sum(w["refused"].values())), None, None, False, False) for w in windows],
            )
        )
    found.append(
        _drawing(
            "Farthest field, against what alarms",
            "its distance in parts of the one from which on it is an alarm; above 1 it is",
            windows,
            changes,
            [_farthest(window) for window in windows],
            [(1.0, "alarm")],
        )
    )
    return [drawing for drawing in found if drawing.dots]


Value = tuple[float, float | None, float | None, bool, bool]


def _rmse(window: Mapping[str, Any]) -> Value | None:
    error, guess = window["error"], window["estimated"]
    if error:
        return error["rmse"], error["rmse_low"], error["rmse_high"], error["rmse_alarm"], False
    return (guess["rmse"], guess["rmse_low"], guess["rmse_high"], False, True) if guess else None


def _coverage(window: Mapping[str, Any]) -> Value | None:
    told = window["error"]
    if not told or told["coverage_pct"] is None:
        return None
    ends = told["coverage_low"], told["coverage_high"]
    return told["coverage_pct"], *ends, told["coverage_alarm"], False


def _farthest(window: Mapping[str, Any]) -> Value | None:
    ratios = [
        (one["distance"] / max(one["threshold"], one["large_from"]), one["alarm"])
        for one in window["drift"]
        if one["kind"] != "date"
    ]
    if not ratios:
        return None
    return max(ratios)[0], None, None, any(alarm for _, alarm in ratios), False


def _change(change: Mapping[str, Any]) -> str:
    return f"{change['model'] or 'a model'}, version {change['version']}, {change['what']}"


def _drawing(
    title: str,
    note: str,
    windows: Sequence[Mapping[str, Any]],
    changes: Sequence[tuple[str, str]],
    values: Sequence[Value | None],
    lines: Sequence[tuple[float, str]] = (),
) -> Drawing:
    heights = [
        height
        for value in values
        if value
        for height in (value[0], value[1], value[2])
        if height is not None
    ] + [height for height, _ in lines]
    most = max([*heights, 0.0]) or 1.0
    least = min([*heights, 0.0]) if title[0] != "W" else min(heights, default=0.0)
    span = (most - least) or 1.0
    starts = [window["start"] for window in windows]

    def up(height: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (height - least) / span), 1)

    def across(place: float) -> float:
        step = (WIDTH - LEFT - RIGHT) / max(len(windows), 1)
        return round(LEFT + step * (place + 0.5), 1)

    dots = [
        Dot(
            across(number),
            up(value[0]),
            None if value[1] is None else up(value[1]),
            None if value[2] is None else up(value[2]),
            f"{_day(window)}: {_number(value[0])}" + (" by estimate" if value[4] else ""),
            value[3],
            value[4],
        )
        for number, (window, value) in enumerate(zip(windows, values, strict=True))
        if value
    ]
    shown = sorted({0, len(windows) - 1})
    marks = [
        (across(sum(start <= when for start in starts) - 0.5), what)
        for when, what in changes
        if starts and when >= starts[0]
    ]
    return Drawing(
        title,
        note,
        dots,
        [(up(height), what) for height, what in lines],
        [(up(height), _number(height)) for height in dict.fromkeys((least, most))],
        [(across(number), _day(windows[number])) for number in shown],
        marks,
    )


def _day(window: Mapping[str, Any]) -> str:
    start = str(window["start"])
    return start[:10] if start[11:19] == "00:00:00" else start[:16].replace("T", " ")
