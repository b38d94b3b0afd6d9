"""The models' scores as one comparison."""

import pytest

from ui import compared


def scores(rmse, **changes):
    part = {"rmse": rmse, "mae": rmse / 2, "r2": 0.99, "max_error": 9.0, "bias": -rmse / 10}
    test = {**part, "p50_error": rmse / 2, "rmse_low": 0.9 * rmse, "rmse_high": 1.1 * rmse}
    found = {
        "train": part,
        "valid": part,
        "test": test,
        "skill_pct": 90.0,
        "coverage_pct": 90.0,
        "model_mb": 1.0,
        "worst_slice": "UnitPrice<50",
        "not_told_apart_from": "",
    }
    return {**found, **changes}


def rows(**found):
    table = compared.table(found, "$")
    return {row[0]: tuple(row[1:]) for row in table.map(lambda t: t.replace("\\", "")).to_numpy()}


def test_what_differs_most_stands_first_and_what_is_the_same_last():
    found = rows(champion=scores(2.0), challenger=scores(4.0, model_mb=1.1))
    names = list(found)
    assert names.index("Typical error") < names.index("Size of the model")
    assert names.index("Size of the model") < names.index("Largest error")
    assert found["Largest error"] == ("$9.00", "$9.00", "")


def test_the_better_one_is_bold_and_the_difference_has_its_sign():
    found = rows(champion=scores(2.0), challenger=scores(4.0, skill_pct=95.0))
    assert found["Typical error"] == ("**$2.00**", "$4.00", "+$2.00")
    better = "Error saved, against always saying the average"
    assert found[better] == ("90 %", "**95 %**", "+5 %")


def test_more_covered_than_promised_is_not_called_better():
    found = rows(champion=scores(2.0), challenger=scores(2.0, coverage_pct=99.0))
    assert found["True value within its range"] == ("90 %", "99 %", "+9 %")


def test_a_score_that_an_older_export_lacks_is_left_out_or_not_known():
    found = rows(champion=scores(2.0), challenger=scores(2.0, coverage_pct=None))
    assert found["True value within its range"][:2] == ("90 %", "not known")
    assert "Width of the range" not in found


def test_of_one_model_or_three_there_is_no_difference():
    assert list(compared.table({"champion": scores(1.0)}, "$").columns) == ["Score", "Champion"]
    three = {name: scores(1.0) for name in ("champion", "challenger", "fallback")}
    assert list(compared.table(three, "$").columns)[1:] == ["Champion", "Challenger", "Fallback"]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (2.0, 2.2, "The b's typical error, $2.20, is 10.0 % larger than the a's, $2.00."),
        (2.2, 2.0, "The b's typical error, $2.00, is 9.1 % smaller than the a's, $2.20."),
        (2.0, 8.0, "The b's typical error, $8.00, is 4 times larger than the a's, $2.00."),
        (9.0, 3.0, "The b's typical error, $3.00, is 3 times smaller than the a's, $9.00."),
        (0.0, 3.0, "The b's typical error, $3.00, is far larger than the a's, $0.0000."),
        (2.0, 2.001, "The a and the b are as good as each other, as far as these rows tell."),
    ],
)
def test_what_follows_is_said_in_a_sentence(first, second, said):
    assert compared.verdict({"a": scores(first), "b": scores(second)}, "$") == said


def test_alone_there_is_nothing_to_compare():
    assert compared.verdict({"a": scores(1.0)}, "$") == ""


def test_what_stands_beneath_the_table_is_told_of_each_model():
    found = {"champion": scores(2.0), "challenger": scores(4.0, not_told_apart_from="xgboost")}
    assert compared.sure(found, "$") == (
        "Typical error, 95 % sure: champion $1.80 to $2.20; challenger $3.60 to $4.40."
    )
    assert "champion: Unit price below 50" in compared.worst_groups(found)
    assert "the challenger: XGBoost" in compared.alike(found)
