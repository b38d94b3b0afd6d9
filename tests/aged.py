"""What a backtest found, as `make backtest` leaves it for service and page."""

from typing import Any

POLICY = {"low": 1.0, "high": 3.0, "trained": ["2023-01"]}
FOUND: dict[str, Any] = {
    "model": "xgboost",
    "target": "TotalAmount",
    "unit": "$",
    "window_months": 12,
    "trained": ["2023-01", "2023-12"],
    "judged": ["2023-02", "2024-01"],
    "rows": 20_000,
    "beyond_pct": 1.0,
    "confidence": 0.95,
    "too_old_at": 3,
    "flat": False,
    "ages": [
        {"age": 1, "growth_pct": 0.0, "low": 0.0, "high": 0.0},
        {"age": 2, "growth_pct": 2.0, "low": 0.5, "high": 3.5},
        {"age": 3, "growth_pct": 5.0, "low": 3.0, "high": 7.0},
        {"age": 4, "growth_pct": None, "low": None, "high": None},
    ],
    "policies": [
        {"name": "monthly", "trainings": 12, "rmse": 2.5, "excess_pct": 0.0, **POLICY},
        {"name": "never", "trainings": 1, "rmse": 5.25, "excess_pct": 110.0, **POLICY},
        {"name": "on drift", "trainings": 3, "rmse": 2.75, "excess_pct": None, **POLICY},
        {"name": "every 2 months", "trainings": 6, "rmse": 2.6, "excess_pct": 4.0, **POLICY},
    ],
    "months": [],
    "known": [{"since": "2023-06-01", "what": "prices rise by 2 % a month"}],
}
