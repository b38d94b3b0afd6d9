"""How a model ages, in the view Models: what was found, and that nobody has looked."""

import json
import re

import pytest

from tests.aged import FOUND
from tests.bento_server import serve, stop
from tests.ui.shown import everything
from ui import ageing


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
