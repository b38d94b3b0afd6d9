"""What the promotion rule decided, as the page says it."""

import pytest

from ui import decided

DECISION = {
    **{"what": "promoted", "reason": "better", "data": ""},
    **{"candidate_test_rmse": 9.0, "incumbent_test_rmse": 10.0, "improvement_pct": 10.0},
    **{"improvement_low": 1.25, "improvement_high": 18.5, "compared_rows": 20_000},
}


def test_both_errors_the_difference_and_how_sure_it_is():
    assert decided.compared(DECISION, "$") == {
        "Typical error": "$9.00",
        "Typical error of the champion then": "$10.00",
        "Smaller by": "10.00 %",
        "95 % sure": "1.25 % to 18.50 % smaller",
        "Rows that both were tried on": "20,000",
    }


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-1.2, 0.4, "1.20 % larger to 0.40 % smaller"), (-3.0, -1.0, "1.00 % to 3.00 % larger")],
)
def test_what_is_larger_is_not_called_smaller_by_less_than_nothing(low, high, said):
    change = {"improvement_pct": -0.05, "improvement_low": low, "improvement_high": high}
    told = decided.compared({**DECISION, **change}, "$")
    assert told["Larger by"] == "0.05 %"
    assert "Smaller by" not in told
    assert told["95 % sure"] == said


def test_without_an_interval_none_is_shown():
    assert "95 % sure" not in decided.compared({**DECISION, "improvement_low": None}, "$")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "It replaced the champion before it."),
        ({"what": "refused"}, "It did not replace the champion."),
        ({"incumbent_test_rmse": None}, "It became champion without another one to compare with."),
    ],
)
def test_what_came_of_it(change, said):
    assert decided.outcome({**DECISION, **change}) == said
