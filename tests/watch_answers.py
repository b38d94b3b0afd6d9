"""What `make watch` finds, of the shape of `GET /watch`: for tests of those who read it."""

from datetime import UTC, datetime, timedelta
from typing import Any

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
OLD = {"model": "xgboost", "version": 2, "content_hash": "b" * 64}
NEW = {"model": "linear_regression", "version": 3, "content_hash": "a" * 64}
CHANGED = 9  # the window in which the model changed
SLICE = {"truths": 80, "rmse_low": 2.0, "rmse_high": 3.0, "coverage_pct": 89.0}
CALM = {"more_than_chance": False, "alarm": False}
SLICES = [
    {
        "slice": "Category=Books",
        "rmse": 2.1,
        "promised_rmse": 2.2,
        "worse_pct": -5.0,
        **CALM,
        **SLICE,
    },
    {
        "slice": "UnitPrice<50",
        "rmse": 4.4,
        "promised_rmse": 2.2,
        "worse_pct": 100.0,
        **CALM,
        **SLICE,
    },
    {
        "slice": "City=Austin",
        "rmse": 9.0,
        "promised_rmse": None,
        "worse_pct": None,
        **CALM,
        **SLICE,
    },
]


def moved(field: str, distance: float, *, threshold: float = 0.1, kind: str = "number") -> dict:
    """Return a field's drift; an alarm beyond the threshold."""
    beyond = distance > threshold
    return {
        "field": field,
        "kind": kind,
        "unit": "share" if kind == "category" else "SD",
        "distance": distance,
        "threshold": threshold,
        "large_from": 0.1,
        "more_than_chance": beyond,
        "large": distance > 0.1,
        "alarm": beyond and distance > 0.1,
        "mean": None,
        "reference_mean": None,
    }


def error(rmse: float) -> dict:
    """Return what truths tell of a window."""
    return {
        "rmse": rmse,
        "rmse_low": 0.9 * rmse,
        "rmse_high": 1.1 * rmse,
        "mae": 0.8 * rmse,
        "bias": -0.5,
        "bias_low": -0.7,
        "bias_high": -0.3,
        "coverage_pct": 88.0,
        "coverage_low": 86.0,
        "coverage_high": 90.0,
        "worse_pct": 0.0,
        "rmse_alarm": rmse > 3,
        "bias_alarm": False,
        "coverage_alarm": False,
        "slices": SLICES,
    }


def window(day: int, **changes: Any) -> dict:
    """Return a window of a day, judged, with a measured error and nothing out of the ordinary."""
    start = FIRST + timedelta(days=day)
    by = OLD if day < CHANGED else NEW
    found = {
        "start": start.isoformat(),
        "end": (start + timedelta(days=1)).isoformat(),
        "open": False,
        "rows": 960.0,
        "kept": 960,
        "per_hour": 40.0,
        "models": [{**by, "alias": "champion", "rows": 960.0}],
        "judged": by,
        "why": "",
        "refused": {"missing": 3},
        "quality": [],
        "drift": [
            moved("UnitPrice", 0.05),
            moved("Brand", 0.02, kind="category"),
            moved("(prediction)", 0.03, kind="prediction"),
        ],
        "truths": 700,
        "truths_pct": 72.9,
        "error": error(2.2),
        "estimated": {"rmse": 2.3, "rmse_low": 2.2, "rmse_high": 2.4, "promised_rmse": 2.2},
        "alarms": 0,
    }
    return {**found, **changes}


def alarmed(day: int) -> dict:
    """Return a window in which a price has moved and a brand is new; no truths came yet."""
    unknown = {"field": "Brand", "what": "unknown", "now_pct": 3.1, "reference_pct": 0.0}
    return window(
        day,
        drift=[
            moved("Brand", 0.04, threshold=0.05, kind="category"),
            moved("UnitPrice", 0.35),
            moved("(prediction)", 0.2, kind="prediction"),
        ],
        quality=[{**unknown, "rows": 30, "more_than_chance": True, "large": True, "alarm": True}],
        truths=0,
        truths_pct=0.0,
        error=None,
        alarms=2,
    )


def alarm(day: int, kind: str, field: str, what: str) -> dict:
    """Return an alarm of a window."""
    start = FIRST + timedelta(days=day)
    return {
        "id": f"{day}{kind}{field}",
        "when": (start + timedelta(days=1)).isoformat(),
        "new": True,
        "start": start.isoformat(),
        "end": (start + timedelta(days=1)).isoformat(),
        "window": day,
        "kind": kind,
        "field": field,
        "value": 0.35,
        "threshold": 0.1,
        "unit": "SD",
        "what": what,
        "do": f"Look whether what sends {field or 'it'} has changed: make retrain",
        "model": NEW,
    }


PRICES = {
    "field": "UnitPrice",
    "kind": "number",
    "unit": "SD",
    "distance": 0.35,
    "threshold": 0.1,
    "alarm": True,
    "edges": [0.0, 200.0, 400.0, 600.0],
    "labels": ["0 to 200", "200 to 400", "400 to 600", "missing"],
    "reference_pct": [33.0, 33.0, 34.0, 0.0],
    "now_pct": [20.0, 33.0, 47.0, 0.0],
}
BRANDS = {
    "field": "Brand",
    "kind": "category",
    "unit": "share",
    "distance": 0.04,
    "threshold": 0.05,
    "alarm": False,
    "edges": None,
    "labels": ["Apex", "Zenith", "unknown"],
    "reference_pct": [50.0, 50.0, 0.0],
    "now_pct": [49.0, 47.9, 3.1],
}


def found(days: int, *, calm: bool = False) -> dict[str, Any]:
    """Return what was found over so many days, the last one alarmed unless it was calm."""
    windows = [window(day) for day in range(days)]
    if windows and not calm:
        windows[-1] = alarmed(days - 1)
    alarms = []
    if windows and not calm:
        price = "UnitPrice lies 0.35 SD from the reference; chance reaches 0.10 with 960 orders"
        brand = "Brand: 3.1 % of the orders have a value that training never saw"
        alarms = [
            alarm(days - 1, "drift", "UnitPrice", price),
            alarm(days - 1, "drift", "(prediction)", price.replace("UnitPrice", "(prediction)")),
            alarm(days - 1, "unknown", "Brand", brand),
        ]
        windows[-1]["alarms"] = len(alarms)
    if len(windows) > 5 and not calm:
        windows[-5] = window(days - 5, error=error(3.4), alarms=1)
        alarms.append(alarm(days - 5, "rmse", "", "RMSE 3.4 on 700 truths, 55 % above 2.2"))
    changes = [
        {"when": FIRST.isoformat(), "what": "promoted", "reason": "the first champion", **OLD},
        {
            "when": (FIRST + timedelta(days=CHANGED, hours=8)).isoformat(),
            "what": "promoted",
            "reason": "test RMSE better by 12 %",
            **NEW,
        },
    ]
    return {
        "format": 1,
        "when": "2026-11-26T03:00:12+00:00",
        "state": "alarm" if alarms else "ok",
        "why": "",
        "told": [one["what"] for one in alarms],
        "window": "day",
        "since": None,
        "champion": NEW,
        "row": "order",
        "rows": "orders",
        "target": "TotalAmount",
        "unit": "$",
        "promised": {
            "rmse": 2.2,
            "rmse_low": 2.1,
            "rmse_high": 2.3,
            "mae": 1.8,
            "bias": 0.0,
            "coverage_pct": 90.0,
            "nominal_coverage_pct": 90.0,
            "train_rows": 70000,
            "test_rows": 20000,
        },
        "large": {"number": 0.1, "category": 0.1, "rmse_pct": 10.0, "coverage_points": 5.0},
        "false_alarm_pct": 1.0,
        "windows": windows,
        "worst": [{**each, "window": days - 1} for each in (PRICES, BRANDS)] if windows else [],
        "alarms": alarms,
        "changes": [one for one in changes if windows or one["model"] == "xgboost"],
    }
