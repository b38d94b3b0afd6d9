"""How a model ages, in the view Models: what was found, and that nobody has looked."""

import json
import re
from typing import Any

import pytest

from tests.bento_server import serve, stop
from tests.ui.shown import everything
from ui import ageing

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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "From 3 months on a model is worse .* than 1 %, for sure: train it anew after 2 mon"),
        ({"too_old_at": 2}, "From 2 months on .*: train it anew each month"),
        ({"too_old_at": None}, "Up to 4 months of age no model is worse by more than 1 %, for"),
        ({"ages": FOUND["ages"][:1]}, "The months are too few to compare ages"),
        ({"too_old_at": None, "flat": True}, "Up to 4 months of age no model is told from a fresh"),
    ],
)
def test_what_follows_is_said_in_a_sentence(changes, said):

    assert re.match(said, ageing.verdict({**FOUND, **changes}))


def test_the_habits_are_told_with_what_they_cost():
    rows = ageing.habits(FOUND).to_numpy().tolist()
    assert rows == [
        ["Each month", "12", "–", r"\$2.50"],
        ["Never", "1", "110 %", r"\$5.25"],
        ["When its errors leave their level", "3", "?", r"\$2.75"],
        ["Every 2 months", "6", "4 %", r"\$2.60"],
    ]


@pytest.fixture(scope="module")
def both(promoted, tmp_path_factory):
    """Serve with a backtest that is written later than the service starts."""
    folder = tmp_path_factory.mktemp("served")
    result = folder / "result.json"
    process, url = serve(promoted, folder, BACKTEST=str(result))
    yield url, result
    stop(process)


def test_the_view_shows_what_was_found_and_before_how_to_find_it(page, both):
    url, result = both
    app = page("models", url)
    assert "Nobody has looked yet" in everything(app)
    assert not app.exception
    result.write_text(json.dumps(FOUND))
    app = page("models", url)
    shown = everything(app)
    assert "Nobody has looked yet" not in shown
    assert "From 3 months on a model is worse than a fresh one" in shown
    assert "prices rise by 2 % a month" in shown
    assert "XGBoost, judged by 20,000 rows of 2023-02 to 2024-01" in shown.replace("\\", "")
    assert app.table[-1].value["Trainings"].tolist() == ["12", "1", "3", "6"]
    assert not app.exception
